"""Holds: nothing in a scope goes out until further notice.

A hold counts from its commit on: every claim and every leave to go on asks for it (`gates.MAY_GO`). What is due is held
at once, what becomes due later is held by the scheduler; what is public stays as it is. When it is released, what is
long past its time needs approval again.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Text, Uuid, bindparam, text

from services.publisher.gates import HELD
from services.publisher.life import mover
from services.publisher.settings import PublisherSettings
from shared.database import Row, Session
from shared.events import Event, HoldPlaced, HoldReleased, PostHeld
from shared.mailbox import Caused

SCOPE = bindparam("scope", type_=ARRAY(Text))

PLACE = text(
    """
    INSERT INTO hold (id, scope, reason, tool, person) VALUES (:id, :scope, :reason, :tool, :person)
    ON CONFLICT (id) DO NOTHING RETURNING id
    """
).bindparams(SCOPE)
# Rows that somebody has locked at this moment are passed over, here and at the release: to wait for them could end in
# a deadlock, and who has them asks for holds as well. The scheduler finds them held when it looks at them next.
STOP = text(
    """
    UPDATE delivery SET state = 'held', due_at = least(not_after, now() + interval '30 seconds'),
        reason = 'a hold covers it: ' || :reason, moved_by = :by
    WHERE post IN (SELECT post FROM delivery WHERE state = 'due' AND facets @> :scope FOR UPDATE SKIP LOCKED)
    RETURNING post, revision, traceparent, reason
    """
).bindparams(SCOPE)
RELEASE = text(
    "UPDATE hold SET released_at = now(), released_by = :by WHERE id = :id AND released_at IS NULL RETURNING scope"
)
# What another hold covers stays held. Policy hears of the release and looks again at what needs it.
GO = text(
    f"""
    UPDATE delivery d SET
        state = CASE WHEN s.stale THEN 'awaiting' ELSE 'planned' END,
        due_at = CASE WHEN s.stale THEN d.not_after ELSE now() END,
        verdict = CASE WHEN s.stale THEN NULL ELSE d.verdict END,
        approved_until = CASE WHEN s.stale THEN NULL ELSE d.approved_until END,
        reason = CASE WHEN s.stale THEN 'held for long: it needs approval again' ELSE 'its hold was released' END,
        moved_by = :by
    FROM (SELECT post, publish_at < now() - make_interval(secs => :stale_after) AS stale FROM delivery
          WHERE state = 'held' AND facets @> :scope FOR UPDATE SKIP LOCKED) s
    WHERE d.post = s.post AND d.state = 'held' AND NOT {HELD} RETURNING s.stale
    """  # noqa: S608 - constants
).bindparams(SCOPE)
READ = text("SELECT id, scope, reason, tool, person, placed_at, released_at, released_by FROM hold WHERE id = :id")
LIST = text(
    """
    SELECT id, scope, reason, tool, person, placed_at, released_at, released_by FROM hold
    WHERE (released_at IS NULL OR NOT :standing)
        AND (placed_at, id) < (coalesce(:before_at, 'infinity'), coalesce(:before_id, id))
    ORDER BY placed_at DESC, id DESC LIMIT :most
    """
).bindparams(bindparam("before_at", type_=DateTime(timezone=True)), bindparam("before_id", type_=Uuid))


async def place(
    hold: UUID, scope: Sequence[str], reason: str, tool: str, person: UUID | None, db: Session
) -> tuple[int | None, Sequence[Event | Caused]]:
    """Place a hold; return how many due posts it stopped (None: it is there already), and the events that follow."""
    values = {"id": hold, "scope": list(scope), "reason": reason, "tool": tool, "person": person}
    if (await db.execute(PLACE, values)).one_or_none() is None:
        return None, ()
    rows = (await db.execute(STOP, {"scope": list(scope), "reason": reason, "by": mover(tool, person)})).all()
    placed = HoldPlaced(hold=hold, scope=dict(one.split(":", 1) for one in scope), reason=reason, person=person)
    return len(rows), [placed, *(_held(row) for row in rows)]


async def release(
    hold: UUID, tool: str, person: UUID | None, db: Session, settings: PublisherSettings
) -> tuple[tuple[int, int] | None, Sequence[Event]]:
    """Release a hold; return how many posts go on and how many need approval again (None: it does not stand)."""
    found = (await db.execute(RELEASE, {"id": hold, "by": mover(tool, person)})).one_or_none()
    if found is None:
        return None, ()
    values = {"scope": found.scope, "by": mover(tool, person), "stale_after": settings.stale_seconds}
    stale = (await db.execute(GO, values)).scalars()
    return (stale.count(False), stale.count(True)), [HoldReleased(hold=hold, person=person)]


async def read(hold: UUID, db: Session) -> Row | None:
    """Return a hold's row."""
    row: Row | None = (await db.execute(READ, {"id": hold})).one_or_none()
    return row


async def some(*, standing: bool, before: tuple[datetime, UUID] | None, most: int, db: Session) -> Sequence[Row]:
    """Return holds, the newest first: those that stand, or all."""
    at, id_ = before or (None, None)
    values = {"standing": standing, "before_at": at, "before_id": id_, "most": most}
    return (await db.execute(LIST, values)).all()


def _held(row: Row) -> Caused:
    return Caused(PostHeld(post=row.post, revision=row.revision, reason=row.reason), row.traceparent)
