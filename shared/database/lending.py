"""Connections of the pool, lent to what runs for every event; two stay at hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import PoolProxiedConnection, QueuePool, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

AT_HAND = 2
"""Connections that are not given back to the pool after use: its own checks cost as much as half a statement."""
_AT_HAND: WeakKeyDictionary[AsyncEngine, list[PoolProxiedConnection]] = WeakKeyDictionary()


@asynccontextmanager
async def lent(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Borrow a connection; one that is left in the middle of something does not go back."""
    at_hand = _at_hand(engine)
    borrowed = at_hand.pop() if at_hand else await engine.raw_connection()
    driver: Any = borrowed.driver_connection
    try:
        yield driver
    finally:
        if driver.is_closed() or driver.is_in_transaction():
            borrowed.invalidate()
        if borrowed.is_valid and len(at_hand) < AT_HAND and _nobody_waits(engine):
            at_hand.append(borrowed)
        else:
            await greenlet_spawn(borrowed.close)


def _nobody_waits(engine: AsyncEngine) -> bool:
    """Say whether the pool has more to give: only then nobody can be waiting there for what is given back."""
    pool = cast("QueuePool", engine.sync_engine.pool)
    return pool.checkedout() < pool.size()


def _at_hand(engine: AsyncEngine) -> list[PoolProxiedConnection]:
    """Return the connections that are out of the pool and not in use; those that broke meanwhile go."""
    if (at_hand := _AT_HAND.get(engine)) is None:
        at_hand = _AT_HAND[engine] = []
        event.listen(engine.sync_engine, "engine_disposed", lambda _: _drop(at_hand))
    while at_hand and cast("Any", at_hand[-1].driver_connection).is_closed():
        at_hand.pop().invalidate()
    return at_hand


def _drop(at_hand: list[PoolProxiedConnection]) -> None:
    while at_hand:
        at_hand.pop().invalidate()
