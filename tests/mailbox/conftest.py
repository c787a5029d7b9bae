"""A mailbox on a database of its own, with one business table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared import telemetry
from shared.bus.contract import Bus
from shared.bus.memory import MemoryBus
from shared.database import Session, statements
from shared.events import Event, PostCancelled, Requester
from shared.mailbox import Mailbox, topology
from shared.mailbox.schema import DEAD_LETTERS, V1
from shared.settings import Settings

THING = "CREATE TABLE thing (post uuid PRIMARY KEY, handled integer NOT NULL DEFAULT 1, transaction xid8 NOT NULL)"
HANDLE = text(
    "INSERT INTO thing (post, transaction) VALUES (:post, pg_current_xact_id()) "
    "ON CONFLICT (post) DO UPDATE SET handled = thing.handled + 1"
)


def cancelled(post: UUID | None = None) -> PostCancelled:
    """An event that policy and publisher hear."""
    return PostCancelled(post=post or uuid4(), requester=Requester(tool="test"))


async def note(event: PostCancelled, db: Session) -> Sequence[Event]:
    """A handler that counts how often it saw a post."""
    await db.execute(HANDLE, {"post": event.post})
    return []


@pytest.fixture
def settings() -> Settings:
    settings = Settings(_env_file=None, relay_sweep_seconds=0.1)
    telemetry.configure("policy", "test", settings)  # as a process does: structlog's own form takes seconds a traceback
    return settings


@asynccontextmanager
async def mailbox_on(address: str, bus: Bus, settings: Settings) -> AsyncIterator[Mailbox]:
    engine = create_async_engine(address.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        for statement in (*V1, *DEAD_LETTERS, THING):
            await connection.execute(text(statement))
    yield Mailbox("policy", engine, bus, settings)
    await engine.dispose()


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    bus = MemoryBus()
    await bus.declare(topology(["bluesky"]))
    yield bus
    await bus.close()


@pytest.fixture
async def mailbox(
    database: Callable[[str], Awaitable[str]], bus: MemoryBus, settings: Settings
) -> AsyncIterator[Mailbox]:
    async with mailbox_on(await database("policy"), bus, settings) as made:
        yield made


@asynccontextmanager
async def running(*loops: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    """Run loops as a process does; at the end they stop by themselves or the test fails."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop(stopping))  # type: ignore[arg-type]
        try:
            yield
        finally:
            stopping.set()


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    """Wait until the condition holds; fail after the time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the condition is in a database, which sets no event
            await asyncio.sleep(0.01)


async def count(engine: AsyncEngine, query: str, values: Mapping[str, object] | None = None) -> int:
    async with statements(engine) as db:
        found: int = (await db.execute(text(query), values or {})).scalar_one()
        return found
