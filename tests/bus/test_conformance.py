"""What every transport promises, asked of each."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.bus.amqp import AmqpBus
from shared.bus.contract import Bus, Delivery, Message, Queue
from shared.bus.memory import MemoryBus
from tests.bus.waiting import LIMIT, all_confirmed, ids, messages, taken, until, until_depth

ONE, TWO = Queue("one.q1", ("post.one",)), Queue("two.q1", ("post.one", "post.two"))


@pytest.fixture(params=["memory", "rabbitmq"])
def make(request: pytest.FixtureRequest) -> Callable[[], Bus]:
    if request.param == "memory":
        return lambda: MemoryBus(publish_within=3.0)
    url, namespace = request.getfixturevalue("amqp_url"), request.getfixturevalue("namespace")
    return lambda: AmqpBus(url, f"{namespace}.{uuid4().hex[:8]}", publish_within=3.0)


@pytest.fixture
async def bus(make: Callable[[], Bus]) -> AsyncIterator[Bus]:
    bus = make()
    await bus.declare([ONE])
    yield bus
    if isinstance(bus, AmqpBus):
        await bus.drop()
    await bus.close()


def sending(bus: Bus, wanted: list[Message]) -> asyncio.Task[set[str]]:
    return asyncio.create_task(bus.publish(wanted))


async def test_message_arrives_as_it_was_sent_and_is_confirmed(bus: Bus) -> None:
    sent = Message(
        "id-1", "post.one", b'{"text": "\xc3\xa9"}', {"ce-id": "id-1", "ce-type": "t", "traceparent": "00-1"}
    )
    async with bus.subscribe("one.q1", 10) as subscription:
        confirmed = sending(bus, [sent])
        (delivery,) = await taken(subscription, 1)
        assert delivery.message == sent
        assert not delivery.redelivered
        await subscription.ack([delivery])
        assert await confirmed == {"id-1"}
    await until_depth(bus, "one.q1", 0)


async def test_each_queue_of_a_key_gets_its_own(bus: Bus) -> None:
    await bus.declare([ONE, TWO])
    async with bus.subscribe("one.q1", 10) as one, bus.subscribe("two.q1", 10) as two:
        confirmed = sending(bus, [*messages(1), *messages(1, "post.two", first=1)])
        at_one, at_two = await taken(one, 1), await taken(two, 2)
        await one.ack(at_one)
        await two.ack(at_two)
        assert (ids(at_one), ids(at_two)) == (["id-0"], ["id-0", "id-1"])
        assert await confirmed == {"id-0", "id-1"}


async def test_message_without_a_queue_is_not_confirmed_and_its_neighbours_are(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 10) as subscription:
        confirmed = sending(bus, [*messages(2), Message("lost", "nobody.listens", b"{}"), *messages(2, first=2)])
        await subscription.ack(await taken(subscription, 4))
        assert await confirmed == {"id-0", "id-1", "id-2", "id-3"}


async def test_a_queues_own_name_leads_to_it_alone(bus: Bus) -> None:
    await bus.declare([ONE, TWO])
    async with bus.subscribe("two.q1", 10) as two:
        confirmed = sending(bus, messages(1, "two.q1"))
        (delivery,) = await taken(two, 1)
        assert (delivery.message.id, delivery.message.routing_key, delivery.death) == ("id-0", "two.q1", None)
        await two.ack([delivery])
        assert await confirmed == {"id-0"}
    assert await bus.depth("one.q1") == 0


async def test_declaring_again_changes_nothing(bus: Bus) -> None:
    confirmed = sending(bus, messages(3))
    await until_depth(bus, "one.q1", 3)
    await bus.declare([ONE, ONE])
    async with bus.subscribe("one.q1", 10) as subscription:
        await subscription.ack(await taken(subscription, 3))
        assert len(await confirmed) == 3


async def test_what_a_consumer_did_not_ack_comes_back_when_it_goes(bus: Bus) -> None:
    confirmed = sending(bus, messages(6))
    async with bus.subscribe("one.q1", 10) as first:
        held = await taken(first, 4)
        await first.ack(held[1:3])
    async with bus.subscribe("one.q1", 10) as second:
        again = await taken(second, 4)
        assert sorted(ids(again)) == ["id-0", "id-3", "id-4", "id-5"]
        assert {d.message.id for d in again if d.redelivered} >= {"id-0", "id-3"}
        await first.ack(held)  # of no effect: they are not its own any more
        await second.ack(again)
        assert len(await confirmed) == 6
    await until_depth(bus, "one.q1", 0)


async def test_acks_in_any_order_and_twice(bus: Bus) -> None:
    confirmed = sending(bus, messages(60))
    async with bus.subscribe("one.q1", 100) as subscription:
        held = await taken(subscription, 60)
        shuffled = random.Random(7).sample(held[:50], 50)
        for at in range(0, 50, 5):
            await subscription.ack(shuffled[at : at + 5])
            await subscription.ack(shuffled[at : at + 2])
    async with bus.subscribe("one.q1", 100) as subscription:
        rest = await taken(subscription, 10)
        assert sorted(ids(rest)) == sorted(ids(held[50:]))
        await subscription.ack(rest)
        assert len(await confirmed) == 60
    await until_depth(bus, "one.q1", 0)


async def test_requeued_delivery_comes_again(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 10) as subscription:
        confirmed = sending(bus, messages(1))
        (delivery,) = await taken(subscription, 1)
        await subscription.reject(delivery, requeue=True)
        (again,) = await taken(subscription, 1)
        assert (again.message, again.redelivered) == (delivery.message, True)
        await subscription.ack([again])
        assert await confirmed == {"id-0"}


async def test_rejected_delivery_is_a_dead_letter_and_counts_as_confirmed(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 10) as subscription:
        confirmed = sending(bus, messages(3))
        held = await taken(subscription, 3)
        await subscription.reject(held[1], requeue=False)
        await subscription.ack([held[0], held[2]])
        assert await confirmed == {"id-0", "id-1", "id-2"}
    await until_depth(bus, "one.q1.dead", 1)
    assert await bus.depth("one.q1") == 0


async def test_dead_letter_can_be_taken_and_is_never_dropped(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 10) as subscription:
        confirmed = sending(bus, messages(1))
        await subscription.reject((await taken(subscription, 1))[0], requeue=False)
        await confirmed
    async with bus.subscribe("one.q1.dead", 10) as drainer:
        (letter,) = await taken(drainer, 1)
        assert letter.death
        assert (letter.death.reason, letter.death.routing_key) == ("rejected", "post.one")
        assert abs(letter.death.at - datetime.now(UTC)) < timedelta(minutes=1)
        await drainer.reject(letter, requeue=False)
        (again,) = await taken(drainer, 1)
        assert (again.message.id, again.message.body) == ("id-0", b'{"n": 0}')
        await drainer.ack([again])
    await until_depth(bus, "one.q1.dead", 0)


async def test_consumer_holds_no_more_than_its_prefetch(bus: Bus) -> None:
    confirmed = sending(bus, messages(10))
    await until_depth(bus, "one.q1", 10)
    async with bus.subscribe("one.q1", 3) as subscription:
        held = await taken(subscription, 3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(subscription.take(10), 0.3)
        await until_depth(bus, "one.q1", 7)
        for n in range(3, 10):
            await subscription.ack(held[-3:-2])
            held += await taken(subscription, 1)
            await until_depth(bus, "one.q1", 10 - n - 1)
        await subscription.ack(held)
    assert len(await confirmed) == 10


async def test_competing_consumers_share(bus: Bus) -> None:
    confirmed = sending(bus, messages(20))
    await until_depth(bus, "one.q1", 20)
    async with bus.subscribe("one.q1", 5) as one, bus.subscribe("one.q1", 5) as two:
        at_one, at_two = await taken(one, 5), await taken(two, 5)
        assert not set(ids(at_one)) & set(ids(at_two))
        while len(at_one) + len(at_two) < 20:
            await one.ack(at_one)
            await two.ack(at_two)
            at_one += await taken(one, 5)
            at_two += await taken(two, 5)
        await one.ack(at_one)
        await two.ack(at_two)
        assert sorted(ids(at_one + at_two)) == sorted(f"id-{n}" for n in range(20))
        assert len(await confirmed) == 20


async def test_cancelled_take_loses_nothing(bus: Bus) -> None:
    got: list[Delivery] = []
    async with bus.subscribe("one.q1", 100) as subscription:
        confirmed = sending(bus, messages(100))
        while len(got) < 100:
            taking = asyncio.create_task(subscription.take(3))
            await asyncio.sleep(0)
            if len(got) % 2:
                await asyncio.sleep(0)
            taking.cancel()
            if not (await asyncio.wait([taking], timeout=10))[1] and not taking.cancelled():
                got += taking.result()
            else:
                got += await subscription.take(1)
        await subscription.ack(got)
        assert ids(got) == [f"id-{n}" for n in range(100)]
        assert len(await confirmed) == 100


async def test_subscription_told_to_end_takes_no_more_and_settles_what_it_holds(bus: Bus) -> None:
    confirmed = sending(bus, messages(3))
    async with bus.subscribe("one.q1", 10) as subscription:
        held = await taken(subscription, 1)
        subscription.end()
        assert not await subscription.take(10)
        assert not await subscription.take(10)
        await subscription.ack(held)
    async with bus.subscribe("one.q1", 10) as second:
        rest = await taken(second, 2)
        assert sorted(ids(rest)) == ["id-1", "id-2"]
        await second.ack(rest)
        assert len(await confirmed) == 3
    await until_depth(bus, "one.q1", 0)


async def test_end_wakes_everyone_who_waits_and_no_other_subscription(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 10) as ending, bus.subscribe("one.q1", 10) as staying:
        waiting = [asyncio.create_task(ending.take(10)) for _ in range(2)]
        goes_on = asyncio.create_task(staying.take(10))
        await asyncio.wait(waiting, timeout=0.1)
        ending.end()
        async with asyncio.timeout(LIMIT):
            assert [list(await take) for take in waiting] == [[], []]
        assert not goes_on.done()
        goes_on.cancel()


async def test_one_consumer_sees_the_order_of_sending(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 20) as subscription:
        confirmed = sending(bus, messages(200))
        seen: list[str] = []
        while len(seen) < 200:
            deliveries = await taken(subscription, 1, most=7)
            seen += ids(deliveries)
            await subscription.ack(deliveries)
        assert seen == [f"id-{n}" for n in range(200)]
        assert len(await confirmed) == 200


async def test_a_thousand_in_one_call(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 100) as subscription:
        confirmed = sending(bus, messages(1000))
        seen: set[str] = set()
        while len(seen) < 1000:
            deliveries = list(await subscription.take(100))
            seen |= set(ids(deliveries))
            await subscription.ack(deliveries)
        assert await confirmed == seen


async def test_several_callers_publish_at_once(bus: Bus) -> None:
    async with bus.subscribe("one.q1", 100) as subscription:
        calls = [asyncio.create_task(all_confirmed(bus, messages(50, first=at), 20)) for at in (0, 50, 50, 100)]
        seen: set[str] = set()
        while len(seen) < 150 or not all(call.done() for call in calls):
            taking = asyncio.create_task(subscription.take(100))
            await asyncio.wait([taking, *(call for call in calls if not call.done())], return_when="FIRST_COMPLETED")
            taking.cancel()
            await asyncio.wait([taking])
            if not taking.cancelled():
                seen |= set(ids(list(taking.result())))
                await subscription.ack(taking.result())
        await asyncio.gather(*calls)
        assert seen == {f"id-{n}" for n in range(150)}


async def test_subscriptions_say_how_they_are(bus: Bus) -> None:
    assert not bus.subscriptions
    async with bus.subscribe("one.q1", 5) as subscription:
        assert list(bus.subscriptions) == [subscription]
        assert (subscription.queue, subscription.last_delivery) == ("one.q1", None)

        async def consuming() -> bool:
            return subscription.consuming

        await until("the subscription consumes", consuming)
        confirmed = sending(bus, messages(1))
        await subscription.ack(await taken(subscription, 1))
        assert subscription.last_delivery
        await confirmed
    assert not bus.subscriptions
    assert not subscription.consuming


async def test_wrong_use_is_named(bus: Bus) -> None:
    with pytest.raises(LookupError, match=r"nowhere\.q1"):
        await bus.depth("nowhere.q1")
    with pytest.raises(ValueError, match="prefetch"):
        async with bus.subscribe("one.q1", 0):
            pass
    with pytest.raises(ValueError, match="same id"):
        await bus.publish([*messages(1), *messages(1)])
    with pytest.raises(ValueError, match="matched exactly"):
        Queue("x.q1", ("post.*",))
    with pytest.raises(ValueError, match="does not end"):
        Queue("x.dead", ())


async def test_closed_bus_confirms_nothing(make: Callable[[], Bus]) -> None:
    bus = make()
    await bus.declare([ONE])
    assert await bus.probe(10.0)
    if isinstance(bus, AmqpBus):
        await bus.drop()
    await bus.close()
    assert not bus.connected
    assert not await bus.probe(1.0)
    assert await bus.publish(messages(1)) == set()
