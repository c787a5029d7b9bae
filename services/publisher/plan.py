"""A post whose time has come when it is planned is announced at once; the scheduler announces all others."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.publisher.handlers import HANDLERS
from services.publisher.schedule import Scheduler
from shared.events import Event, PostScheduled
from shared.mailbox import Handler


def planning(scheduler: Scheduler) -> Mapping[type[Event], Handler]:
    """Return the handlers, each followed by a look whether what it planned is due already."""
    return {kind: _then_announced(handler, scheduler) for kind, handler in HANDLERS.items()}


def _then_announced(handler: Handler, scheduler: Scheduler) -> Handler:
    async def handle(event: Any, db: AsyncSession) -> Sequence[Event]:
        events = await handler(event, db)
        # By our clock this only saves a look: whether it is due, the statement asks the database's.
        due = [e for e in events if isinstance(e, PostScheduled) and e.due_at <= datetime.now(UTC)]
        return [*events, *[announced for e in due for announced in await scheduler.announce(e.post, db)]]

    return handle
