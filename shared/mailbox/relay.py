"""The relay: what this process has just committed is sent at once, from memory; a sweep finds what is left over."""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.contract import Bus
from shared.database import begin, is_trouble, statements
from shared.failpoints import failpoint
from shared.mailbox.outbox import HANDED_SECONDS, Stored, message_of
from shared.mailbox.waiting import backoff, told, wait_for
from shared.settings import Settings

log = structlog.get_logger()

SENT = Counter("carillon_outbox_sent_total", "Events that the broker confirmed", ["service"])
UNCONFIRMED = Counter("carillon_outbox_unconfirmed_total", "Sendings that the broker did not confirm", ["service"])
LAG = Histogram(
    "carillon_outbox_lag_seconds",
    "From an event's commit to the broker's confirm",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
)

MOST_HANDED = 5_000
"""Events that wait here in memory at the most; more than that are left to the sweep."""
TIDY_SECONDS = 0.5
"""How long what was sent stays in the outbox, so that many are erased by one statement."""

CLAIM = text(
    """
    SELECT id, routing_key, headers::text AS headers, body, extract(epoch FROM now() - created_at)::float AS age
    FROM outbox WHERE retry_at <= now() ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
ERASE = text("DELETE FROM outbox WHERE id = ANY(:ids)")
POSTPONE = text("UPDATE outbox SET retry_at = now() + interval '1 second' WHERE id = ANY(:ids)")


class Relay:
    """Sends what is in the outbox; any number of them may run, for none sends what another has in hand."""

    def __init__(self, service: str, engine: AsyncEngine, bus: Bus, settings: Settings) -> None:
        self._engine = engine
        self._bus = bus
        self._most = settings.relay_batch
        self._sweep = settings.relay_sweep_seconds
        self._sent, self._unconfirmed = SENT.labels(service), UNCONFIRMED.labels(service)
        self._lag = LAG.labels(service)
        self._handed: deque[tuple[float, Stored]] = deque()
        self._some = asyncio.Event()
        self._done: list[int] = []

    def hand_over(self, stored: Sequence[Stored]) -> None:
        """Take what was just committed, to be sent at once."""
        if stored and len(self._handed) < MOST_HANDED:
            now = time.monotonic()
            self._handed += [(now, one) for one in stored]
            self._some.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop, then once more, so that what was committed last is on its way."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forward(stopping))
            tasks.create_task(self._tidy(stopping))
            tasks.create_task(self._look(stopping))
        await self._erase()
        await self._round()

    async def _forward(self, stopping: asyncio.Event) -> None:
        """Send what is handed over."""
        async with told(stopping, self._some.set):
            while self._handed or not stopping.is_set():
                if not self._handed:
                    self._some.clear()
                    await self._some.wait()
                elif batch := self._next():
                    await self._send(batch)

    def _next(self) -> list[tuple[float, Stored]]:
        """Return the next to be sent, without those that are open to other relays by now."""
        batch = [self._handed.popleft() for _ in range(min(self._most, len(self._handed)))]
        oldest = time.monotonic() - HANDED_SECONDS
        return [one for one in batch if one[0] > oldest]

    async def _send(self, batch: Sequence[tuple[float, Stored]]) -> None:
        confirmed = await self._bus.publish([stored.message for _, stored in batch])
        await failpoint("relay.after_confirm", *confirmed)
        done = [stored.id for _, stored in batch if stored.message.id in confirmed]
        self._done += done
        now = time.monotonic()
        self._count([now - since for since, _ in batch], len(done), len(batch) - len(done))

    async def _tidy(self, stopping: asyncio.Event) -> None:
        """Erase what was sent, not at once but together: should it be too late, it is only sent twice."""
        while not stopping.is_set():
            await wait_for(stopping, TIDY_SECONDS)
            await self._erase()

    async def _erase(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        try:
            async with statements(self._engine) as db:
                await db.execute(ERASE, {"ids": done})
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("sent, but not erased: the sweep sends it again", events=len(done), error=type(error).__name__)

    async def _look(self, stopping: asyncio.Event) -> None:
        """Sweep, once in a while."""
        failures = 0
        while not stopping.is_set():
            handled = await self._round()
            failures = 0 if handled is not None else failures + 1
            if handled is None:
                await wait_for(stopping, backoff(failures))
            elif handled < self._most:
                # Relays that swept in step would add their intervals up along a chain of services.
                await wait_for(stopping, self._sweep * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret

    async def _round(self) -> int | None:
        """Send one batch and return its size; None when the database is in trouble."""
        try:
            sent, left = await self.send_some()
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("relay waits for the database", error=type(error).__name__)
            return None
        return sent + left

    async def send_some(self) -> tuple[int, int]:
        """Send one batch; return how many the broker confirmed and how many it did not."""
        async with begin(self._engine) as db:
            rows = (await db.execute(CLAIM, {"most": self._most})).all()
            if not rows:
                return 0, 0
            messages = [message_of(row.id, row.routing_key, json.loads(row.headers), row.body) for row in rows]
            confirmed = await self._bus.publish(messages)
            await failpoint("relay.after_confirm", *confirmed)
            done = [row.id for row, message in zip(rows, messages, strict=True) if message.id in confirmed]
            if done:
                await db.execute(ERASE, {"ids": done})
            if left := [row.id for row, message in zip(rows, messages, strict=True) if message.id not in confirmed]:
                await db.execute(POSTPONE, {"ids": left})
        self._count([row.age for row in rows], len(done), len(left))
        return len(done), len(left)

    def _count(self, ages: list[float], done: int, left: int) -> None:
        self._sent.inc(done)
        self._unconfirmed.inc(left)
        for age in ages:
            self._lag.observe(age)
