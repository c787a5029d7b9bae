"""The pulse of a consumer: what tells one that hears nothing because nothing is said from one that has gone deaf."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
from prometheus_client import Gauge

from shared.bus.contract import Bus

log = structlog.get_logger()

LAST = Gauge(
    "carillon_consumer_last_delivery_timestamp_seconds",
    "When a queue last gave something, or since when nothing came",
    ["service", "queue"],
)
BUSY = Gauge(
    "carillon_consumer_busy_since_timestamp_seconds",
    "Since when the consumer is at what it took last; 0 while it waits for more",
    ["service", "queue"],
)
BEAT = Gauge(
    "carillon_consumer_heartbeat_timestamp_seconds",
    "When a message to oneself last went round, with the queue delivering to us",
    ["service", "queue"],
)
READY = Gauge("carillon_queue_ready", "Messages that wait in a queue for a consumer", ["service", "queue"])

EVERY = 15.0
"""Seconds between two beats at the most."""
WITHIN = 5.0
"""Seconds within which a message to oneself arrives when the broker is well."""


class Pulse:
    """Says when a queue gave something, how long its consumer is at it, and whether messages get through at all."""

    def __init__(self, service: str, queue: str, bus: Bus) -> None:
        self._queue = queue
        self._bus = bus
        self._last, self._busy = LAST.labels(service, queue), BUSY.labels(service, queue)
        self._beat, self._ready = BEAT.labels(service, queue), READY.labels(service, queue)

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Say for a block that the consumer is at what it just took."""
        now = time.time()
        self._last.set(now)
        self._busy.set(now)
        try:
            yield
        finally:
            self._busy.set(0)

    async def beat(self, every: float = EVERY) -> None:
        """Beat until cancelled."""
        now = time.time()
        self._last.set(now)
        self._beat.set(now)
        while True:
            # Not in step, and not while everything starts.
            await asyncio.sleep(every * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next beat may find it gone
                log.warning("a consumer could not be felt", queue=self._queue, error=type(error).__name__)

    async def once(self) -> None:
        """Send a message to oneself, and look how many wait in the queue."""
        if await self._bus.probe(WITHIN):
            self._beat.set(time.time())
        async with asyncio.timeout(WITHIN):
            self._ready.set(await self._bus.depth(self._queue))


@asynccontextmanager
async def felt(service: str, queue: str, bus: Bus, every: float = EVERY) -> AsyncIterator[Pulse]:
    """Feel a consumer's pulse for as long as it consumes."""
    pulse = Pulse(service, queue, bus)
    beating = asyncio.create_task(pulse.beat(every), name=f"pulse of {queue}")
    try:
        yield pulse
    finally:
        while not beating.done():  # the client takes a cancel that meets a closing channel for its own
            beating.cancel()
            await asyncio.wait([beating], timeout=1.0)
