"""The bus on RabbitMQ (>= 3.10): it connects by itself, declares by itself, and comes back for ever."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractConnection
from yarl import URL

from shared.bus import topology
from shared.bus.consuming import AmqpSubscription
from shared.bus.contract import BrokerLostError, Message, Queue, QueueConflictError, Subscription
from shared.bus.link import ANSWER_WITHIN, Link, asked, keep_up, stop
from shared.bus.probe import probe
from shared.bus.publishing import Publisher

log = logging.getLogger(__name__)


class AmqpBus:
    """A bus on the broker at `url`, under names that begin with `namespace`.

    Publishing and consuming have a connection each: a broker short of memory stops the connections that publish, and
    acks must still get through. `publish_within` bounds a call of `publish`, in seconds. It connects when first used,
    inside a running event loop.
    """

    def __init__(self, url: str, namespace: str, publish_within: float = 10.0) -> None:
        address = URL(url)
        if address.scheme not in {"amqp", "amqps"} or not address.host:
            raise ValueError("the broker's URL must look like amqp://user:password@host:port/vhost (or amqps://)")
        if not namespace:
            raise ValueError("the bus needs a namespace: a word that its names on the broker begin with")
        self._names = topology.Names(namespace)
        self._queues: dict[str, Queue] = {}
        self._outward = Link(address, f"{namespace} publishing")
        self._inward = Link(address, f"{namespace} consuming")
        self._publisher = Publisher(self._outward, self._names.events, self._redeclare, publish_within)
        self._subscriptions: set[AmqpSubscription] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the publishing channel is open."""
        return self._publisher.connected

    @property
    def subscriptions(self) -> Collection[Subscription]:
        """Who consumes through this bus."""
        return tuple(self._subscriptions)

    async def declare(self, queues: Iterable[Queue]) -> None:
        """Make the queues, now and on every connection to come; raises QueueConflictError."""
        wanted = {queue.name: queue for queue in queues}
        self._queues |= wanted
        while True:
            connection = await self._publishing()
            try:
                return await topology.declare(connection, self._names, wanted.values())
            except BrokerLostError as lost:
                await _pause("queues are not declared yet", lost)

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Send all, pipelined; return the ids that the broker confirmed."""
        if not messages or self._closed:
            return set()
        self._start_publishing()
        return await self._publisher.publish(messages)

    @asynccontextmanager
    async def subscribe(self, queue: str, prefetch: int) -> AsyncIterator[Subscription]:
        """Consume a queue; on leaving, what is not settled goes back to it."""
        if prefetch < 1:
            raise ValueError(f"prefetch must be at least 1, not {prefetch}")
        subscription = AmqpSubscription(self._inward, queue, self._names.queue(queue), prefetch, self._redeclare)
        self._keep("consuming connection", self._inward.keep)
        task = self._keep(
            f"subscription {id(subscription)}", lambda: keep_up(f"subscription {queue}", subscription.session)
        )
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            await stop(task)

    async def depth(self, queue: str) -> int:
        """Return how many messages are ready; raises LookupError, BrokerLostError."""
        connection = await asked(self._publishing(), ANSWER_WITHIN)
        return await topology.depth(connection, self._names.queue(queue))

    async def probe(self, timeout: float) -> bool:
        """Say whether every subscription consumes, and a message to oneself comes round in time."""
        if self._closed:
            return False
        self._keep("consuming connection", self._inward.keep)
        try:
            async with asyncio.timeout(timeout):
                connection = await self._inward.connection()
                echo = await probe(connection, self._names.events, self.publish)
        except (BrokerLostError, TimeoutError):
            return False
        return echo and all(subscription.consuming for subscription in self._subscriptions)

    async def drop(self) -> None:
        """Remove from the broker what was declared here, messages included; for runs under a name of their own."""
        connection = await asked(self._publishing(), ANSWER_WITHIN)
        await topology.drop(connection, self._names, self._queues.values())

    async def close(self) -> None:
        """Stop consuming, then publishing, then let go of the connections."""
        self._closed = True
        for name in sorted(self._tasks, key=lambda name: name.endswith("connection")):
            await stop(self._tasks[name])

    async def _publishing(self) -> AbstractConnection:
        self._start_publishing()
        return await self._outward.connection()

    def _start_publishing(self) -> None:
        self._keep("publishing connection", self._outward.keep)
        self._keep("publishing channel", lambda: keep_up("publishing channel", self._publisher.session))

    def _keep(self, name: str, loop: Callable[[], Coroutine[None, None, None]]) -> asyncio.Task[None]:
        """Start a loop unless it runs."""
        if running := self._tasks.get(name):
            return running
        if self._closed:
            raise RuntimeError("the bus is closed")
        task = self._tasks[name] = asyncio.create_task(loop(), name=name)
        task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return task

    async def _redeclare(self, connection: AbstractConnection) -> None:
        """Make again what was declared before: the broker may have lost it, or be another one."""
        while True:
            try:
                return await topology.declare(connection, self._names, self._queues.values())
            except QueueConflictError:
                return log.exception("a queue has changed under us; what else there is goes on")
            except BrokerLostError as lost:
                await _pause("queues are not declared again yet", lost)


async def _pause(what: str, lost: BrokerLostError) -> None:
    log.warning("%s: %s", what, lost)
    await asyncio.sleep(1.0)
