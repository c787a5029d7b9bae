"""A post whose time has come when it is planned is announced at once; the scheduler announces all others."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.publisher.handlers import HANDLERS
from services.publisher.schedule import Scheduler
from shared.database import Session
from shared.events import Event, PostScheduled
from shared.mailbox import Handler


def planning(scheduler: Scheduler) -> Mapping[type[Event], Handler]:
    """Return the handlers, each followed by a look whether what it planned is due already."""
    return {kind: _then_announced(handler, scheduler) for kind, handler in HANDLERS.items()}


def _then_announced(handler: Handler, scheduler: Scheduler) -> Handler:
    async def handle(event: Any, db: Session) -> Sequence[Event]:
        return [told for said in await handler(event, db) for told in await _announced(said, scheduler, db)]

    return handle


async def _announced(said: Event, scheduler: Scheduler, db: Session) -> Sequence[Event]:
    """Return what to say instead of when a post is due, if it is due now: nobody needs to hear both."""
    # Our clock only saves a look: whether the post is due, the statement asks the database's.
    if isinstance(said, PostScheduled) and said.due_at <= datetime.now(UTC):
        return await scheduler.announce(said.post, db) or [said]
    return [said]
