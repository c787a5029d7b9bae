"""Consuming over AMQP: the client's callback only hands over, `take` picks up, `ack` says as little as it can."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError, ChannelInvalidStateError

from shared.bus.contract import DEAD, Delivery, Message
from shared.bus.link import Link, asked, ended, quietly

log = logging.getLogger(__name__)

SETTLE_WITHIN = 5.0
"""Seconds that an ack may wait for the socket, before the channel is given up and everything comes again."""


class Tenure:
    """What one channel holds: deliveries not yet taken, and which of its tags are settled.

    Tags count up from 1, so everything up to `_low` is settled and `_settled` has the few above it.
    """

    def __init__(self, channel: AbstractChannel) -> None:
        self.channel = channel
        self.arrived: deque[AmqpDelivery] = deque()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._low = 0
        self._settled: set[int] = set()

    def end(self) -> None:
        """Give the channel up: what it holds comes again, and settling it here means nothing any more."""
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


class AmqpSubscription:
    """A consumer that takes its place again after each loss."""

    def __init__(
        self,
        link: Link,
        queue: str,
        address: str,
        prefetch: int,
        prepare: Callable[[AbstractConnection], Awaitable[None]],
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
        await self._prepare(connection)
        opened = await asked(connection.channel(publisher_confirms=False))
        channel = await opened.get_underlay_channel()
        tenure = Tenure(channel)
        tag = f"carillon-{id(tenure):x}"
        try:
            channel.on_consumer_cancel_callbacks.add(lambda _: tenure.end())
            await asked(channel.basic_qos(prefetch_count=self._prefetch))
            await asked(channel.basic_consume(self._address, self._hand_over(tenure), consumer_tag=tag))
            self._tenure = tenure
            self._some.set()
            await ended(channel.closing, tenure.over)
        finally:
            self._tenure = None
            tenure.end()
            # Closing the channel gives back what it holds; cancelling first keeps more from coming meanwhile.
            await quietly(channel.basic_cancel(tag))
            await quietly(opened.close())

    def _hand_over(self, tenure: Tenure) -> Callable[[DeliveredMessage], Coroutine[None, None, None]]:
        async def arrive(delivered: DeliveredMessage) -> None:
            if tenure.over.done():
                return
            self.last_delivery = time.monotonic()
            tenure.arrived.append(_read(delivered, tenure))
            self._some.set()

        return arrive

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
        async with _settling(tenure):
            if upto:
                await tenure.channel.basic_ack(upto, multiple=True, wait=False)
            for tag in scattered:
                await tenure.channel.basic_ack(tag, wait=False)

    async def reject(self, delivery: Delivery, *, requeue: bool) -> None:
        """Give one back. By reject, not nack: RabbitMQ 4.3 does not count a nack against the delivery limit."""
        if (tenure := self._tenure) is None or not (tag := _tag_in(tenure)(delivery)):
            return
        if any(tenure.settle((tag,))):
            async with _settling(tenure):
                await tenure.channel.basic_reject(tag, requeue=requeue or self.queue.endswith(DEAD), wait=False)


def _tag_in(tenure: Tenure) -> Callable[[Delivery], int]:
    """Return what reads a delivery's tag, and 0 for one that came by another channel."""

    def tag(delivery: Delivery) -> int:
        return delivery.tag if isinstance(delivery, AmqpDelivery) and delivery.tenure is tenure else 0

    return tag


@contextlib.asynccontextmanager
async def _settling(tenure: Tenure) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(SETTLE_WITHIN):
            yield
    except TimeoutError:
        log.warning("an ack found no way to the broker within %g s: the channel is given up", SETTLE_WITHIN)
        tenure.end()
    except asyncio.CancelledError:
        tenure.end()  # noted as settled, but perhaps not told to the broker
        raise
    except (AMQPError, ChannelInvalidStateError):
        tenure.end()  # the channel is gone, and with it what there was to settle


def _read(delivered: DeliveredMessage, tenure: Tenure) -> AmqpDelivery:
    properties = delivered.header.properties
    headers = {name: value for name, value in (properties.headers or {}).items() if isinstance(value, str)}
    message = Message(properties.message_id or "", delivered.routing_key or "", delivered.body, headers)
    return AmqpDelivery(message, bool(delivered.redelivered), delivered.delivery_tag or 0, tenure)
