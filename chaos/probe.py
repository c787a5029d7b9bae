"""A caller of the broker that counts: numbered messages one after another, each sent until it is confirmed."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from shared.bus.amqp import AmqpBus
from shared.bus.contract import Message, Queue

QUEUE = "probe.q1"
KEY = "probe.ping"
PAUSE = 0.02
DRAIN_SECONDS = 30.0


class Probe:
    """What was confirmed and when, and what came."""

    def __init__(self) -> None:
        self.mark = uuid4().hex
        """What its messages' ids begin with: the queue outlives it, and what another one left there is not its own."""
        self.confirmed: list[float] = []
        """When each number was confirmed (monotonic)."""
        self.came: Counter[str] = Counter()

    def gap(self, since: float = 0.0) -> float:
        """Return the longest time between two confirms from a moment on, in seconds."""
        times = [at for at in self.confirmed if at >= since]
        before = max((at for at in self.confirmed if at < since), default=since)
        return max((two - one for one, two in zip([before, *times], times, strict=False)), default=0.0)

    @property
    def missing(self) -> list[str]:
        """The confirmed messages that never came."""
        return [id_ for id_ in map(self.id, range(len(self.confirmed))) if not self.came[id_]]

    def id(self, number: int) -> str:
        """Return a message's id."""
        return f"{self.mark}-{number}"


@asynccontextmanager
async def probing(amqp_url: str, namespace: str) -> AsyncIterator[Probe]:
    """Publish and consume for as long as the block lasts, then wait until all that was confirmed has come."""
    outward, inward, probe = AmqpBus(amqp_url, namespace, 3.0), AmqpBus(amqp_url, namespace), Probe()
    enough = asyncio.Event()
    await outward.declare([Queue(QUEUE, (KEY,))])
    await inward.declare([Queue(QUEUE, (KEY,))])

    async def publish() -> None:
        while not enough.is_set():
            message = Message(probe.id(len(probe.confirmed)), KEY, b"{}")
            while not await outward.publish([message]):  # noqa: ASYNC110 - until it is confirmed
                await asyncio.sleep(PAUSE)
            probe.confirmed.append(time.monotonic())
            await asyncio.sleep(PAUSE)

    async def consume() -> None:
        async with inward.subscribe(QUEUE, 200) as subscription:
            while True:
                deliveries = await subscription.take(200)
                probe.came.update(one.message.id for one in deliveries)
                await subscription.ack(deliveries)

    publishing, consuming = asyncio.create_task(publish()), asyncio.create_task(consume())
    try:
        yield probe
        enough.set()
        await publishing
        drained = time.monotonic() + DRAIN_SECONDS
        while probe.missing and time.monotonic() < drained:  # noqa: ASYNC110 - another task fills it
            await asyncio.sleep(0.1)
    finally:
        for task in (publishing, consuming):
            task.cancel()
        await asyncio.gather(publishing, consuming, return_exceptions=True)
        # The queue stays: to make it anew in a cluster that has just come together again may never end (3.10).
        await inward.close()
        await outward.close()
