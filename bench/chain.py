"""The shortest way of a post that keeps the promises: bare aio-pika and asyncpg, one process, three hops.

Each hop: an outbox row, a relay that is nudged (claim, publish with confirms, mark), a quorum queue, and a transaction
of inbox row, business row and next outbox row, in one statement; then the ack. No HTTP, no rules, no call: it ends when
the transaction is committed after which the platform would be called.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

HOPS, PREFETCH, BATCH, CONNECTIONS = 3, 16, 100, 20
SWEEP = 0.25
TABLES = """
    CREATE TABLE chain_inbox (hop int, event_id uuid, received_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (hop, event_id));
    CREATE TABLE chain_post (id uuid PRIMARY KEY, event_id uuid NOT NULL, data jsonb NOT NULL);
    CREATE TABLE chain_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL,
        hop int NOT NULL, data jsonb NOT NULL, sent_at timestamptz);
    CREATE INDEX ON chain_outbox (hop, id) WHERE sent_at IS NULL
"""
ACCEPT = "INSERT INTO chain_outbox (event_id, hop, data) VALUES ($1, 0, $2::jsonb)"
CLAIM = """
    SELECT id, event_id, data::text FROM chain_outbox WHERE sent_at IS NULL AND hop = $1
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
MARK = "UPDATE chain_outbox SET sent_at = now() WHERE id = ANY($1)"
HANDLE = """
    WITH new AS (INSERT INTO chain_inbox (hop, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1),
    post AS (INSERT INTO chain_post (id, event_id, data) SELECT $3, $2, $5::jsonb FROM new)
    INSERT INTO chain_outbox (event_id, hop, data) SELECT $4::uuid, $1 + 1, $5::jsonb FROM new WHERE $1 + 1 < $6
"""


class Chain:
    """The relays and the consumers of every hop."""

    def __init__(self, pool: asyncpg.Pool, publishing: AbstractConnection, consuming: AbstractConnection, name: str):
        self._pool = pool
        self._publishing = publishing
        self._consuming = consuming
        self._queues = [f"{name}.chain{hop}" for hop in range(HOPS)]
        self._nudged = [asyncio.Event() for _ in range(HOPS)]
        self._accepted: dict[str, float] = {}
        self._lateness_ms: list[float] = []

    async def start(self, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Declare, consume, and relay."""
        for hop, name in enumerate(self._queues):
            channel = await self._consuming.channel()
            await channel.set_qos(prefetch_count=PREFETCH)
            queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
            await queue.consume(partial(self._handle, hop))
        channels = [await self._publishing.channel() for _ in range(HOPS)]
        return [tasks.create_task(self._relay(hop, channel)) for hop, channel in enumerate(channels)]

    async def drop(self) -> None:
        """Remove the queues."""
        channel = await self._consuming.channel()
        for name in self._queues:
            await channel.queue_delete(name)

    async def send(self, rate: float, seconds: float, body: str) -> list[float]:
        """Accept posts at random moments (Poisson); return the milliseconds that each took."""
        self._lateness_ms, calls = [], set()
        began = at = time.perf_counter()
        while (at := at + random.expovariate(rate)) < began + seconds:
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            calls.add(asyncio.create_task(self._accept(body)))
        await asyncio.gather(*calls)
        async with asyncio.timeout(60):
            while len(self._lateness_ms) < len(calls):  # noqa: ASYNC110 - the callbacks of a library fill it
                await asyncio.sleep(0.05)
        return self._lateness_ms

    async def _accept(self, body: str) -> None:
        key = str(uuid4())
        await self._pool.execute(ACCEPT, uuid4(), f'{{"key": "{key}", "text": "{body}"}}')
        self._accepted[key] = time.perf_counter()
        self._nudged[0].set()

    async def _relay(self, hop: int, channel: AbstractChannel) -> None:
        while True:
            async with self._pool.acquire() as db, db.transaction():
                rows = await db.fetch(CLAIM, hop, BATCH)
                await asyncio.gather(*(self._publish(channel, hop, row) for row in rows))
                if rows:
                    await db.execute(MARK, [row["id"] for row in rows])
            if len(rows) < BATCH:
                try:
                    async with asyncio.timeout(SWEEP):
                        await self._nudged[hop].wait()
                except TimeoutError:
                    pass
                self._nudged[hop].clear()

    async def _publish(self, channel: AbstractChannel, hop: int, row: Any) -> None:
        message = aio_pika.Message(row["data"].encode(), delivery_mode=2, message_id=str(row["event_id"]))
        await channel.default_exchange.publish(message, self._queues[hop])

    async def _handle(self, hop: int, message: AbstractIncomingMessage) -> None:
        body = message.body.decode()
        await self._pool.execute(HANDLE, hop, UUID(message.message_id), uuid4(), uuid4(), body, HOPS)
        if hop + 1 < HOPS:
            self._nudged[hop + 1].set()
        else:
            key = body.partition('"key": "')[2][:36]
            self._lateness_ms.append((time.perf_counter() - self._accepted.pop(key)) * 1e3)
        await message.ack()


@asynccontextmanager
async def chain(amqp_url: str, database_url: str, name: str) -> AsyncIterator[Chain]:
    """Run a chain in this process, on a database of its own; its queues are gone at the end."""
    async with (
        asyncpg.create_pool(database_url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool,
        await aio_pika.connect(amqp_url) as publishing,
        await aio_pika.connect(amqp_url) as consuming,
        asyncio.TaskGroup() as tasks,
    ):
        await pool.execute(TABLES)
        one = Chain(pool, publishing, consuming, name)
        relays = await one.start(tasks)
        try:
            yield one
        finally:
            for relay in relays:
                relay.cancel()
            await one.drop()
