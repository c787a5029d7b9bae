"""When a post's time has come, whoever works for its platform is told; when it has passed, everybody is."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from prometheus_client import Counter
from sqlalchemy import ARRAY, DateTime, Text, bindparam, text

from services.publisher.gates import HELD, OPEN_CHANNELS
from services.publisher.life import UNTOUCHED, WATCHED, State, quoted
from services.publisher.outcome import MOST_LOOKS
from services.publisher.settings import PublisherSettings
from services.publisher.stance import Now, now_of
from shared.channels import Registry
from shared.database import Row, Session
from shared.events import Event, PostDue, PostExpired, PostHeld, PostUncertain
from shared.mailbox import Caused

OVERRUN = Counter(
    "carillon_leases_overrun_total", "Tries whose worker neither ended them nor kept its lease", ["platform"]
)

BATCH = 500
RECENT, EVER = 10.0, 3e9
"""Seconds that a look goes back: mostly this far, and now and then to all that is left over."""
EVERY = 1.0
"""Seconds between two looks that go back for ever."""
GONE = "its worker did not come back"

# One look at a due row decides what becomes of it, in this order: its time is over; a hold covers it, or its channel
# may not publish; the post it must follow is not public yet (one that never will be ends it, one that failed may still
# be edited); its channel's hours are quiet; it is due. A row that was announced is announced again if nobody claims it.
#
#   hold       those that stand, read once: in what follows the name means these
#   ready      the rows as they are once they are locked; those of the last seconds, mostly. While some old transaction
#              is open nothing sweeps the index entries of what was announced, and to go through all takes ever longer
#   seen       MATERIALIZED, or each of the places below that ask for `next` would find it out again
NEVER = "'the post that it follows, ' || d.after || ', will never be public: it is ' || s.first"
LOOK = f"""
    WITH hold AS MATERIALIZED (SELECT scope, released_at FROM hold WHERE released_at IS NULL
    ), ready AS (
        SELECT post, state, due_at, channel, not_after, after, touched, urgency, facets FROM delivery
        WHERE state IN ({quoted(WATCHED)}) AND due_at <= now() AND due_at > now() - make_interval(secs => :back)
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    ), seen AS MATERIALIZED (
        SELECT d.post, d.state AS was, d.first, CASE WHEN d.urgency = 0 THEN q.until END AS quiet_until, CASE
            WHEN d.state IN ({quoted(UNTOUCHED)}) AND d.not_after <= now() THEN
                CASE WHEN d.touched THEN 'needs_review' ELSE 'expired' END
            WHEN d.state = 'pending' AND NOT d.touched AND d.not_after <= now() THEN 'expired'
            WHEN d.state = 'pending' AND d.not_after + make_interval(secs => :linger) <= now() THEN 'needs_review'
            WHEN d.state NOT IN ('planned', 'held', 'due') THEN d.state
            WHEN d.first IN ('expired', 'cancelled') AND NOT d.touched THEN 'expired'
            WHEN {HELD} THEN 'held' WHEN NOT d.channel = ANY(:open_channels) THEN 'held'
            WHEN d.after IS NOT NULL AND d.first IS DISTINCT FROM 'published' THEN 'planned'
            WHEN d.urgency = 0 AND q.until IS NOT NULL THEN 'planned'
            ELSE 'due' END AS next
        FROM (
            SELECT r.*, CASE WHEN r.after IS NOT NULL THEN (SELECT state FROM delivery WHERE post = r.after) END
                AS first FROM ready r) d
        LEFT JOIN unnest(:quiet_channels, :quiet_until) AS q (channel, until) ON q.channel = d.channel
    )
    UPDATE delivery d SET
        state = s.next, moved_by = 'scheduler',
        due_at = CASE
            WHEN s.next IN ('expired', 'needs_review') THEN NULL
            WHEN s.next = 'awaiting' THEN d.not_after
            WHEN s.next = 'planned' THEN least(d.not_after, coalesce(s.quiet_until, now() + interval '2 seconds'))
            WHEN s.next = 'held' THEN least(d.not_after, now() + interval '30 seconds')
            ELSE now() + make_interval(secs => :rewake) END,
        reason = CASE
            WHEN s.next = 'expired' AND s.was = 'awaiting' THEN 'its time ran out before it was approved'
            WHEN s.next = 'expired' AND s.first IN ('expired', 'cancelled') THEN {NEVER}
            WHEN s.next = 'expired' AND s.was = 'held' THEN 'its time ran out while it was held'
            WHEN s.next = 'expired' AND d.after IS NOT NULL AND s.first IS DISTINCT FROM 'published' THEN
                'its time ran out while the post that it follows, ' || d.after || ', was '
                    || coalesce(replace(s.first, '_', ' '), 'unknown')
            WHEN s.next = 'expired' THEN 'its time ran out'
            WHEN s.next = 'needs_review' AND s.was = 'pending' THEN 'its time ran out while the platform was at it'
            WHEN s.next = 'needs_review' THEN 'its time ran out with a part of it public'
            WHEN s.next = 'held' THEN CASE WHEN {HELD} THEN 'a hold covers it' ELSE 'its channel is switched off' END
            WHEN s.next = 'planned' THEN CASE WHEN s.quiet_until IS NULL THEN 'it waits for the post before it'
                ELSE 'its channel''s hours are quiet' END
            ELSE d.reason END
    FROM seen s WHERE d.post = s.post
    RETURNING d.post, d.revision, d.platform, d.channel, d.traceparent, s.was, d.state, d.reason
    """  # noqa: S608 - constants
QUIET = (bindparam("quiet_channels", type_=ARRAY(Text)), bindparam("quiet_until", type_=ARRAY(DateTime(timezone=True))))
WAKE = text(LOOK).bindparams(OPEN_CHANNELS, *QUIET)

# A worker that is gone left its call unproven. Nobody may simply call again: it is looked up first.
ABANDONED = text(
    f"""
    UPDATE delivery SET
        state = CASE WHEN looks < {MOST_LOOKS} THEN 'uncertain' ELSE 'needs_review' END,
        due_at = CASE WHEN looks < {MOST_LOOKS} THEN now() END, unproven = true, touched = true,
        tried_at = lease_until - make_interval(secs => :lease), reason = '{GONE}', moved_by = 'scheduler'
    WHERE post IN (
        SELECT post FROM delivery WHERE state = 'attempting' AND lease_until <= now() LIMIT 500 FOR UPDATE SKIP LOCKED
    ) RETURNING post, revision, platform, traceparent, state
    """  # noqa: S608 - constants
)
# What is due already has just been announced, or another scheduler has it in hand. Not to ask for it spares the index
# entries of all that was announced before: while some old transaction is open, nothing sweeps them.
REST = text(
    f"""
    SELECT extract(epoch FROM min(due_at) - now())::float FROM delivery
    WHERE state IN ({quoted(WATCHED)}) AND due_at > now()
    """  # noqa: S608 - constants
)


class Scheduler:
    """Turns due rows into events; two of them at once are safe."""

    def __init__(self, settings: PublisherSettings, registry: Callable[[], Registry]) -> None:
        self._settings = settings
        self._registry = registry
        self._complete_at = float("-inf")
        self._left = False

    async def tick(self, db: Session) -> tuple[Sequence[Caused], float | None]:
        """Announce what is due, expire what is too late, take back what was abandoned."""
        lost = (await db.execute(ABANDONED, {"lease": self._settings.lease_seconds})).all()
        rows = (await db.execute(WAKE, {"most": BATCH, "back": self._back(), **self._parameters()})).all()
        self._left = len(rows) == BATCH
        for row in lost:
            db.when_committed(OVERRUN.labels(row.platform).inc)
        events = [Caused(_lost(row), row.traceparent) for row in lost]
        for row in rows:
            events += [Caused(event, row.traceparent) for event in _announce(row)]
        if self._left or lost:
            return events, 0
        rest: float | None = (await db.execute(REST)).scalar_one()
        return events, rest

    def _back(self) -> float:
        """Return how far to look back: for ever once in a while, and as long as a look does not find all."""
        now = monotonic()
        if not self._left and now < self._complete_at + EVERY:
            return RECENT
        self._complete_at = now
        return EVER

    def _parameters(self) -> dict[str, Any]:
        now: Now = now_of(self._registry())
        return {
            "rewake": self._settings.rewake_seconds,
            "linger": self._settings.linger_seconds,
            "open_channels": now.open,
            "quiet_channels": list(now.quiet),
            "quiet_until": list(now.quiet.values()),
        }


def _lost(row: Row) -> PostUncertain:
    person = row.state == State.NEEDS_REVIEW
    return PostUncertain(post=row.post, revision=row.revision, reason=GONE, needs_person=person)


def _announce(row: Row) -> list[Event]:
    """Return what a row's new state means to others."""
    match row.state:
        case State.EXPIRED:
            return [PostExpired(post=row.post, revision=row.revision, reason=row.reason)]
        case State.NEEDS_REVIEW:
            return [PostUncertain(post=row.post, revision=row.revision, reason=row.reason, needs_person=True)]
        case State.HELD if row.was != State.HELD:
            return [PostHeld(post=row.post, revision=row.revision, reason=row.reason)]
        case State.DUE | State.PENDING | State.UNCERTAIN:
            return [PostDue(post=row.post, revision=row.revision, platform=row.platform)]
        case _:
            return []
