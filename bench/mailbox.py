"""The mailbox beside the same statements by hand: events consumed in transactions, and the outbox relayed.

Ours decodes each event to a checked model, follows its trace, and gives it CloudEvents headers; the baseline reads JSON
and sends none. Both: quorum queues, confirms, prefetch 200, one PostgreSQL that waits for its disk, uvloop.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import uuid4

import aio_pika
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench import byhand, tables
from bench.bus import messages
from bench.measure import Meter, compare
from deploy.local.databases import own_databases
from shared.bus.amqp import AmqpBus
from shared.bus.contract import Queue
from shared.database import Session, begin
from shared.events import Event, PostFailed
from shared.mailbox import Mailbox, envelope_of, posts_queue
from shared.mailbox.outbox import Caused, store
from shared.mailbox.relay import Relay
from shared.settings import Settings

ONE_BY_ONE, GROUPED, RELAYED = 400, 4_000, 6_000
GROUP, BATCH = 50, 100
TARGET = 0.8
SERVICE = "metrics"
QUEUE = Queue(posts_queue(SERVICE), (PostFailed.name,))

HANDLE = text("INSERT INTO handled (id, event_id, data) VALUES (:id, :event_id, :data)")


class Ours:
    """The mailbox of a service whose handler adds one row and returns one event."""

    def __init__(self, engine: AsyncEngine, bus: AmqpBus) -> None:
        self._engine = engine
        self._bus = bus
        self._left = 0

    async def consume(self, count: int, group: int) -> Meter:
        """Handle so many events; from the first delivery until the last is acked."""
        for at in range(0, count, tables.PREFETCH):
            wanted = messages(min(tables.PREFETCH, count - at))
            assert len(await self._bus.publish(wanted)) == len(wanted), "a message was not confirmed"
        self._left, self._stopping, self._meter = count, asyncio.Event(), Meter(count)
        consumer = self._mailbox(consume_group=group, consume_prefetch=tables.PREFETCH).consumer(
            {PostFailed: self._handle}
        )
        await consumer.run(self._stopping)
        self._meter.__exit__(None, None, None)
        await tables.clear(self._engine)
        return self._meter

    async def relay(self, count: int) -> Meter:
        """Send so many events from the outbox."""
        await fill_outbox(self._engine, count)
        relay = Relay(SERVICE, self._engine, self._bus, _settings(relay_batch=BATCH))
        with Meter(count) as meter:
            sent = 0
            while sent < count:
                sent += (await relay.send_some())[0]
        async with self._bus.subscribe(QUEUE.name, 2_000) as subscription:
            while sent:
                some = await subscription.take(2_000)
                await subscription.ack(some)
                sent -= len(some)
        return meter

    async def _handle(self, event: PostFailed, db: Session) -> Sequence[Event]:
        if self._left == self._meter.units:
            self._meter.__enter__()
        self._left -= 1
        if not self._left:
            self._stopping.set()
        db.add(HANDLE, {"id": uuid4(), "event_id": envelope_of(db).id, "data": event.model_dump_json()})
        return [event]

    def _mailbox(self, **settings: int) -> Mailbox:
        return Mailbox(SERVICE, self._engine, self._bus, _settings(**settings))


class Baseline:
    """The same by hand."""

    def __init__(self, engine: AsyncEngine, channel: aio_pika.abc.AbstractChannel, queue: aio_pika.abc.AbstractQueue):
        self._engine = engine
        self._channel = channel
        self._queue = queue
        self._consumer = byhand.Consumer(engine, channel, queue)

    async def consume(self, count: int, group: int) -> Meter:
        """Handle so many events."""
        meter = await self._consumer.consume(count, group)
        await tables.clear(self._engine)
        return meter

    async def relay(self, count: int) -> Meter:
        """Send so many events from the outbox."""
        await fill_outbox(self._engine, count)
        meter = await byhand.relay(self._engine, self._channel, self._queue.name, count, BATCH)
        await self._queue.purge()
        return meter


async def fill_outbox(engine: AsyncEngine, count: int) -> None:
    """Store so many events, as services do."""
    event = tables.event()
    traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    async with begin(engine) as db:
        await store(db, SERVICE, [Caused(event, traceparent)] * count)
        await db.execute(text("UPDATE outbox SET retry_at = now()"))  # nobody has them in hand


def _settings(**more: int) -> Settings:
    return Settings.model_validate(more)


@asynccontextmanager
async def both(amqp_url: str, database_url: str) -> AsyncIterator[tuple[Ours, Baseline]]:
    """Give both sides, on these servers, under names of their own that are gone at the end."""
    name = f"bench{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(own_databases(database_url, name))
        address = make_url(await database("bench")).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(address, pool_size=8, max_overflow=0)
        stack.push_async_callback(engine.dispose)
        await tables.create(engine)
        bus = AmqpBus(amqp_url, name)
        stack.push_async_callback(bus.close)
        await bus.declare([QUEUE])
        stack.push_async_callback(bus.drop)
        connection = await stack.enter_async_context(await aio_pika.connect(amqp_url))
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=tables.PREFETCH)
        queue = await channel.declare_queue(f"{name}.bare", durable=True, arguments={"x-queue-type": "quorum"})
        stack.push_async_callback(partial(queue.delete, if_unused=False, if_empty=False))
        yield Ours(engine, bus), Baseline(engine, channel, queue)


async def consume(amqp_url: str, database_url: str, rounds: int, share: float) -> None:
    """Compare consuming, one event a transaction and many; `share` of the usual number of events."""
    async with both(amqp_url, database_url) as (ours, baseline):
        for name, count, group in (
            ("transactional consume, one by one", ONE_BY_ONE, 1),
            (f"transactional consume, groups of {GROUP}", GROUPED, GROUP),
        ):
            some = int(count * share)
            await compare(
                name, partial(ours.consume, some, group), partial(baseline.consume, some, group), TARGET, rounds
            )


async def relay(amqp_url: str, database_url: str, rounds: int, share: float) -> None:
    """Compare relaying; `share` of the usual number of events."""
    async with both(amqp_url, database_url) as (ours, baseline):
        count = int(RELAYED * share)
        name = f"relay, batches of {BATCH}"
        await compare(name, partial(ours.relay, count), partial(baseline.relay, count), TARGET, rounds)
