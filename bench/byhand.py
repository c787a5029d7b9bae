"""What a service would do without the mailbox: the same statements written by hand, SQLAlchemy and bare aio-pika."""

import asyncio
import json
from collections.abc import Sequence
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from sqlalchemy import ARRAY, BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.measure import Meter
from bench.tables import BODY, HANDLED, INBOX, NEXT, OUTBOX, PREFETCH

SEEN = insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.event_id)
CLAIM = text("SELECT id, body FROM outbox WHERE retry_at <= now() ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED")
ERASE = text("DELETE FROM outbox WHERE id = ANY(:ids)").bindparams(bindparam("ids", type_=ARRAY(BigInteger)))


class Consumer:
    """Takes messages of a queue and commits inbox, business and outbox rows, a group in one transaction, then acks."""

    def __init__(self, engine: AsyncEngine, channel: AbstractChannel, queue: AbstractQueue) -> None:
        self._engine = engine
        self._channel = channel
        self._queue = queue

    async def fill(self, count: int) -> None:
        """Publish so many."""

        async def publish() -> None:
            message = aio_pika.Message(BODY, delivery_mode=2, message_id=str(uuid4()))
            await self._channel.default_exchange.publish(message, self._queue.name)

        for _ in range(0, count, PREFETCH):
            await asyncio.gather(*(publish() for _ in range(min(PREFETCH, count))))

    async def consume(self, count: int, group: int) -> Meter:
        """Handle what `fill` has sent; from the first delivery on."""
        await self.fill(count)
        arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        tag = await self._queue.consume(arrived.put)
        messages = [await arrived.get()]
        with Meter(count) as meter:
            left = count
            while left:
                messages = messages or [await arrived.get()]
                while len(messages) < group and not arrived.empty():
                    messages.append(arrived.get_nowait())
                await self._commit(messages)
                await messages[-1].ack(multiple=True)
                left -= len(messages)
                messages = []
        await self._queue.cancel(tag)
        return meter

    async def _commit(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        events = {message.message_id: json.loads(message.body) for message in messages}
        async with self._engine.begin() as db:
            seen = await db.execute(SEEN, [{"consumer": "by hand", "event_id": event} for event in events])
            new = {str(event): events[str(event)] for event in seen.scalars()}
            if not new:
                return
            await db.execute(
                HANDLED.insert().inline(), [{"id": uuid4(), "event_id": event, "data": new[event]} for event in new]
            )
            rows = [
                {"routing_key": NEXT, "headers": {"ce-id": str(uuid4())}, "body": json.dumps(new[event]).encode()}
                for event in new
            ]
            await db.execute(OUTBOX.insert().inline(), rows)


async def relay(engine: AsyncEngine, channel: AbstractChannel, queue: str, count: int, batch: int) -> Meter:
    """Send what is in the outbox: claim, publish with pipelined confirms, erase, commit."""
    with Meter(count) as meter:
        left = count
        while left:
            async with engine.begin() as db:
                rows = (await db.execute(CLAIM, {"most": batch})).all()
                await asyncio.gather(*(_send(channel, queue, row.body) for row in rows))
                await db.execute(ERASE, {"ids": [row.id for row in rows]})
            left -= len(rows)
    return meter


async def _send(channel: AbstractChannel, queue: str, body: bytes) -> None:
    message = aio_pika.Message(body, delivery_mode=2, content_type="application/json", message_id=str(uuid4()))
    await channel.default_exchange.publish(message, queue)
