"""What may happen to a broker and the way to it, and what must not come of it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from yarl import URL

from deploy.local.rabbit import private_rabbit
from shared.bus import topology
from shared.bus.amqp import AmqpBus
from shared.bus.contract import Message, Queue, QueueConflictError, Subscription
from tests.bus.proxy import Proxy, proxied
from tests.bus.waiting import LIMIT, all_confirmed, ids, messages, taken, until, until_depth

ONE = Queue("one.q1", ("post.one",))


@asynccontextmanager
async def bus_at(url: str, namespace: str, within: float = 5.0) -> AsyncIterator[AmqpBus]:
    """A bus that leaves nothing on the broker."""
    bus = AmqpBus(url, namespace, publish_within=within)
    try:
        yield bus
        await bus.drop()
    finally:
        await bus.close()


@asynccontextmanager
async def side_door(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of somebody else."""
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


@pytest.fixture
async def proxy(amqp_url: str) -> AsyncIterator[Proxy]:
    async with proxied(amqp_url) as proxy:
        yield proxy


async def consume(subscription: Subscription, wanted: int, between: Callable[[int], None]) -> set[str]:
    """Take and ack until so many different messages came; `between` is told how many came so far."""
    seen: set[str] = set()
    async with asyncio.timeout(3 * LIMIT):
        while len(seen) < wanted:
            deliveries = await subscription.take(20)
            seen |= set(ids(list(deliveries)))
            between(len(seen))
            await subscription.ack(deliveries)
    return seen


async def test_all_that_is_confirmed_arrives_though_the_connection_is_cut(proxy: Proxy, namespace: str) -> None:
    async with bus_at(proxy.url, namespace) as bus:
        await bus.declare([ONE])
        cuts = iter(range(100, 10_000, 150))
        at = next(cuts)

        def cut_now_and_then(seen: int) -> None:
            nonlocal at
            if seen >= at:
                at = next(cuts)
                proxy.cut()

        async with bus.subscribe("one.q1", 50) as subscription:
            sending = asyncio.create_task(all_confirmed(bus, messages(800)))
            seen = await consume(subscription, 800, cut_now_and_then)
            await sending
        assert at > 800, "the connection was cut five times"
        assert seen == {f"id-{n}" for n in range(800)}


async def test_ack_of_a_delivery_from_before_the_cut_is_of_no_effect(proxy: Proxy, namespace: str) -> None:
    async with bus_at(proxy.url, namespace) as bus:
        await bus.declare([ONE])
        await all_confirmed(bus, messages(6))
        async with bus.subscribe("one.q1", 50) as subscription:
            stale = await taken(subscription, 6)
            proxy.cut()
            fresh = await taken(subscription, 6)
            await subscription.ack(stale)
            await subscription.reject(stale[0], requeue=False)
            assert sorted(ids(fresh)) == [f"id-{n}" for n in range(6)]
            assert all(delivery.redelivered for delivery in fresh)
            await subscription.ack(fresh[1:])
            await subscription.reject(fresh[0], requeue=True)
            (last,) = await taken(subscription, 1)
            assert last.message == fresh[0].message
            await subscription.ack([last])
        await until_depth(bus, "one.q1", 0)
        assert await bus.depth("one.q1.dead") == 0


async def test_stalled_socket_confirms_nothing_and_is_given_up(proxy: Proxy, namespace: str) -> None:
    url = str(URL(proxy.url).update_query(heartbeat="1"))
    async with bus_at(url, namespace, within=0.5) as bus:
        await bus.declare([ONE])
        async with bus.subscribe("one.q1", 10) as subscription:
            await all_confirmed(bus, messages(1))
            await subscription.ack(await taken(subscription, 1))
            proxy.stall()
            for _ in range(2):  # the second call sends anew: it finds nothing of the first in its way
                began = time.monotonic()
                assert await bus.publish(messages(5, first=1)) == set()
                assert 0.4 < time.monotonic() - began < 3

            async def given_up() -> bool:
                return not bus.connected and not subscription.consuming

            await until("both connections are given up", given_up)
            proxy.flow()
            await all_confirmed(bus, messages(5, first=1))
            seen: set[str] = set()
            while not seen >= {f"id-{n}" for n in range(1, 6)}:  # the ack of the first may have been lost
                seen |= await consume(subscription, 1, lambda _: None)


async def test_declare_waits_for_the_broker_and_publish_does_not(proxy: Proxy, namespace: str) -> None:
    proxy.away()
    async with bus_at(proxy.url, namespace) as bus:
        declaring = asyncio.create_task(bus.declare([ONE]))
        began = time.monotonic()
        assert await bus.publish(messages(1)) == set()
        assert time.monotonic() - began < 3
        assert not declaring.done()
        async with bus.subscribe("one.q1", 10) as subscription:
            await proxy.open()
            await asyncio.wait_for(declaring, LIMIT)
            await all_confirmed(bus, messages(1))
            await subscription.ack(await taken(subscription, 1))


@pytest.mark.timeout(240)  # three starts of a broker on a busy machine
async def test_killed_and_restarted_broker_loses_nothing_that_is_confirmed(namespace: str) -> None:
    with private_rabbit() as node:
        async with bus_at(node.amqp_url, namespace, within=2.0) as bus:
            await bus.declare([ONE])
            await all_confirmed(bus, messages(200))
            async with bus.subscribe("one.q1", 20) as subscription:
                await taken(subscription, 20)  # and never acked
                sending = asyncio.create_task(all_confirmed(bus, messages(300, first=200)))
                await asyncio.to_thread(node.kill)
                assert await bus.publish(messages(1, first=999)) == set()
                await asyncio.to_thread(node.start)
                seen = await consume(subscription, 150, lambda _: None)
                await asyncio.to_thread(node.restart)
                while not seen >= {f"id-{n}" for n in range(500)}:
                    seen |= await consume(subscription, 1, lambda _: None)
                await sending


async def test_deleted_queue_is_made_again_and_consumed(amqp_url: str, namespace: str) -> None:
    async with bus_at(amqp_url, namespace) as bus:
        await bus.declare([ONE])
        async with bus.subscribe("one.q1", 10) as subscription, side_door(amqp_url) as other:
            await all_confirmed(bus, messages(1))
            await subscription.ack(await taken(subscription, 1))
            await other.queue_delete(f"{namespace}.one.q1")
            async with asyncio.timeout(LIMIT):
                await all_confirmed(bus, messages(1, first=1))  # unroutable, until the consumer has made it again
            assert ids(await taken(subscription, 1)) == ["id-1"]


async def test_deleted_exchange_is_made_again(amqp_url: str, namespace: str) -> None:
    async with bus_at(amqp_url, namespace) as bus:
        await bus.declare([ONE])
        async with side_door(amqp_url) as other:
            await other.exchange_delete(f"{namespace}.events")
        async with asyncio.timeout(LIMIT):
            await all_confirmed(bus, messages(3))
        await until_depth(bus, "one.q1", 3)


async def test_a_declaration_without_an_answer_keeps_nobody_from_other_queues(
    proxy: Proxy, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue whose leader has died answers when another one is elected, or never."""

    async def unanswered(*_: object) -> None:
        await asyncio.Event().wait()

    async with bus_at(proxy.url, namespace) as bus:
        await bus.declare([ONE])
        await all_confirmed(bus, messages(1))
        monkeypatch.setattr(topology, "declare", unanswered)
        proxy.cut()
        await all_confirmed(bus, messages(1, first=1))
        async with bus.subscribe("one.q1", 10) as subscription:
            assert len(await taken(subscription, 2)) == 2


async def test_nacked_message_is_not_confirmed_and_its_channel_is_opened_anew(
    amqp_url: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As a channel is that met a queue while its leader died: only a new one finds the new leader."""
    async with bus_at(amqp_url, namespace) as bus, side_door(amqp_url) as other:
        await bus.declare([ONE])
        full = await other.declare_queue(arguments={"x-max-length": 1, "x-overflow": "reject-publish"}, exclusive=True)
        await full.bind(f"{namespace}.events", "post.full")
        assert len(await bus.publish(messages(1, "post.full"))) == 1
        assert await bus.publish(messages(1, "post.full", first=1)) == set()
        assert await bus.publish(messages(1, first=2)) == {"id-2"}

        async def anew() -> bool:
            return "another one is opened" in caplog.text and bus.connected

        await until("the channel is another one", anew)
        await full.purge()
        assert await bus.publish(messages(1, "post.full", first=1)) == {"id-1"}


async def test_probe_needs_both_connections_and_every_consumer(proxy: Proxy, namespace: str) -> None:
    async with bus_at(proxy.url, namespace) as bus:
        await bus.declare([ONE])
        assert await bus.probe(LIMIT)
        async with bus.subscribe("one.q1", 10) as subscription:
            await all_confirmed(bus, messages(1))
            await subscription.ack(await taken(subscription, 1))
            assert await bus.probe(LIMIT)
            proxy.away()
            assert not await bus.probe(2.0)
            await proxy.open()

            async def healthy() -> bool:
                return await bus.probe(2.0)

            await until("the probe says yes again", healthy)
            async with bus.subscribe("nobody.declared", 10):
                assert not await bus.probe(2.0)


async def test_probe_says_nothing_when_all_is_well(
    amqp_url: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with bus_at(amqp_url, namespace) as bus:
        await bus.declare([ONE])
        assert await bus.probe(LIMIT)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_queue_that_is_made_differently_is_named(amqp_url: str, namespace: str) -> None:
    async with bus_at(amqp_url, namespace) as bus, side_door(amqp_url) as other:
        await other.declare_queue(f"{namespace}.one.q1", durable=True, arguments={"x-queue-type": "classic"})
        with pytest.raises(QueueConflictError, match=rf"{namespace}\.one\.q1"):
            await bus.declare([ONE])
        await bus.declare([Queue("one.q2", ONE.keys)])
        assert await bus.publish([Message("a", "post.one", b"{}")]) == {"a"}


async def test_password_is_in_no_log(
    proxy: Proxy, amqp_url: str, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = AmqpBus(str(URL(amqp_url).with_password("wr0ng-s3cret")), namespace)
    declaring = asyncio.create_task(wrong.declare([ONE]))

    async def refused() -> bool:
        return "again in" in caplog.text

    await until("the broker refused the password", refused)
    declaring.cancel()
    await wrong.close()
    right = AmqpBus(str(URL(proxy.url).with_password(f"{URL(amqp_url).password}")), namespace)
    await right.declare([ONE])
    proxy.cut()
    await all_confirmed(right, messages(1))
    await right.drop()
    await right.close()
    assert "wr0ng-s3cret" not in caplog.text + repr(wrong)
    assert f":{URL(amqp_url).password}@" not in caplog.text + repr(right)


@pytest.mark.parametrize("url", ["http://user:hidden@host/", "host:5672", "", "amqp://"])
def test_url_is_checked_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="amqp://") as wrong:
        AmqpBus(url, "x")
    assert "hidden" not in str(wrong.value)


def test_namespace_is_asked_for() -> None:
    with pytest.raises(ValueError, match="namespace"):
        AmqpBus("amqp://localhost/", "")
