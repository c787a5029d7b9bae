"""A message to oneself: out over the connection that publishes, in over the one that consumes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from aio_pika.abc import AbstractConnection

from shared.bus.contract import Message
from shared.bus.link import asked, quietly


async def arrives(
    inward: AbstractConnection, exchange: str, publish: Callable[[Sequence[Message]], Awaitable[set[str]]]
) -> bool:
    """Send one and wait until it is here; return False when it cannot be sent. Raises BrokerLostError."""
    key = f"probe.{uuid4()}"
    here = asyncio.Event()

    async def arrive(_: object) -> None:
        here.set()

    channel = await asked(inward.channel(publisher_confirms=False))
    try:
        # Exclusive, so it is nobody else's and goes with the channel's connection; deleted with its consumer.
        queue = await asked(channel.declare_queue(exclusive=True, auto_delete=True))
        await asked(queue.bind(exchange, key))
        await asked(queue.consume(arrive, no_ack=True))
        if key not in await publish([Message(key, key, b"")]):
            return False
        await here.wait()
    finally:
        await quietly(channel.close())
    return True
