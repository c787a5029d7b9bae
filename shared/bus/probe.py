"""A message to oneself: out over one connection, in over the other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from shared.bus.contract import Message
from shared.bus.link import asked, quietly


async def probe(
    consuming: AbstractConnection, exchange: str, publish: Callable[[Sequence[Message]], Awaitable[set[str]]]
) -> bool:
    """Return whether a message to a queue of our own is confirmed and arrives; raises BrokerLostError.

    It waits as long as it takes: the caller sets the limit. The queue is exclusive, so it goes with the connection at
    the latest, and nobody else can take the message.
    """
    message = Message(f"probe-{uuid4()}", f"probe.{uuid4()}", b"{}")
    arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def arrive(delivered: AbstractIncomingMessage) -> None:
        if delivered.message_id == message.id and not arrived.done():
            arrived.set_result(None)

    channel = await asked(consuming.channel())
    try:
        queue = await asked(channel.declare_queue(exclusive=True))
        await asked(queue.bind(exchange, message.routing_key))
        tag = await asked(queue.consume(arrive, no_ack=True))
        if not await publish([message]):
            return False
        await arrived
        await asked(
            queue.cancel(tag)
        )  # to delete the queue from under its consumer would be taken for trouble, and logged
        await asked(queue.delete(if_unused=False, if_empty=False))
        return True
    finally:
        await quietly(channel.close())
