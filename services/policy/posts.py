"""The row of a post, and its four changes: received, judged, postponed, ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prometheus_client import Counter

from services.policy.decided import UNDECIDED, Decided, answer
from services.policy.facts import CommonsFile, Facts
from services.policy.judge import Outcome, Verdict
from services.policy.settings import PolicySettings
from services.policy.statements import ANSWERED, CLAIM, END, JUDGED, NEXT, OVERDUE, POSTPONE, RECEIVE
from shared.content import Audience
from shared.database import Row, Session
from shared.events import (
    Event,
    Objection,
    PostEvent,
    PostRequested,
    Trust,
)
from shared.payload import Payload

DECISIONS = Counter("carillon_policy_decisions_total", "Decisions about posts", ["verdict", "renewed"])


@dataclass(frozen=True, slots=True)
class Look:
    """A post whose facts are being looked at."""

    post: UUID
    revision: int
    payload: Payload
    payload_hash: str
    trust: Trust
    audience: Audience
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


class Arrival(NamedTuple):
    """A post that is asked for, and what can be said of it at once."""

    event: PostRequested
    payload: str
    """The event's, as JSON."""
    intact: bool
    decided: Decided | None
    """None where something has to be looked up first."""
    traceparent: str | None


async def receive(arrivals: Sequence[Arrival], db: Session, settings: PolicySettings) -> list[list[Event]]:
    """Store the posts that are new here and return the answer to each, if there is one.

    Each is about another post; a known revision gets its answer again.
    """
    rows = await db.execute_each(RECEIVE, [_asked(arrival) | times(settings) for arrival in arrivals])
    return [await _answered(arrival, rows.get(arrival.event.post), db) for arrival in arrivals]


def _asked(arrival: Arrival) -> dict[str, Any]:
    event = arrival.event
    return {
        "post": event.post,
        "revision": event.revision,
        "payload": arrival.payload,
        "hash": event.payload_hash,
        "trust": event.brief.requester.trust.value,
        "audience": event.brief.about.audience.value,
        "intact": arrival.intact,
        "publish_at": event.timing.publish_at,
        "not_after": event.timing.not_after,
        "traceparent": arrival.traceparent,
        **(arrival.decided.row if arrival.decided else UNDECIDED),
    }


async def _answered(arrival: Arrival, row: Row | None, db: Session) -> list[Event]:
    event, decided = arrival.event, arrival.decided
    if row is None:
        return await recorded_answer(event, db)
    if decided is None:
        return []
    DECISIONS.labels(decided.verdict.outcome, "false").inc()
    return [answer(event, event.payload_hash, decided, row.valid_until, renewed=False)]


async def recorded_answer(event: PostEvent, db: Session) -> list[Event]:
    """Return the answer that this revision got, as a new event: who asks again has missed it."""
    row = (await db.execute(ANSWERED, {"post": event.post, "revision": event.revision})).first()
    if row is None:
        return []
    objections = tuple(Objection.model_validate(o) for o in json.loads(row.objections))
    decided = Decided(row.id, row.pack, Facts(), Verdict(Outcome(row.verdict), objections))
    return [answer(event, row.payload_hash, decided, row.valid_until, renewed=False)]


async def look_again(db: Session) -> None:
    """Have the facts looked at of all approved posts whose time has come and that are not out yet."""
    await db.execute(OVERDUE)


async def claim(most: int, lease: timedelta, db: Session) -> Sequence[Look]:
    """Claim posts whose facts are due to be looked at."""
    rows = (await db.execute(CLAIM, {"most": most, "lease": lease})).all()
    return [
        Look(
            row.id,
            row.revision,
            Payload.model_validate_json(row.payload),
            row.payload_hash,
            Trust(row.trust),
            Audience(row.audience),
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


async def seconds_until_due(db: Session) -> float | None:
    """Return the seconds until the next post is due to be looked at; None when none is."""
    seconds: float | None = (await db.execute(NEXT)).scalar()
    return seconds


async def record(look: Look, decided: Decided, *, fresh: bool, db: Session, settings: PolicySettings) -> Event | None:
    """Write a decision where the fence still holds, and return what it says to the others."""
    files = json.dumps({title: file.model_dump(mode="json") for title, file in decided.facts.files.items()})
    asked = {"post": look.post, "fence": look.fence, "files": files, "fresh": fresh}
    row = (await db.execute(JUDGED, asked | times(settings) | decided.row)).first()
    if row is None:
        return None
    DECISIONS.labels(decided.verdict.outcome, str(look.approved).lower()).inc()
    about = PostEvent(post=look.post, revision=look.revision)
    return answer(about, look.payload_hash, decided, row.valid_until, renewed=look.approved)


async def postpone(look: Look, after: timedelta, db: Session) -> None:
    """Look again later."""
    await db.execute(POSTPONE, {"post": look.post, "fence": look.fence, "after": after})


async def end(ends: Sequence[tuple[PostEvent, str]], db: Session) -> None:
    """Renew nothing more of these posts; what ended by failing or expiring may begin again as a newer revision."""
    each = [{"post": event.post, "revision": event.revision, "terminal": terminal} for event, terminal in ends]
    await db.execute_each(END, each)


def times(settings: PolicySettings) -> dict[str, timedelta]:
    """Return how long an approval is valid and how early it is renewed, as parameters."""
    return {"lead": settings.approval_lead, "approval": settings.approval}
