"""Ingest hears what becomes of its posts, and appends it to their history; the state follows from that (`standing`).

One insert a group of messages, no read, no lock: an event of a post that is not known yet simply waits there for it.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from services.ingest.limits import keep
from shared.database import Session
from shared.events import (
    ChannelLimits,
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
from shared.mailbox import Handlers, envelope_of

APPEND = text(
    """
    INSERT INTO history (subject, emitter, sequence, event_id, type, revision, at, data)
    VALUES (:subject, :emitter, :sequence, :event_id, :type, :revision, :at, :data)
    """
)
IN_COLUMNS = {"post", "revision", "hold", "brief"}
"""What the history has in columns of its own, or knows from the post."""


async def note(event: PostEvent | HoldEvent, db: Session) -> Sequence[Event]:
    """What was said is appended to the history of its post, or of its hold."""
    envelope = envelope_of(db)
    line = {
        "subject": UUID(event.subject),
        "emitter": envelope.source,
        "sequence": envelope.sequence,
        "event_id": envelope.id,
        "type": event.name,
        "revision": event.revision if isinstance(event, PostEvent) else 0,
        "at": envelope.time,
        "data": event.model_dump_json(exclude=IN_COLUMNS),
    }
    db.add(APPEND, line)
    return ()


HANDLERS: Handlers = {
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
    HoldPlaced: note,
    HoldReleased: note,
    ChannelLimits: keep,
}
