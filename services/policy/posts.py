"""The row of a post, and its four changes: received, judged, postponed, ended.

Until when an approval is valid, and when the facts are looked at next:

- a post that is due later than the lead: until `publish_at`, looked at again the lead before; without that look it does
  not go out
- a post that is due: for the time of an approval from now, looked at again the lead before it ends
- never beyond `not_after`, and no more looks once it reaches that far
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.policy.facts import CommonsFile, Facts
from services.policy.judge import Outcome, Verdict
from services.policy.settings import PolicySettings
from shared.events import (
    Event,
    Objection,
    PostApproved,
    PostEvent,
    PostRefused,
    PostRequested,
    PostReviewRequested,
    Trust,
)
from shared.payload import Payload

DECISIONS = Counter("carillon_policy_decisions_total", "Decisions about posts", ["verdict", "renewed"])

UNTIL = """
    least(CASE WHEN publish_at - CAST(:lead AS interval) > now() THEN publish_at
          ELSE now() + CAST(:approval AS interval) END, not_after)
"""
RECEIVE = text(
    f"""
    WITH asked AS (
        SELECT *, CASE WHEN CAST(:verdict AS text) = 'approved' THEN {UNTIL} END AS until
        FROM (SELECT CAST(:publish_at AS timestamptz) AS publish_at, CAST(:not_after AS timestamptz) AS not_after) AS t
    ), stored AS (
        INSERT INTO post AS p (id, revision, payload, payload_hash, trust, intact, traceparent, verdict, decision,
                               publish_at, not_after, valid_until, due_at)
        SELECT :post, :revision, CAST(:payload AS jsonb), :hash, :trust, :intact, :traceparent, :verdict, :decision,
               publish_at, not_after, until,
               CASE WHEN CAST(:verdict AS text) IS NULL THEN now()
                    WHEN not_after IS NULL OR until < not_after THEN until - CAST(:lead AS interval) END
        FROM asked
        ON CONFLICT (id) DO UPDATE SET
            revision = excluded.revision, payload = excluded.payload, payload_hash = excluded.payload_hash,
            trust = excluded.trust, intact = excluded.intact, traceparent = excluded.traceparent,
            verdict = excluded.verdict, decision = excluded.decision, publish_at = excluded.publish_at,
            not_after = excluded.not_after, valid_until = excluded.valid_until, due_at = excluded.due_at,
            files = NULL, looked_up_at = NULL, terminal = NULL, tries = 0, fence = p.fence + 1
        WHERE p.revision < excluded.revision AND coalesce(p.terminal, '') NOT IN ('cancelled', 'published')
        RETURNING valid_until
    ), logged AS (
        INSERT INTO decision (id, post, revision, payload_hash, pack, facts, verdict, objections, valid_until)
        SELECT :decision, :post, :revision, :hash, :pack, CAST(:facts AS jsonb), :verdict, CAST(:objections AS jsonb),
               valid_until
        FROM stored WHERE CAST(:decision AS uuid) IS NOT NULL
    )
    SELECT valid_until FROM stored
    """  # noqa: S608 - put together from constants; every value is bound
)
ANSWERED = text(
    """
    SELECT d.id, d.revision, d.payload_hash, d.pack, d.verdict, d.objections::text AS objections, p.valid_until
    FROM post AS p JOIN decision AS d ON d.id = p.decision
    WHERE p.id = :post AND p.revision = :revision AND p.terminal IS NULL
    """
)
CLAIM = text(
    """
    WITH due AS (
        SELECT id FROM post WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE post AS p SET fence = fence + 1, due_at = now() + CAST(:lease AS interval)
    FROM due WHERE p.id = due.id
    RETURNING p.id, p.revision, p.payload::text AS payload, p.payload_hash, p.trust, p.intact, p.files::text AS files,
              extract(epoch FROM now() - p.looked_up_at)::float AS age, p.verdict, p.fence, p.tries, p.traceparent
    """
)
NEXT = text("SELECT extract(epoch FROM min(due_at) - now())::float FROM post WHERE due_at IS NOT NULL")
JUDGED = text(
    f"""
    WITH asked AS (
        SELECT id, not_after, CASE WHEN :verdict = 'approved' THEN {UNTIL} END AS until
        FROM post WHERE id = :post AND fence = :fence FOR UPDATE
    ), kept AS (
        UPDATE post AS p SET verdict = :verdict, decision = :decision, tries = 0,
            files = CAST(:files AS jsonb),
            looked_up_at = CASE WHEN :fresh THEN now() ELSE looked_up_at END, valid_until = until,
            due_at = CASE WHEN a.not_after IS NULL OR until < a.not_after THEN until - CAST(:lead AS interval) END
        FROM asked AS a WHERE p.id = a.id
        RETURNING p.revision, p.payload_hash, p.valid_until
    ), logged AS (
        INSERT INTO decision (id, post, revision, payload_hash, pack, facts, verdict, objections, valid_until)
        SELECT :decision, :post, revision, payload_hash, :pack, CAST(:facts AS jsonb), :verdict,
               CAST(:objections AS jsonb), valid_until
        FROM kept
    )
    SELECT valid_until FROM kept
    """  # noqa: S608 - put together from constants; every value is bound
)
POSTPONE = text(
    """
    UPDATE post SET due_at = now() + CAST(:after AS interval), tries = tries + 1 WHERE id = :post AND fence = :fence
    """
)
END = text(
    """
    INSERT INTO post AS p (id, revision, terminal) VALUES (:post, :revision, :terminal)
    ON CONFLICT (id) DO UPDATE SET terminal = excluded.terminal, due_at = NULL, fence = p.fence + 1
    WHERE excluded.terminal IN ('cancelled', 'published') AND p.terminal IS DISTINCT FROM 'published'
       OR p.revision <= excluded.revision AND p.terminal IS NULL
    """
)


@dataclass(frozen=True, slots=True)
class Look:
    """A post whose facts are being looked at."""

    post: UUID
    revision: int
    payload: Payload
    payload_hash: str
    trust: Trust
    intact: bool
    files: Mapping[str, CommonsFile] | None
    """What Commons said the last time; None before the first."""
    age: float | None
    """Seconds since then."""
    approved: bool
    """Whether an approval is out, to be renewed or taken back."""
    fence: int
    tries: int
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict with the pack that led to it and the facts it rests on; its id is the decision's."""

    id: UUID
    pack: str
    facts: Facts
    verdict: Verdict

    @classmethod
    def of(cls, pack: str, facts: Facts, verdict: Verdict) -> "Decided":
        """Give a verdict its number."""
        return cls(uuid4(), pack, facts, verdict)

    @property
    def row(self) -> dict[str, Any]:
        """The parameters that write it."""
        return {
            "decision": self.id,
            "pack": self.pack,
            "facts": self.facts.model_dump_json(),
            "verdict": self.verdict.outcome.value,
            "objections": json.dumps([o.model_dump(mode="json") for o in self.verdict.objections]),
        }


UNDECIDED: dict[str, Any] = dict.fromkeys(("decision", "pack", "facts", "verdict", "objections"))


async def receive(
    event: PostRequested,
    intact: bool,
    decided: Decided | None,
    traceparent: str | None,
    db: AsyncSession,
    settings: PolicySettings,
) -> list[Event]:
    """Store a post that is new here and return the answer, if there is one; a known revision gets its answer again."""
    asked: dict[str, Any] = {
        "post": event.post,
        "revision": event.revision,
        "payload": event.payload.model_dump_json(exclude_defaults=True),
        "hash": event.payload_hash,
        "trust": event.brief.requester.trust.value,
        "intact": intact,
        "publish_at": event.timing.publish_at,
        "not_after": event.timing.not_after,
        "traceparent": traceparent,
    }
    row = (await db.execute(RECEIVE, asked | times(settings) | (decided.row if decided else UNDECIDED))).first()
    if row is None:
        return await recorded_answer(event, db)
    if decided is None:
        return []
    DECISIONS.labels(decided.verdict.outcome, "false").inc()
    return [answer(event, event.payload_hash, decided, row.valid_until, renewed=False)]


async def recorded_answer(event: PostEvent, db: AsyncSession) -> list[Event]:
    """Return the answer that this revision got, as a new event: who asks again has missed it."""
    row = (await db.execute(ANSWERED, {"post": event.post, "revision": event.revision})).first()
    if row is None:
        return []
    objections = tuple(Objection.model_validate(o) for o in json.loads(row.objections))
    decided = Decided(row.id, row.pack, Facts(), Verdict(Outcome(row.verdict), objections))
    return [answer(event, row.payload_hash, decided, row.valid_until, renewed=False)]


async def claim(most: int, lease: timedelta, db: AsyncSession) -> Sequence[Look]:
    """Claim posts whose facts are due to be looked at."""
    rows = (await db.execute(CLAIM, {"most": most, "lease": lease})).all()
    return [
        Look(
            row.id,
            row.revision,
            Payload.model_validate_json(row.payload),
            row.payload_hash,
            Trust(row.trust),
            row.intact,
            {t: CommonsFile.model_validate(f) for t, f in json.loads(row.files).items()} if row.files else None,
            row.age,
            row.verdict == Outcome.APPROVED,
            row.fence,
            row.tries,
            row.traceparent,
        )
        for row in rows
    ]


async def seconds_until_due(db: AsyncSession) -> float | None:
    """Return the seconds until the next post is due to be looked at; None when none is."""
    seconds: float | None = (await db.execute(NEXT)).scalar()
    return seconds


async def record(
    look: Look, decided: Decided, *, fresh: bool, db: AsyncSession, settings: PolicySettings
) -> Event | None:
    """Write a decision where the fence still holds, and return what it says to the others."""
    files = json.dumps({title: file.model_dump(mode="json") for title, file in decided.facts.files.items()})
    asked = {"post": look.post, "fence": look.fence, "files": files, "fresh": fresh}
    row = (await db.execute(JUDGED, asked | times(settings) | decided.row)).first()
    if row is None:
        return None
    DECISIONS.labels(decided.verdict.outcome, str(look.approved).lower()).inc()
    about = PostEvent(post=look.post, revision=look.revision)
    return answer(about, look.payload_hash, decided, row.valid_until, renewed=look.approved)


async def postpone(look: Look, after: timedelta, db: AsyncSession) -> None:
    """Look again later."""
    await db.execute(POSTPONE, {"post": look.post, "fence": look.fence, "after": after})


async def end(event: PostEvent, terminal: str, db: AsyncSession) -> None:
    """Renew nothing more; what ended by failing or expiring may begin again as a newer revision."""
    await db.execute(END, {"post": event.post, "revision": event.revision, "terminal": terminal})


def answer(
    about: PostEvent, payload_hash: str, decided: Decided, valid_until: datetime | None, *, renewed: bool
) -> Event:
    """Return the event that tells a decision."""
    outcome, objections = decided.verdict.outcome, decided.verdict.objections
    if outcome is Outcome.APPROVED:
        assert valid_until is not None
        return PostApproved(
            post=about.post,
            revision=about.revision,
            payload_hash=payload_hash,
            pack=decided.pack,
            decision=decided.id,
            valid_until=valid_until,
            renewed=renewed,
        )
    kind = PostRefused if outcome is Outcome.REFUSED else PostReviewRequested
    return kind(
        post=about.post,
        revision=about.revision,
        payload_hash=payload_hash,
        pack=decided.pack,
        decision=decided.id,
        objections=objections,
    )


def times(settings: PolicySettings) -> dict[str, timedelta]:
    """Return how long an approval is valid and how early it is renewed, as parameters."""
    return {"lead": settings.approval_lead, "approval": settings.approval}
