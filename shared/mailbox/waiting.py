"""How loops wait: for a time, for a nudge, for the database, never past the moment they are told to stop."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from shared.database import is_trouble

log = structlog.get_logger()

T = TypeVar("T")


class Stopping(Exception):  # noqa: N818 - not an error: the loop was told to stop while it waited
    """The wait ended because the process stops."""


def backoff(failures: int, longest: float = 5.0) -> float:
    """Return seconds to wait after so many failures in a row: doubling, jittered, never more than `longest`."""
    return float(min(longest, 0.1 * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret


async def wait_for(event: asyncio.Event, seconds: float, stopping: asyncio.Event | None = None) -> bool:
    """Wait until the event, the end of the time or the stop, whichever is first; return whether it was the event."""
    waits = [asyncio.ensure_future(e.wait()) for e in (event, stopping) if e is not None]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return event.is_set()


@asynccontextmanager
async def told(stopping: asyncio.Event, call: Callable[[], object]) -> AsyncIterator[None]:
    """Have this called at the stop, so that a loop which waits for its work need not wait for the stop as well."""

    async def tell() -> None:
        await stopping.wait()
        call()

    teller = asyncio.create_task(tell())
    try:
        yield
    finally:
        teller.cancel()


async def patiently(act: Callable[[], Awaitable[T]], stopping: asyncio.Event, who: str) -> T:
    """Do it again while the database is in trouble; raises Stopping when told to stop before it worked.

    An ambiguous commit is repeated too: what it repeats must be harmless twice, as inbox rows and fences make it.
    """
    failures = 0
    while True:
        try:
            return await act()
        except Exception as error:
            if not is_trouble(error):
                raise
            failures += 1
            log.warning("waiting for the database", who=who, failures=failures, error=type(error).__name__)
        if await wait_for(stopping, backoff(failures)):
            raise Stopping
