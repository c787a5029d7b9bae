"""A drainer that ends after its first commit: `python -m tests.mailbox.drainer DATABASE AMQP NAMESPACE`."""

import asyncio
import os
import sys
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import create_async_engine

from shared.bus.amqp import AmqpBus
from shared.bus.consuming import AmqpSubscription
from shared.bus.contract import Delivery
from shared.mailbox import Mailbox, posts_queue
from shared.settings import Settings

KILLED = 9


async def main(database: str, amqp: str, namespace: str) -> None:
    """Keep one dead letter, and end instead of acking it."""

    async def end(self: AmqpSubscription, deliveries: Iterable[Delivery]) -> None:
        os._exit(KILLED)

    AmqpSubscription.ack = end  # type: ignore[method-assign]
    engine = create_async_engine(database.replace("postgresql:", "postgresql+asyncpg:"))
    mailbox = Mailbox("policy", engine, AmqpBus(amqp, namespace), Settings(_env_file=None))
    await mailbox.dead_letters(posts_queue("policy")).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
