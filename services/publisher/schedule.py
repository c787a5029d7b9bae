"""When a post's time has come, whoever works for its platform is told; when it has passed, everybody is."""

from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import Gauge
from sqlalchemy import ARRAY, Text, bindparam, text

from services.publisher.settings import PublisherSettings
from services.publisher.tables import MOST_LOOKS, OPEN, PARTLY_PUBLIC, UNTOUCHED, State, open_channels, quoted
from shared.channels import Registry
from shared.database import Row, Session
from shared.events import Event, PostDue, PostExpired, PostHeld, PostUncertain
from shared.mailbox import Caused

OLDEST = Gauge("carillon_oldest_due_seconds", "How long ago the longest waiting post was due")

BATCH = 500
GONE = "its worker did not come back"

# One look at a due row decides what becomes of it, in this order: its time is over; its channel may not publish; the
# post it must follow is not public yet; it is due. A row that was announced is announced again if nobody claims it.
LOOK = f"""
    WITH ready AS (
        SELECT post, state AS was, due_at AS was_due FROM delivery
        WHERE state IN ({quoted(OPEN)}) AND due_at <= now()
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    ), seen AS (
        SELECT r.post, r.was, r.was_due, CASE
            WHEN d.state <> 'uncertain' AND d.not_after <= now() THEN
                CASE WHEN {PARTLY_PUBLIC} THEN 'needs_review' ELSE 'expired' END
            WHEN d.state = 'awaiting' THEN 'awaiting'
            WHEN d.state IN ({quoted(UNTOUCHED)}) AND NOT d.channel = ANY(:open_channels) THEN 'held'
            WHEN d.state IN ({quoted(UNTOUCHED)}) AND d.after IS NOT NULL AND NOT EXISTS (
                SELECT FROM delivery first WHERE first.post = d.after AND first.state = 'published') THEN 'planned'
            WHEN d.state IN ({quoted(UNTOUCHED)}) THEN 'due'
            ELSE d.state END AS next
        FROM ready r JOIN delivery d USING (post)
    )
    UPDATE delivery d SET
        state = s.next,
        due_at = CASE
            WHEN s.next IN ('expired', 'needs_review') THEN NULL
            WHEN s.next = 'awaiting' THEN d.not_after
            WHEN s.next = 'planned' THEN now() + interval '2 seconds'
            WHEN s.next = 'held' THEN now() + interval '5 seconds'
            ELSE now() + make_interval(secs => :rewake) END
    FROM seen s WHERE d.post = s.post
    RETURNING d.post, d.revision, d.platform, d.channel, d.traceparent, s.was, d.state,
        extract(epoch FROM now() - s.was_due)::float AS late
    """  # noqa: S608 - constants
CHANNELS = bindparam("open_channels", type_=ARRAY(Text))
WAKE = text(LOOK).bindparams(CHANNELS)

# A worker that is gone left its call unproven. Nobody may simply call again: it is looked up first.
ABANDONED = text(
    f"""
    UPDATE delivery SET
        state = CASE WHEN tries < {MOST_LOOKS} THEN 'uncertain' ELSE 'needs_review' END,
        due_at = CASE WHEN tries < {MOST_LOOKS} THEN now() END,
        reason = '{GONE}'
    WHERE post IN (
        SELECT post FROM delivery WHERE state = 'attempting' AND lease_until <= now() LIMIT 500 FOR UPDATE SKIP LOCKED
    ) RETURNING post, revision, traceparent, state
    """  # noqa: S608 - constants
)
REST = text(
    f"SELECT extract(epoch FROM min(due_at) - now())::float FROM delivery WHERE state IN ({quoted(OPEN)})"  # noqa: S608
)


class Scheduler:
    """Turns due rows into events; two of them at once are safe."""

    def __init__(self, settings: PublisherSettings, registry: Callable[[], Registry]) -> None:
        self._settings = settings
        self._registry = registry

    async def tick(self, db: Session) -> tuple[Sequence[Caused], float | None]:
        """Announce what is due, expire what is too late, take back what was abandoned."""
        lost = (await db.execute(ABANDONED)).all()
        rows = (await db.execute(WAKE, {"most": BATCH, **self._parameters()})).all()
        OLDEST.set(max((row.late for row in rows), default=0))
        events = [Caused(_lost(row), row.traceparent) for row in lost]
        for row in rows:
            events += [Caused(event, row.traceparent) for event in _announce(row)]
        if len(rows) == BATCH or lost:
            return events, 0
        rest: float | None = (await db.execute(REST)).scalar_one()
        return events, rest

    def _parameters(self) -> dict[str, Any]:
        return {
            "rewake": self._settings.rewake_seconds,
            "open_channels": open_channels(self._registry()),
        }


def _lost(row: Row) -> PostUncertain:
    person = row.state == State.NEEDS_REVIEW
    return PostUncertain(post=row.post, revision=row.revision, reason=GONE, needs_person=person)


def _announce(row: Row) -> list[Event]:
    """Return what a row's new state means to others."""
    match row.state:
        case State.EXPIRED:
            reason = "its time ran out before it was approved" if row.was == State.AWAITING else "its time ran out"
            return [PostExpired(post=row.post, revision=row.revision, reason=reason)]
        case State.NEEDS_REVIEW:
            reason = "its time ran out with a part of the thread public"
            return [PostUncertain(post=row.post, revision=row.revision, reason=reason, needs_person=True)]
        case State.HELD if row.was != State.HELD:
            return [PostHeld(post=row.post, revision=row.revision, reason=f"{row.channel} is switched off")]
        case State.DUE | State.PENDING | State.UNCERTAIN:
            return [PostDue(post=row.post, revision=row.revision, platform=row.platform)]
        case _:
            return []
