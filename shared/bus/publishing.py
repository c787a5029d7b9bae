"""Publishing over AMQP: many messages in flight on one channel, each with a confirm of its own."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import takewhile

from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel

from shared.bus import frames
from shared.bus.contract import Message, distinct
from shared.bus.link import DECLARED_WITHIN, Link, asked, begun, ended, quietly
from shared.bus.wire import Lane, Wire, WiredConnection

log = logging.getLogger(__name__)

CONNECTION_WITHIN = 1.0
"""Seconds that a call waits for a lost connection before it gives up."""
REFUSAL_KEPT = 1.0
"""Seconds that a channel is kept at the least although the broker nacks a message on it.

A channel that first publishes to a queue in the moment in which the queue's leader dies goes on asking the dead node
(RabbitMQ 3.10): all it is given is nacked until that node is back. A new channel asks the new leader.
"""


class Publisher:
    """The confirm channel, and what is on its way through it."""

    def __init__(
        self,
        link: Link,
        exchange: str,
        prepare: Callable[[AbstractConnection], Coroutine[None, None, None]],
        within: float,
    ) -> None:
        self._link = link
        self._exchange = exchange
        self._prepare = prepare
        self._within = within
        self._lane: Confirms | None = None
        self._open = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the channel is open."""
        return self._lane is not None

    async def session(self) -> None:
        """Open the channel on the present connection and hold it until it goes; one that nacks is opened anew."""
        connection = await self._link.connection()
        async with begun(self._prepare(connection), DECLARED_WITHIN):
            while await self._publish_over(connection):
                log.warning("publishing channel: the broker refused a message on it; another one is opened")

    async def _publish_over(self, connection: WiredConnection) -> bool:
        """Hold a channel until it goes, or is given up because the broker nacked a message; return which it was."""
        opened = await asked(connection.channel())
        lane: Confirms | None = None
        try:
            channel = await opened.get_underlay_channel()
            lane = self._lane = Confirms(connection.wire, channel, self._exchange)
            self._open.set()
            kept = time.monotonic() + REFUSAL_KEPT
            await ended(channel.closing, lane.nacked)
            await asyncio.wait([channel.closing], timeout=max(0.0, kept - time.monotonic()))
            return not channel.closing.done()
        finally:
            self._lane = None
            self._open.clear()
            if lane is not None:
                await lane.settled(CONNECTION_WITHIN)
                lane.give_up()
            await quietly(opened.close())

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Send all, except what another call is sending: that is waited for. Return the ids that are confirmed."""
        distinct(messages)
        if (lane := self._lane or await self._soon()) is None:
            return set()
        theirs = {message.id: way for message in messages if (way := lane.in_flight.get(message.id))}
        ours = lane.send([message for message in messages if message.id not in theirs])
        ways = {**theirs, **ours}
        try:
            if ways:
                await asyncio.wait(ways.values(), timeout=self._within)
            return {id_ for id_, way in ways.items() if way.done() and not way.cancelled() and way.result()}
        finally:
            lane.forget(ours)  # the next call must not find them in flight

    async def _soon(self) -> "Confirms | None":
        """Wait a moment for the channel."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECTION_WITHIN):
                await self._open.wait()
        return self._lane


class Confirms(Lane):
    """What is on its way through one channel: the broker counts messages from 1 and confirms by number."""

    def __init__(self, wire: Wire, channel: AbstractChannel, exchange: str) -> None:
        super().__init__(wire, channel.number, channel.connection.connection_tune.frame_max)
        self.in_flight: dict[str, asyncio.Future[bool]] = {}
        """By the message's id; True is a confirm, False a nack or a return, cancelled is given up."""
        self._exchange = exchange
        self._count = 0
        self._numbered: dict[int, asyncio.Future[bool]] = {}
        self._loop = asyncio.get_running_loop()
        self.nacked = self._loop.create_future()
        """Done when the broker has refused a message."""

    def send(self, messages: Sequence[Message]) -> dict[str, asyncio.Future[bool]]:
        """Write all at once and return their ways; one that can't be written, or none if it is shut, has no way."""
        if not self.open:
            return {}
        written = [(message.id, payload) for message in messages if (payload := self._encoded(message))]
        ways = {id_: self._loop.create_future() for id_, _ in written}
        self._numbered.update(enumerate(ways.values(), self._count + 1))
        self._count += len(ways)
        self.in_flight.update(ways)
        self.write(b"".join([payload for _, payload in written]))
        return ways

    def _encoded(self, message: Message) -> bytes | None:
        try:
            return frames.publishing(self.number, self.frame_max, self._exchange, message)
        except ValueError as error:
            log.error("message %.64s can never be sent: %s", message.id, error)
            return None

    def confirmed(self, tag: int, *, multiple: bool, stored: bool) -> None:
        """Settle one, or all from the oldest up to it."""
        if not stored and not self.nacked.done():
            self.nacked.set_result(None)
        for number in list(takewhile(lambda number: number <= tag, self._numbered)) if multiple else [tag]:
            way = self._numbered.pop(number, None)
            if way and not way.done():
                way.set_result(stored)

    def returned(self, message_id: str) -> None:
        """Settle one that found no queue, before its confirm comes."""
        way = self.in_flight.get(message_id)
        if way and not way.done():
            way.set_result(False)

    def forget(self, ways: Mapping[str, asyncio.Future[bool]]) -> None:
        """Let go of what a call has sent, confirmed or not."""
        for id_, way in ways.items():
            del self.in_flight[id_]
            way.cancel()

    async def settled(self, within: float) -> None:
        """Wait a while, if it is open, for what is on its way."""
        if self.open and self.in_flight:
            await asyncio.wait(self.in_flight.values(), timeout=within)

    def give_up(self) -> None:
        """Say to everyone who waits that nobody will confirm any more."""
        self.shut()
        for way in self.in_flight.values():
            way.cancel()
