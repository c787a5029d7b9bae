"""The third beat: what became of a try is written down where its fence still holds, with the events that follow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher import breaker, pace
from services.publisher.claim import Claimed
from services.publisher.handlers import Planner
from services.publisher.life import BEGUN, State
from services.publisher.outcome import LIMITED_FOR, Next, Outcome, Tried, decide
from services.publisher.settings import PublisherSettings
from shared.adapter.contract import Pending, Published
from shared.adapter.errors import Limited, PlatformError
from shared.adapter.spec import Spec
from shared.database import Session
from shared.events import Event, PostFailed, PostPublished, PostUncertain

log = structlog.get_logger()

OUTCOMES = Counter("carillon_tries_total", "Tries to publish, by what became of them", ["platform", "outcome"])
UNSAID = Counter(
    "carillon_comments_missing_total",
    "Public posts whose first comment is missing, or may be: a credit as a rule",
    ["platform"],
)
LATENESS = Histogram(
    "carillon_publish_lateness_seconds",
    "From the time a post was planned for to the time it was public",
    ["platform"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200),
)
ASKED = Histogram(
    "carillon_request_to_publish_seconds",
    "From a request's acceptance to its post being public; later: its time was more than a minute after that",
    ["platform", "wanted"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200, 86_400),
)
AT_ONCE = timedelta(minutes=1)


# One statement: where the fence no longer holds, nothing changes but the try, whose outcome is kept as an orphan.
SETTLE = text(
    """
    WITH settled AS (
        UPDATE delivery d SET
            state = CASE WHEN :state = 'failed' AND (d.touched OR :touched) THEN 'needs_review' ELSE :state END,
            due_at = CASE WHEN :state = 'planned' THEN least(not_after, now() + make_interval(secs => :after))
                ELSE now() + make_interval(secs => :after) END, lease_until = NULL, claimed_by = NULL,
            reason = :reason, moved_by = 'worker',
            resume = coalesce(:resume, resume), external_id = coalesce(:external_id, external_id),
            permalink = coalesce(:permalink, permalink), external_ids = coalesce(:external_ids, external_ids),
            absent = :absent, unproven = :unproven,
            tries = tries - :unspent, tried_at = CASE WHEN :touched THEN now() ELSE tried_at END,
            touched = CASE WHEN :nothing_there THEN coalesce(resume -> 'parts', '[]') <> '[]'
                ELSE touched OR :touched END,
            published_at = CASE WHEN :state = 'published' THEN now() ELSE published_at END
        WHERE post = :post AND fence = :fence AND state = 'attempting'
        RETURNING state, published_at, waiting, touched, extract(epoch FROM now() - publish_at)::float AS late
    ), written AS (
        UPDATE try SET ended_at = now(), reason = :reason,
            outcome = CASE WHEN EXISTS (SELECT FROM settled) THEN :outcome ELSE 'orphan: ' || :outcome END
        WHERE post = :post AND fence = :fence AND ended_at IS NULL
    ), healed AS (
        UPDATE breaker SET failures = 0, opened = 0, until = NULL, probing = false
        WHERE platform = :platform AND :answered AND (failures > 0 OR until IS NOT NULL)
    )
    SELECT * FROM settled
    """
).bindparams(bindparam("resume", type_=JSONB(none_as_null=True)), bindparam("external_ids", type_=ARRAY(Text)))


async def settle(
    tried: Claimed,
    result: Tried,
    spec: Spec,
    db: Session,
    planner: Planner,
    settings: PublisherSettings,
    counts: Sequence[pace.Window] = (),
) -> Sequence[Event]:
    """Write the outcome down where the fence still holds, and return what follows.

    `counts` are those of the platform's accounts: what a claim took is given back when nothing of it is public.
    """
    outcome = result.outcome
    then = decide(tried, outcome, spec, settings)
    row = (await db.execute(SETTLE, _values(tried, result, then))).one_or_none()
    platform = tried.brief.platform
    db.when_committed(OUTCOMES.labels(platform, then.outcome if row else "orphan").inc)
    await _beware(tried, result, db, settings)
    if row is None:
        return []
    if tried.took and then.state in (State.PLANNED, State.FAILED) and not row.touched:
        elapsed = monotonic() - (tried.trusted_until - settings.trust_seconds)
        await pace.give_back(tried.channel, platform, tried.took, elapsed, counts, db)
    if row.state == State.NEEDS_REVIEW and then.state is State.FAILED:
        then = replace(then, state=State.NEEDS_REVIEW, reason=f"a part of it may be public; then: {then.reason}")
    if isinstance(outcome, Published) and outcome.unsaid:
        db.when_committed(UNSAID.labels(platform).inc)
        log.error("the first comment is missing, or may be", platform=platform, reason=outcome.unsaid)
    if then.state is State.PUBLISHED:
        db.when_committed(partial(_measure, tried, row.published_at, row.late))
    events = _events(tried, outcome, then, row.published_at)
    if row.waiting and then.state not in BEGUN:
        events += await planner.apply_waiting(tried.post, db)
    return events


def _measure(tried: Claimed, published_at: datetime, late: float) -> None:
    LATENESS.labels(tried.brief.platform).observe(max(0.0, late))
    if accepted := tried.brief.accepted_at:
        wanted = "later" if tried.publish_at > accepted + AT_ONCE else "at once"
        ASKED.labels(tried.brief.platform, wanted).observe(max(0.0, (published_at - accepted).total_seconds()))


async def _beware(tried: Claimed, result: Tried, db: Session, settings: PublisherSettings) -> None:
    """Leave an account alone that has done enough, and a platform that is out of order."""
    platform = tried.brief.platform
    if isinstance(result.outcome, Limited):
        account = platform if result.outcome.app else tried.channel
        await pace.block(account, result.outcome.after or LIMITED_FOR, result.outcome.reason, db)
    if result.spent:
        account = platform if result.spent.app else tried.channel
        await pace.block(account, result.spent.seconds, "its platform says that nothing of a quota is left", db)
    if result.failing and isinstance(result.outcome, PlatformError):
        await breaker.failed(platform, result.outcome.reason, db, settings, probe=tried.probe)
    elif tried.probe and result.failing is None:
        await breaker.unasked(platform, db)


def _values(tried: Claimed, result: Tried, then: Next) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "post": tried.post,
        "fence": tried.fence,
        "platform": tried.brief.platform,
        "state": then.state,
        "outcome": then.outcome,
        "after": then.after,
        "reason": then.reason,
        "absent": then.absent,
        "unproven": then.state in (State.UNCERTAIN, State.NEEDS_REVIEW),
        "unspent": 0 if then.spent else 1,
        "touched": result.touched or (tried.uncertain and isinstance(outcome, Pending)),
        "nothing_there": then.outcome == "absent",
        "answered": result.failing is False,
        "resume": dict(outcome.resume) if isinstance(outcome, Pending) else None,
        "external_id": outcome.external_id if isinstance(outcome, Published) else None,
        "permalink": outcome.permalink if isinstance(outcome, Published) else None,
        "external_ids": list(outcome.parts) if isinstance(outcome, Published) else None,
    }


def _events(tried: Claimed, outcome: Outcome, then: Next, published_at: datetime | None) -> list[Event]:
    post, revision, reason = tried.post, tried.attempt.revision, then.reason or ""
    if isinstance(outcome, Published) and published_at:
        return [
            PostPublished(
                post=post,
                revision=revision,
                payload_hash=tried.payload_hash,
                external_id=outcome.external_id,
                permalink=outcome.permalink,
                published_at=published_at,
                parts=outcome.parts,
                unsaid=outcome.unsaid,
                brief=tried.brief,
            )
        ]
    if then.state in (State.UNCERTAIN, State.NEEDS_REVIEW):
        person = then.state is State.NEEDS_REVIEW
        return [PostUncertain(post=post, revision=revision, reason=reason, needs_person=person)]
    if then.state is State.FAILED:
        return [PostFailed(post=post, revision=revision, remedy=then.outcome, reason=reason)]
    return []
