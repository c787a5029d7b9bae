"""A consumer's pulse and an outbox's backlog: what is silent is told from what is idle."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from shared.bus.amqp import AmqpBus
from shared.bus.contract import Message
from shared.bus.memory import MemoryBus
from shared.database import Session, begin
from shared.events import Envelope, Event, PostCancelled, body_of, headers_of
from shared.mailbox import Mailbox, posts_queue, topology
from shared.mailbox.backlog import Backlog
from shared.mailbox.pulse import Pulse, felt
from tests.bus.proxy import proxied
from tests.mailbox.conftest import cancelled, note, running, until

QUEUE = posts_queue("policy")
BEAT = "carillon_consumer_heartbeat_timestamp_seconds"


def seen(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, {"service": "policy", **labels})
    return -1 if value is None else value


async def test_an_idle_consumer_has_a_pulse_and_nothing_waits(mailbox: Mailbox) -> None:
    began = time.time()
    consumer = mailbox.consumer({PostCancelled: note})
    async with running(consumer.run):
        await until(lambda: asyncio.sleep(0, seen(BEAT, queue=QUEUE) > began))
        assert seen("carillon_queue_ready", queue=QUEUE) == 0
        assert seen("carillon_consumer_busy_since_timestamp_seconds", queue=QUEUE) == 0
        assert seen("carillon_consumer_last_delivery_timestamp_seconds", queue=QUEUE) >= began


async def test_a_consumer_that_does_not_come_back_from_its_work_says_since_when(
    mailbox: Mailbox, bus: MemoryBus
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def stuck(event: PostCancelled, db: Session) -> Sequence[Event]:
        begun.set()
        await go_on.wait()
        return await note(event, db)

    began = time.time()
    envelope = Envelope.of(cancelled(), "ingest")
    message = Message(str(envelope.id), "post.cancelled", body_of(envelope.event), headers_of(envelope))
    publishing = asyncio.ensure_future(bus.publish([message]))
    async with running(mailbox.consumer({PostCancelled: stuck}).run):
        await begun.wait()
        assert began <= seen("carillon_consumer_busy_since_timestamp_seconds", queue=QUEUE) <= time.time()
        go_on.set()

        async def idle() -> bool:
            return seen("carillon_consumer_busy_since_timestamp_seconds", queue=QUEUE) == 0

        await until(idle)
    publishing.cancel()  # nobody hears it as publisher
    await asyncio.wait([publishing])


async def test_what_waits_in_a_queue_is_counted(bus: MemoryBus) -> None:
    three = [Message(str(uuid4()), "post.cancelled", b"{}") for _ in range(3)]
    publishing = asyncio.ensure_future(bus.publish(three))
    await until(lambda: bus.depth(QUEUE))
    await Pulse("policy", QUEUE, bus).once()
    assert seen("carillon_queue_ready", queue=QUEUE) == 3
    publishing.cancel()
    await asyncio.wait([publishing])


async def test_a_consumer_that_the_broker_does_not_reach_has_no_pulse(
    amqp_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.mailbox.pulse.WITHIN", 2.0)
    async with proxied(amqp_url) as proxy:
        bus = AmqpBus(proxy.url, namespace)
        try:
            await bus.declare(topology([]))
            async with bus.subscribe(QUEUE, 1), felt("policy", QUEUE, bus, every=0.05):
                await until(lambda: asyncio.sleep(0, seen("carillon_queue_ready", queue=QUEUE) == 0))
                proxy.away()
                silent = time.time()
                await until(lambda: asyncio.sleep(0, time.time() > silent + 1))
                assert seen(BEAT, queue=QUEUE) < silent + 0.5
                await proxy.open()
                await until(lambda: asyncio.sleep(0, seen(BEAT, queue=QUEUE) > silent + 1))
        finally:
            await bus.drop()
            await bus.close()


async def test_an_outbox_says_how_much_it_holds_and_since_when(mailbox: Mailbox) -> None:
    async def look() -> tuple[float, float]:
        async with begin(mailbox.engine) as db:
            await Backlog("policy").tick(db)
        return seen("carillon_outbox_events"), seen("carillon_outbox_oldest_seconds")

    assert await look() == (0, 0)
    async with mailbox.transaction() as transaction:
        transaction.emit(cancelled(), cancelled())
    async with begin(mailbox.engine) as db:
        await db.execute(text("UPDATE outbox SET created_at = now() - interval '1 minute' WHERE id = 1"))
    # What a relay has in hand at this moment counts as well.
    async with begin(mailbox.engine) as db:
        await db.execute(text("SELECT FROM outbox FOR UPDATE"))
        events, oldest = await look()
    assert events == 2
    assert 60 <= oldest < 70
