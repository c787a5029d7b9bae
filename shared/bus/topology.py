"""What stands on the broker: one exchange for events, one for dead letters, and two queues for each `Queue`."""

from collections.abc import Iterable
from dataclasses import dataclass

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from pamqp.common import FieldTable

from shared.bus.contract import DEAD, BrokerLostError, Queue, QueueConflictError
from shared.bus.link import asked, quietly

BACKSTOP = 1000
"""Deliveries after which the broker itself calls a message dead.

The runner counts attempts in its database and calls a message poison long before; the broker also counts lost channels,
and those say nothing about the message. So this is far away: it only ends a loop in which a message stops the process
before it could be counted. It must be said, for RabbitMQ 4 takes 20 otherwise.
"""
NO_LIMIT = 1_000_000_000
"""For dead letters, behind which nothing stands (-1 would say it on RabbitMQ 4, but 3.10 refuses it)."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names on the broker: all begin with the namespace."""

    namespace: str

    @property
    def events(self) -> str:
        """The exchange that every message is published to."""
        return f"{self.namespace}.events"

    @property
    def dead(self) -> str:
        """The exchange that dead letters go through."""
        return f"{self.namespace}.dead"

    def queue(self, name: str) -> str:
        """A queue, also one of dead letters."""
        return f"{self.namespace}.{name}"


async def declare(connection: AbstractConnection, names: Names, queues: Iterable[Queue]) -> None:
    """Make exchanges, queues and bindings; raises BrokerLostError, QueueConflictError."""
    channel = await asked(connection.channel())
    try:
        await asked(channel.declare_exchange(names.events, "topic", durable=True))
        await asked(channel.declare_exchange(names.dead, "direct", durable=True))
        for queue in queues:
            await _declare_queue(channel, names, queue)
    finally:
        await quietly(channel.close())


async def _declare_queue(channel: AbstractChannel, names: Names, queue: Queue) -> None:
    name, dead = names.queue(queue.name), names.queue(queue.name + DEAD)
    try:
        letters = await asked(channel.declare_queue(dead, durable=True, arguments=LETTERS))
        await asked(letters.bind(names.dead, name))
        work = await asked(channel.declare_queue(name, durable=True, arguments=arguments(names.dead, name)))
        for key in (*queue.keys, queue.name):
            await asked(work.bind(names.events, key))
    except BrokerLostError as error:
        if isinstance(error.__cause__, ChannelPreconditionFailed):
            raise QueueConflictError(f"{name}: {error.__cause__}") from error
        raise


LETTERS: FieldTable = {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT}
"""The arguments of a queue of dead letters."""


def arguments(dead_exchange: str, name: str) -> FieldTable:
    """Return the arguments of a queue for work."""
    # At-least-once dead lettering keeps a message in its queue until the dead letters have it. RabbitMQ (>= 3.10)
    # asks for reject-publish with it, and silently dead-letters at most once without.
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": BACKSTOP,
        "x-dead-letter-exchange": dead_exchange,
        "x-dead-letter-routing-key": name,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def depth(connection: AbstractConnection, name: str) -> int:
    """Return how many messages are ready; raises LookupError for an unknown queue, BrokerLostError."""
    channel = await asked(connection.channel())
    try:
        queue = await asked(channel.declare_queue(name, passive=True))
        return queue.declaration_result.message_count or 0
    except BrokerLostError as error:
        if isinstance(error.__cause__, ChannelNotFoundEntity):
            raise LookupError(f"there is no queue {name!r}") from error
        raise
    finally:
        await quietly(channel.close())


async def drop(connection: AbstractConnection, names: Names, queues: Iterable[Queue]) -> None:
    """Remove these queues, their dead letters and the namespace's exchanges, with all that is in them."""
    channel = await asked(connection.channel())
    try:
        for queue in queues:
            for name in (queue.name, queue.name + DEAD):
                await asked(channel.queue_delete(names.queue(name)))
        await asked(channel.exchange_delete(names.events))
        await asked(channel.exchange_delete(names.dead))
    finally:
        await quietly(channel.close())
