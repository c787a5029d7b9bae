"""Publishing over AMQP: many messages in flight on one channel, each with a confirm of its own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from aio_pika.abc import AbstractConnection
from aiormq import Channel
from pamqp.commands import Basic

from shared.bus.contract import Message, distinct
from shared.bus.link import Link, asked, ended, quietly

CONNECTION_WITHIN = 1.0
"""Seconds that a call waits for a lost connection before it gives up."""
PERSISTENT = 2


class Publisher:
    """The confirm channel, and what is on its way through it."""

    def __init__(
        self, link: Link, exchange: str, prepare: Callable[[AbstractConnection], Awaitable[None]], within: float
    ) -> None:
        self._link = link
        self._exchange = exchange
        self._prepare = prepare
        self._within = within
        self._channel: Channel | None = None
        self._open = asyncio.Event()
        self._in_flight: dict[str, asyncio.Task[None]] = {}

    @property
    def connected(self) -> bool:
        """Whether the channel is open."""
        return self._channel is not None

    async def session(self) -> None:
        """Open the channel on the present connection and hold it until it goes."""
        connection = await self._link.connection()
        await self._prepare(connection)
        channel = await asked(connection.channel(on_return_raises=True))
        try:
            self._channel = cast("Channel", await channel.get_underlay_channel())
            self._open.set()
            await ended(self._channel.closing)
        finally:
            self._channel = None
            self._open.clear()
            for task in self._in_flight.values():
                task.cancel()  # nobody will confirm them any more
            await quietly(channel.close())

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        """Send all, except what another call is sending: that is waited for. Return the ids that are confirmed."""
        distinct(messages)
        if (channel := self._channel or await self._soon()) is None:
            return set()
        shared = {message.id: task for message in messages if (task := self._in_flight.get(message.id))}
        ours = {message.id: self._send(channel, message) for message in messages if message.id not in shared}
        tasks = shared | ours
        try:
            await asyncio.wait(tasks.values(), timeout=self._within)
            return {id_ for id_, task in tasks.items() if _confirmed(task)}
        finally:
            if late := [task for task in ours.values() if not task.done()]:
                for task in late:
                    task.cancel()
                await asyncio.wait(late)  # the next call must not find them in flight

    async def _soon(self) -> Channel | None:
        """Wait a moment for the channel."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECTION_WITHIN):
                await self._open.wait()
        return self._channel

    def _send(self, channel: Channel, message: Message) -> asyncio.Task[None]:
        task = asyncio.create_task(_basic_publish(channel, self._exchange, message), name=message.id)
        self._in_flight[message.id] = task
        task.add_done_callback(self._landed)
        return task

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task.get_name()]
        _confirmed(task)  # looks at the exception, also when the call was cancelled and nobody else will


async def _basic_publish(channel: Channel, exchange: str, message: Message) -> None:
    # Past aio-pika's Message and Exchange, which cost more than the sending; and without waiting for the socket after
    # each message (`wait`), for the confirm says all.
    await channel.basic_publish(
        message.body,
        exchange=exchange,
        routing_key=message.routing_key,
        properties=Basic.Properties(
            content_type="application/json",
            headers=dict(message.headers),
            delivery_mode=PERSISTENT,
            message_id=message.id,
        ),
        mandatory=True,
        wait=False,
    )


def _confirmed(task: asyncio.Task[None]) -> bool:
    """Neither a time-out, nor a lost channel, nor a nack, nor a return: all of these are exceptions in the task."""
    return task.done() and not task.cancelled() and task.exception() is None
