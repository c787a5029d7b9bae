"""A loop on the database's clock that needs no call: due rows become events."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import Session, begin
from shared.events import Event
from shared.mailbox.outbox import Caused, here, store
from shared.mailbox.relay import Relay
from shared.mailbox.waiting import Stopping, patiently, wait_for

Tick = Callable[[Session], Awaitable[tuple[Sequence[Event | Caused], float | None]]]
"""Changes what is due and returns the events that follow, with the seconds until more is due (None: nothing is)."""

FLOOR = 0.02
"""Seconds between two ticks at the least: it costs 10 ms of lateness and saves two thirds of the work."""


class Clock:
    """Ticks when something is due, after a nudge, and once in a while anyway."""

    def __init__(self, name: str, service: str, tick: Tick, engine: AsyncEngine, relay: Relay) -> None:
        self._name = name
        self._service = service
        self._tick = tick
        self._engine = engine
        self._relay = relay
        self.nudged = asyncio.Event()

    async def run(self, stopping: asyncio.Event, longest: float = 1.0) -> None:
        """Tick until told to stop; between two ticks at most `longest` seconds pass."""
        with suppress(Stopping):
            while not stopping.is_set():
                self.nudged.clear()
                rest = await patiently(self._once, stopping, self._name)
                if rest == 0:
                    continue  # more is due than one tick takes
                await wait_for(stopping, FLOOR)
                if (left := min(longest, longest if rest is None else rest) - FLOOR) > 0:
                    await wait_for(self.nudged, left, stopping)

    async def _once(self) -> float | None:
        async with begin(self._engine) as db:
            events, rest = await self._tick(db)
            stored = await store(db, self._service, here(events))
        self._relay.hand_over(stored)
        return rest
