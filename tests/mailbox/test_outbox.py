"""What is committed is sent until it has arrived; what is not committed is not."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.bus.contract import Message
from shared.bus.memory import MemoryBus
from shared.events import PostDue
from shared.mailbox import Mailbox, posts_queue
from tests.mailbox.conftest import cancelled, count, running, until

OUTBOX = "SELECT count(*) FROM outbox"


class Refusing(MemoryBus):
    """A bus that confirms nothing for a while, as one does whose broker is gone."""

    refuses = True

    async def publish(self, messages: Sequence[Message]) -> set[str]:
        return set() if self.refuses else await super().publish(messages)


async def test_an_event_arrives_and_leaves_the_outbox(mailbox: Mailbox, bus: MemoryBus) -> None:
    async with mailbox.transaction() as transaction:
        transaction.emit(event := cancelled())
    assert await count(mailbox.engine, OUTBOX) == 1
    async with running(mailbox.relay.run):
        for queue in (posts_queue("policy"), posts_queue("publisher")):
            async with bus.subscribe(queue, 10) as subscription:
                (delivery,) = await subscription.take(10)
                assert delivery.message.headers["ce-subject"] == str(event.post)
                assert int(delivery.message.headers["ce-sequence"]) > 0
                await subscription.ack([delivery])
        await until(lambda: _empty(mailbox))


async def test_a_transaction_that_fails_emits_nothing(mailbox: Mailbox) -> None:
    async def fail() -> None:
        async with mailbox.transaction() as transaction:
            transaction.emit(cancelled())
            raise ValueError("not to be")

    with pytest.raises(ValueError, match="not to be"):
        await fail()
    assert await count(mailbox.engine, OUTBOX) == 0


async def test_what_is_not_confirmed_is_sent_again(mailbox: Mailbox, bus: MemoryBus) -> None:
    mailbox.relay._bus = refusing = Refusing()
    await refusing.declare(bus._queues.values())
    async with mailbox.transaction() as transaction:
        transaction.emit(*(cancelled() for _ in range(5)))
    async with running(mailbox.relay.run):
        await until(lambda: count(mailbox.engine, "SELECT count(*) FROM outbox WHERE retry_at > created_at"))
        refusing.refuses = False
        for queue in (posts_queue("policy"), posts_queue("publisher")):
            async with refusing.subscribe(queue, 10) as subscription:
                got = 0
                while got < 5:
                    deliveries = await subscription.take(10)
                    got += len(deliveries)
                    await subscription.ack(deliveries)
        await until(lambda: _empty(mailbox))


async def test_an_event_nobody_hears_holds_nobody_up(mailbox: Mailbox, bus: MemoryBus) -> None:
    nowhere = PostDue(post=cancelled().post, platform="nowhere")
    async with mailbox.transaction() as transaction:
        transaction.emit(*[nowhere] * 250, PostDue(post=nowhere.post, platform="bluesky"))
    async with running(mailbox.relay.run), bus.subscribe("publisher.due.bluesky.q1", 1) as subscription:
        async with asyncio.timeout(10):
            await subscription.ack(await subscription.take(1))
        await until(lambda: _count_is(mailbox, 250))


async def test_two_relays_send_each_event_once(mailbox: Mailbox, bus: MemoryBus) -> None:
    async with mailbox.transaction() as transaction:
        transaction.emit(*(PostDue(post=cancelled().post, platform="bluesky") for _ in range(500)))
    other = Mailbox("policy", mailbox.engine, bus, mailbox.settings)
    seen: list[str] = []
    async with running(mailbox.relay.run, other.relay.run), bus.subscribe("publisher.due.bluesky.q1", 100) as queue:
        while len(seen) < 500:
            deliveries = await queue.take(100)
            seen += [delivery.message.id for delivery in deliveries]
            await queue.ack(deliveries)
        await until(lambda: _empty(mailbox))
    assert len(set(seen)) == len(seen) == 500


async def test_what_was_just_committed_waits_for_no_sweep(mailbox: Mailbox, bus: MemoryBus) -> None:
    mailbox.relay._sweep = 60
    async with running(mailbox.relay.run), bus.subscribe("publisher.due.bluesky.q1", 1) as subscription:
        await until(lambda: _count_is(mailbox, 0))  # the first sweep is over
        async with mailbox.transaction() as transaction:
            transaction.emit(PostDue(post=cancelled().post, platform="bluesky"))
        async with asyncio.timeout(5):
            await subscription.ack(await subscription.take(1))
        await until(lambda: _empty(mailbox))


async def test_what_a_process_leaves_behind_another_sends(
    mailbox: Mailbox, bus: MemoryBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.mailbox.outbox.HANDED_SECONDS", 0.5)
    async with mailbox.transaction() as transaction:  # its relay never runs: the process died
        transaction.emit(PostDue(post=cancelled().post, platform="bluesky"))
    other = Mailbox("policy", mailbox.engine, bus, mailbox.settings)
    async with running(other.relay.run), bus.subscribe("publisher.due.bluesky.q1", 1) as subscription:
        async with asyncio.timeout(10):
            await subscription.ack(await subscription.take(1))
        await until(lambda: _empty(mailbox))


async def _empty(mailbox: Mailbox) -> bool:
    return await _count_is(mailbox, 0)


async def _count_is(mailbox: Mailbox, expected: int) -> bool:
    return await count(mailbox.engine, OUTBOX) == expected
