"""Ingest hears what becomes of its posts, and appends it to their history; the state follows from that (`standing`).

One insert a group of messages, no read, no lock: an event of a post that is not known yet simply waits there for it.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.tables import History
from shared.events import (
    Event,
    HoldEvent,
    HoldPlaced,
    HoldReleased,
    PostApproved,
    PostChangeSettled,
    PostEvent,
    PostExpired,
    PostFailed,
    PostHeld,
    PostMeasured,
    PostPublished,
    PostRefused,
    PostReviewRequested,
    PostScheduled,
    PostUncertain,
)
from shared.mailbox import envelope_of

NOT_TOLD = {"post", "revision", "hold", "brief"}
"""Kept in columns of their own, or known from the post."""


async def note(event: PostEvent, db: AsyncSession) -> Sequence[Event]:
    """What was said about a post is appended to its history."""
    envelope = envelope_of(db)
    db.add(
        History(
            subject=event.post,
            emitter=envelope.source,
            sequence=envelope.sequence,
            event_id=envelope.id,
            type=event.name,
            revision=event.revision,
            at=envelope.time,
            data=event.model_dump(mode="json", exclude=NOT_TOLD),
        )
    )
    return ()


async def note_hold(event: HoldEvent, db: AsyncSession) -> Sequence[Event]:
    """What was said about a hold is kept beside the posts' history, under the hold's id."""
    envelope = envelope_of(db)
    db.add(
        History(
            subject=event.hold,
            emitter=envelope.source,
            sequence=envelope.sequence,
            event_id=envelope.id,
            type=event.name,
            revision=0,
            at=envelope.time,
            data=event.model_dump(mode="json", exclude=NOT_TOLD),
        )
    )
    return ()


HANDLERS = {
    PostApproved: note,
    PostRefused: note,
    PostReviewRequested: note,
    PostScheduled: note,
    PostPublished: note,
    PostFailed: note,
    PostUncertain: note,
    PostHeld: note,
    PostExpired: note,
    PostChangeSettled: note,
    PostMeasured: note,
    HoldPlaced: note_hold,
    HoldReleased: note_hold,
}
