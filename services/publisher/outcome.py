"""What became of a try, and what follows: written where the fence still holds, with its events."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeAlias

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher import breaker, pace
from services.publisher.claim import Claimed
from services.publisher.handlers import Planner
from services.publisher.life import BEGUN, State
from services.publisher.settings import PublisherSettings
from shared.adapter.answers import Spent
from shared.adapter.contract import NotFound, Pending, Published
from shared.adapter.errors import Limited, PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.spec import Absence, Spec
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

# The platform is asked again after an outage of ours or of its accounts, sooner after a passing fault.
UNAUTHORIZED_AFTER = 300.0
LIMITED_FOR = 60.0
"""Seconds that an account is left alone that has done enough, where the platform does not say for how long."""
MOST_LOOKS = 20
"""Looks after which an unknown outcome is no longer looked up but asked of a person."""
ENOUGH_LOOKS = 2
"""Looks in a row that must have found nothing before absence counts."""


Outcome: TypeAlias = Published | Pending | NotFound | PlatformError


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try, and what its calls were like."""

    outcome: Outcome
    touched: bool = False
    """Whether something may have been made public."""
    failing: bool | None = None
    """Whether the platform was out of order; None where it was not asked."""
    spent: Spent | None = None
    """A quota that is used up, as the platform's answers said, whatever came of the try."""


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


@dataclass(frozen=True, slots=True)
class Next:
    """What a try's outcome makes of its delivery."""

    state: State
    outcome: str
    after: float | None = None
    reason: str | None = None
    absent: int = 0
    spent: bool = True
    """Whether it counts as a try."""


def decide(tried: Claimed, outcome: Outcome, spec: Spec, settings: PublisherSettings) -> Next:
    """Return what follows from an outcome; pure."""
    match outcome:
        case Published():
            return Next(State.PUBLISHED, "published", None, outcome.unsaid)
        case Pending():
            return Next(State.PENDING, "pending", outcome.after)
        case NotFound():
            return _not_found(tried, spec, settings)
        case Uncertain():
            return _unproven(tried, "uncertain", outcome.reason)
        case _ if tried.uncertain:
            # This call certainly failed, but what became of the one before it is still not known.
            then = _unproven(tried, "uncertain, and failed", outcome.reason, absent=tried.absent)
            return _no_sooner(then, outcome)
        case _:
            return _not_done(tried, outcome, settings)


def _not_found(tried: Claimed, spec: Spec, settings: PublisherSettings) -> Next:
    """Take absence for proof only after looks that came late enough, and only where the platform's word is proof."""
    absent = tried.absent + 1
    left = settings.proof_after(spec.lag) - tried.since
    if absent < ENOUGH_LOOKS or left > 0:
        then = _unproven(tried, "not found", "nothing was found yet", absent)
        soon = min(then.after or left, left) if left > 0 else then.after
        return replace(then, after=soon) if then.state is State.UNCERTAIN else then
    if spec.absence is Absence.PROVES:
        return Next(State.PLANNED, "absent", 0.0, f"{absent} looks in a row found nothing: it is not public")
    reason = f"{absent} looks in a row found nothing, which on this platform proves nothing"
    return Next(State.NEEDS_REVIEW, "unresolved", None, reason, absent)


def _not_done(tried: Claimed, error: PlatformError, settings: PublisherSettings) -> Next:
    """Return what follows when the platform certainly did not do it."""
    more = tried.tries < settings.most_tries
    match error:
        case Limited():
            return Next(State.PLANNED, "limited", error.after or LIMITED_FOR, error.reason, spent=False)
        case TryLater() if more:
            return Next(State.PLANNED, "try later", error.after or _later(tried.tries), error.reason)
        case Unauthorized() if more:
            return Next(State.PLANNED, "unauthorized", UNAUTHORIZED_AFTER, error.reason)
        case Rejected():
            return Next(State.FAILED, "rejected", None, error.reason)
        case _:
            return Next(State.FAILED, "gave up", None, f"{tried.tries} tries, the last one: {error.reason}")


def _unproven(tried: Claimed, outcome: str, reason: str, absent: int = 0) -> Next:
    """Look again later; a person is asked when looking has not helped for long."""
    if tried.looks >= MOST_LOOKS:
        return Next(State.NEEDS_REVIEW, outcome, None, f"{tried.looks} looks, the last one: {reason}", absent)
    return Next(State.UNCERTAIN, outcome, _later(tried.looks + 1), reason, absent)


def _no_sooner(then: Next, error: PlatformError) -> Next:
    """Obey a platform that says when to ask again."""
    if then.after is None or not isinstance(error, TryLater) or error.after is None:
        return then
    return replace(then, after=max(then.after, error.after))


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


def _later(tries: int) -> float:
    """Return the seconds until the next try: doubling from two, jittered, never more than ten minutes."""
    return float(min(600.0, 2.0 * 2 ** min(tries - 1, 10)) * random.uniform(0.75, 1.25))  # noqa: S311 - not a secret
