"""Queues that one run makes on a broker for itself, and the only ones it drops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.programs import Place
from shared import platforms
from shared.bus.amqp import AmqpBus
from shared.mailbox import topology


@asynccontextmanager
async def own_queues(place: Place) -> AsyncIterator[AmqpBus]:
    """Make the queues of a run, give a bus to look at them with, and drop them at the end."""
    bus = AmqpBus(place.amqp_url, place.namespace)
    try:
        await bus.declare(topology(platforms.specs()))
        yield bus
        await bus.drop()
    finally:
        await bus.close()
