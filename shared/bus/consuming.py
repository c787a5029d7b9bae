"""Consuming over AMQP: the client's callback only hands over, `take` picks up, `ack` says as little as it can."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel, DeliveredMessage

from shared.bus import frames
from shared.bus.contract import DEAD, Death, Delivery, Message
from shared.bus.frames import Content, Delivered
from shared.bus.link import DECLARED_WITHIN, Link, asked, begun, ended, quietly
from shared.bus.wire import Lane, Wire, WiredConnection


class Tenure(Lane):
    """What one channel holds: deliveries not yet taken, and which of its tags are settled.

    Tags count up from 1, so everything up to `_low` is settled and `_settled` has the few above it.
    """

    def __init__(self, wire: Wire, channel: AbstractChannel, came: Callable[[], None]) -> None:
        super().__init__(wire, channel.number, channel.connection.connection_tune.frame_max)
        self.arrived: deque[AmqpDelivery] = deque()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came = came
        self._low = 0
        self._settled: set[int] = set()

    def delivered(self, delivered: Delivered, content: Content, body: bytes) -> None:
        """Keep a delivery for whoever takes."""
        if self.over.done():
            return
        message = Message(content.message_id, delivered.routing_key, body, content.headers)
        self.arrived.append(AmqpDelivery(message, delivered.redelivered, delivered.tag, self, content.death))
        self._came()

    def end(self) -> None:
        """Give the channel up: what it holds comes again, and settling it here means nothing any more."""
        self.shut()
        self.arrived.clear()
        if not self.over.done():
            self.over.set_result(None)

    def settle(self, tags: Iterable[int]) -> tuple[int | None, list[int]]:
        """Note these as settled; return the tag up to which all are, if one of these, and those above it."""
        fresh = sorted(tag for tag in set(tags) if tag > self._low and tag not in self._settled)
        self._settled.update(fresh)
        while self._low + 1 in self._settled:
            self._low += 1
            self._settled.remove(self._low)
        # The broker knows only unsettled tags: the one named with `multiple` must be one that is settled just now.
        upto = max((tag for tag in fresh if tag <= self._low), default=None)
        return upto, [tag for tag in fresh if tag > self._low]


@dataclass(frozen=True, slots=True, eq=False)
class AmqpDelivery:
    """A message that this consumer holds, as long as the channel lives that it came by."""

    message: Message
    redelivered: bool
    tag: int
    tenure: Tenure
    death: Death | None


class AmqpSubscription:
    """A consumer that takes its place again after each loss."""

    def __init__(
        self,
        link: Link,
        queue: str,
        address: str,
        prefetch: int,
        prepare: Callable[[AbstractConnection], Coroutine[None, None, None]],
    ) -> None:
        self.queue = queue
        self.last_delivery: float | None = None
        self._link = link
        self._address = address
        self._prefetch = prefetch
        self._prepare = prepare
        self._tenure: Tenure | None = None
        self._some = asyncio.Event()
        self._ended = False

    @property
    def consuming(self) -> bool:
        """Whether the broker has this consumer."""
        return self._tenure is not None

    async def session(self) -> None:
        """Consume on the present connection until channel or consumer go, whoever ends them."""
        connection = await self._link.connection()
        async with begun(self._prepare(connection), DECLARED_WITHIN):
            await self._consume_over(connection)

    async def _consume_over(self, connection: WiredConnection) -> None:
        opened = await asked(connection.channel(publisher_confirms=False))
        channel = await opened.get_underlay_channel()
        tenure = Tenure(connection.wire, channel, self._note_arrival)
        tag = f"carillon-{id(tenure):x}"
        try:
            channel.on_consumer_cancel_callbacks.add(lambda _: tenure.end())
            await asked(channel.basic_qos(prefetch_count=self._prefetch))
            await asked(channel.basic_consume(self._address, _past_us, consumer_tag=tag))
            self._tenure = tenure
            self._some.set()
            await ended(channel.closing, tenure.over)
        finally:
            self._tenure = None
            tenure.end()
            # Closing the channel gives back what it holds; cancelling first keeps more from coming meanwhile.
            await quietly(channel.basic_cancel(tag))
            await quietly(opened.close())

    def _note_arrival(self) -> None:
        self.last_delivery = time.monotonic()
        self._some.set()

    async def take(self, most: int) -> Sequence[Delivery]:
        """Wait for at least one delivery; when cancelled, it leaves all of them here."""
        while not self._ended and not (self._tenure and self._tenure.arrived):
            self._some.clear()
            await self._some.wait()
        if self._ended or self._tenure is None:
            return []
        arrived = self._tenure.arrived
        return [arrived.popleft() for _ in range(min(most, len(arrived)))]

    def end(self) -> None:
        """Take no more; what arrived and was not taken goes back when the subscription is left."""
        self._ended = True
        self._some.set()

    async def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Ack with one frame what reaches down to the oldest, and the rest one by one."""
        if (tenure := self._tenure) is None:
            return
        upto, scattered = tenure.settle(tag for tag in map(_tag_in(tenure), deliveries) if tag)
        if upto:
            tenure.write(frames.ack(tenure.number, upto, multiple=True))
        for tag in scattered:
            tenure.write(frames.ack(tenure.number, tag, multiple=False))

    async def reject(self, delivery: Delivery, *, requeue: bool) -> None:
        """Give one back. By reject, not nack: RabbitMQ 4.3 does not count a nack against the delivery limit."""
        if (tenure := self._tenure) is None or not (tag := _tag_in(tenure)(delivery)):
            return
        if any(tenure.settle((tag,))):
            tenure.write(frames.reject(tenure.number, tag, requeue=requeue or self.queue.endswith(DEAD)))


def _tag_in(tenure: Tenure) -> Callable[[Delivery], int]:
    """Return what reads a delivery's tag, and 0 for one that came by another channel."""

    def tag(delivery: Delivery) -> int:
        return delivery.tag if isinstance(delivery, AmqpDelivery) and delivery.tenure is tenure else 0

    return tag


async def _past_us(delivered: DeliveredMessage) -> None:
    """Nothing: the lane has taken the delivery before aiormq could see it."""
