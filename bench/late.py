"""Lateness of publisher's scheduler: from the moment a post is due until a worker of its platform has the message.

The schedulers are processes of their own; the message is taken here, from the queue, as a worker would.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bench.pipeline import own_queues
from bench.planned import PLATFORM, Planned
from deploy.local.guarded import Guarded
from deploy.local.programs import Place
from deploy.local.stack import running_stack
from shared import platforms
from shared.bus.amqp import AmqpBus
from shared.bus.contract import Subscription
from shared.events import PostDue, decode
from shared.mailbox import due_queue, topology

LEAD = timedelta(seconds=2)
"""From planning to the first that is due."""
PATIENCE, MOST = 60.0, 200


async def lateness(
    planned: Planned, amqp_url: str, database_url: str, *, rate: float, count: int, replicas: int
) -> list[float]:
    """Return the milliseconds by which each post was late: so many a second, so many in all."""
    async with _schedulers(planned, amqp_url, database_url, replicas), _hearing(planned, amqp_url) as subscription:
        due = {post: at.timestamp() for post, at in await planned.plan(count, LEAD, timedelta(seconds=1 / rate))}
        late: list[float] = []
        async with asyncio.timeout(LEAD.total_seconds() + count / rate + PATIENCE):
            while due:
                deliveries = await subscription.take(MOST)
                now = time.time()
                for delivery in deliveries:
                    event = decode(delivery.message.headers, delivery.message.body).event
                    if isinstance(event, PostDue) and (at := due.pop(event.post, None)):
                        late.append((now - at) * 1e3)
                await subscription.ack(deliveries)
    return late


@asynccontextmanager
async def _schedulers(planned: Planned, amqp_url: str, database_url: str, replicas: int) -> AsyncIterator[None]:
    programs = {f"publisher-scheduler-{number}": ("publisher", "scheduler") for number in range(replicas)}
    with Guarded("bench", Path(tempfile.gettempdir())) as guarded:
        place = Place(guarded.folder, planned.settings.namespace, database_url, amqp_url, "http://127.0.0.1:9")
        place.prepare()
        async with own_queues(amqp_url, place.namespace), running_stack(guarded, place, programs):
            yield


@asynccontextmanager
async def _hearing(planned: Planned, amqp_url: str) -> AsyncIterator[Subscription]:
    bus = AmqpBus(amqp_url, planned.settings.namespace)
    await bus.declare(topology(platforms.specs()))
    try:
        async with bus.subscribe(due_queue(PLATFORM), MOST) as subscription:
            yield subscription
    finally:
        await bus.close()
