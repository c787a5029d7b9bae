"""The bus inside one process, with the promises of the other one; what it holds is gone when the process is.

Nothing here outlives the process, so a message is confirmed only when every queue's consumer is done with it: acked
after the handler's commit, or rejected to the dead letters. Until then whoever sent it keeps it in its outbox. So
publishing waits for consuming. A message sent again while it is still queued takes its old place.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.bus.contract import DEAD, Death, Delivery, Message, Queue, Subscription, distinct


@dataclass(slots=True, eq=False)
class MemoryDelivery:
    """A message in one queue, from its coming until it is settled."""

    message: Message
    redelivered: bool = False
    death: Death | None = None
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class _Line:
    """One queue: what is ready, and by id what is here at all."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[MemoryDelivery] = deque()
        self.here: dict[str, MemoryDelivery] = {}
        self.changed = asyncio.Event()

    def add(self, message: Message, death: Death | None = None) -> MemoryDelivery:
        if message.id in self.here:
            return self.here[message.id]
        delivery = self.here[message.id] = MemoryDelivery(message, death=death)
        self.ready.append(delivery)
        self.changed.set()
        return delivery

    def put_back(self, deliveries: Iterable[MemoryDelivery]) -> None:
        """Return these, oldest first, to the head."""
        for delivery in reversed(list(deliveries)):
            delivery.redelivered = True
            self.ready.appendleft(delivery)
        self.changed.set()

    def settle(self, delivery: MemoryDelivery) -> None:
        del self.here[delivery.message.id]
        delivery.done.set_result(None)


class MemorySubscription:
    """One of a queue's consumers in this process."""

    def __init__(self, line: _Line, letters: _Line | None, prefetch: int) -> None:
        self.queue = line.name
        self.last_delivery: float | None = None
        self.consuming = True
        self._line = line
        self._letters = letters
        self._prefetch = prefetch
        self._held: dict[MemoryDelivery, None] = {}
        self._ended = False

    async def take(self, most: int) -> Sequence[Delivery]:
        """Wait for at least one delivery and for room to hold it."""
        while not self._ended and not self._takable(most):
            self._line.changed.clear()
            await self._line.changed.wait()
        if self._ended:
            return []
        taken = [self._line.ready.popleft() for _ in range(self._takable(most))]
        self._held.update(dict.fromkeys(taken))
        self.last_delivery = time.monotonic()
        return taken

    def end(self) -> None:
        """Take no more."""
        self._ended = True
        self._line.changed.set()

    def _takable(self, most: int) -> int:
        return min(most, len(self._line.ready), self._prefetch - len(self._held)) if self.consuming else 0

    async def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Confirm these to whoever published them."""
        for mine in map(self._let_go, deliveries):
            if mine:
                self._line.settle(mine)

    async def reject(self, delivery: Delivery, *, requeue: bool) -> None:
        """Give one back to the queue, or to the dead letters; a dead letter stays one."""
        if not (mine := self._let_go(delivery)):
            return
        if requeue or self._letters is None:
            self._line.put_back([mine])
        else:
            self._letters.add(mine.message, Death("rejected", mine.message.routing_key, datetime.now(UTC)))
            self._line.settle(mine)

    def leave(self) -> None:
        """Give all back."""
        self.consuming = False
        self._line.put_back(self._held)
        self._held.clear()

    def _let_go(self, delivery: Delivery) -> MemoryDelivery | None:
        if not isinstance(delivery, MemoryDelivery) or delivery not in self._held:
            return None
        del self._held[delivery]
        self._line.changed.set()
        return delivery


class MemoryBus:
    """A bus for the services of one process; `publish_within` bounds a call of `publish`, in seconds."""

    def __init__(self, publish_within: float = 10.0) -> None:
        self._publish_within = publish_within
        self._queues: dict[str, Queue] = {}
        self._lines: dict[str, _Line] = {}
        self._subscriptions: set[MemorySubscription] = set()
        self._closed = False

    @property
    def connected(self) -> bool:
        """Always, until it is closed."""
        return not self._closed

    @property
    def subscriptions(self) -> Collection[Subscription]:
        """Who consumes through this bus."""
        return tuple(self._subscriptions)

    async def declare(self, queues: Iterable[Queue]) -> None:
        """Make the queues; more keys are added to those that a queue has, as on a broker."""
        for queue in queues:
            known = self._queues.get(queue.name, queue)
            self._queues[queue.name] = Queue(queue.name, tuple(dict.fromkeys(known.keys + queue.keys)))
            for name in (queue.name, queue.name + DEAD):
                self._lines.setdefault(name, _Line(name))

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Queue all, wait until consumers are done with them, and return the ids of those they are done with."""
        distinct(messages)
        if self._closed:
            return set()
        ways = {message.id: [line.add(message).done for line in self._routes(message)] for message in messages}
        if waiting := {done for way in ways.values() for done in way}:
            await asyncio.wait(waiting, timeout=self._publish_within)
        else:
            await asyncio.sleep(0)  # whoever sends the unroutable again and again lets others run meanwhile
        return {id_ for id_, way in ways.items() if way and all(done.done() for done in way)}

    def _routes(self, message: Message) -> list[_Line]:
        key = message.routing_key
        return [self._lines[queue.name] for queue in self._queues.values() if key in queue.keys or key == queue.name]

    @asynccontextmanager
    async def subscribe(self, queue: str, prefetch: int) -> AsyncIterator[Subscription]:
        """Consume a queue; on leaving, what is not settled goes back to it."""
        if prefetch < 1:
            raise ValueError(f"prefetch must be at least 1, not {prefetch}")
        line = self._line(queue)
        subscription = MemorySubscription(line, self._lines.get(queue + DEAD), prefetch)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            subscription.leave()

    async def depth(self, queue: str) -> int:
        """Return how many messages are ready; raises LookupError."""
        return len(self._line(queue).ready)

    async def probe(self, timeout: float) -> bool:
        """Say whether it is open: there is no way here on which a message could be lost."""
        return not self._closed

    async def close(self) -> None:
        """Stop consuming and publishing."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.leave()

    def _line(self, queue: str) -> _Line:
        if queue not in self._lines:
            raise LookupError(f"there is no queue {queue!r}: declare it first")
        return self._lines[queue]
