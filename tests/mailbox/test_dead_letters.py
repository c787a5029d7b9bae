"""Dead letters are kept with their reasons, and sent again with one effect: over RabbitMQ, and inside one process."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractExchange
from prometheus_client import REGISTRY
from sqlalchemy import text

from deploy.local.databases import DatabaseFactory
from shared.bus.amqp import AmqpBus
from shared.bus.contract import DEAD, Bus, Message
from shared.bus.memory import MemoryBus
from shared.database import Session, begin, statements
from shared.events import Envelope, Event, PostCancelled, body_of, headers_of
from shared.mailbox import Mailbox, envelope_of, kept, posts_queue, topology
from shared.mailbox.inbox import expire
from shared.mailbox.kept import Group
from shared.settings import Settings
from tests.mailbox.conftest import cancelled, count, mailbox_on, note, running, until
from tests.mailbox.drainer import KILLED

ROOT = Path(__file__).parents[2]
QUEUE = posts_queue("policy")
HANDLED = "SELECT count(*) FROM thing WHERE handled = 1"
TWICE = "SELECT count(*) FROM thing WHERE handled > 1"
LETTERS = "SELECT count(*) FROM dead_letter"


def message(event: Event, **headers: str) -> Message:
    envelope = Envelope.of(event, "ingest")
    return Message(
        str(envelope.id), event.name, body_of(event), {**headers_of(envelope), "ce-sequence": "7", **headers}
    )


@dataclass
class Policy:
    """A service that is to hear cancels, and fails at some of them."""

    mailbox: Mailbox
    bus: Bus
    failing: set[UUID] = field(default_factory=set)
    """Posts at which its handler fails; a fix takes them out."""
    heard: list[Envelope] = field(default_factory=list)

    async def handle(self, event: PostCancelled, db: Session) -> Sequence[Event]:
        self.heard.append(envelope_of(db))
        if event.post in self.failing:
            raise LookupError(f"no such place 'a_column' for 'It\x00 was said', token=hunter2hunter2 of {event.reason}")
        return await note(event, db)

    @asynccontextmanager
    async def working(self, drainers: int = 1) -> AsyncIterator[None]:
        consumer = self.mailbox.consumer({PostCancelled: self.handle})
        drains = [self.mailbox.dead_letters(QUEUE).run for _ in range(drainers)]
        async with running(consumer.run, self.mailbox.relay.run, *drains):
            yield

    async def send(self, *messages: Message) -> None:
        """Send, and send again, until each is confirmed."""
        waiting = {message.id: message for message in messages}
        async with asyncio.timeout(20):
            while waiting:
                for confirmed in await self.bus.publish(list(waiting.values())):
                    del waiting[confirmed]

    async def bury(self, *messages: Message) -> None:
        """Let messages die where nobody drains."""

        async def buried() -> bool:
            return await self.bus.depth(QUEUE + DEAD) == len(messages)

        async with running(self.mailbox.consumer({PostCancelled: self.handle}).run):
            await self.send(*messages)
            await until(buried)

    async def letters(self) -> list[Any]:
        async with begin(self.mailbox.engine) as db:
            found = await kept.look(Group(), None, 0, 1_000, db)
            return [await kept.show(row.id, db) for row in found]

    async def letter(self) -> Any:
        (only,) = await self.letters()
        return only

    async def until_kept(self, number: int = 1) -> None:
        async def there() -> bool:
            return await count(self.mailbox.engine, f"{LETTERS} WHERE state = 'kept'") == number

        await until(there)

    async def until_handled(self, number: int) -> None:
        async def there() -> bool:
            done = await count(self.mailbox.engine, HANDLED) == number
            return done and await count(self.mailbox.engine, "SELECT count(*) FROM outbox") == 0

        await until(there)

    async def replay(self, letter: int) -> bool:
        async with begin(self.mailbox.engine) as db:
            return await kept.replay(letter, "a tool", db)

    async def replay_some(self, group: Group, most: int = 100) -> list[int]:
        async with begin(self.mailbox.engine) as db:
            return await kept.replay_some(group, most, "a tool", db)

    async def archive(self, letter: int) -> bool:
        async with begin(self.mailbox.engine) as db:
            return await kept.archive(letter, "a tool", "not ours", db)


@pytest.fixture(params=["memory", "rabbitmq"])
async def bus(request: pytest.FixtureRequest, namespace: str) -> AsyncIterator[Bus]:
    """Both transports; nobody but policy hears anything here, so that nothing waits for others."""
    (queue,) = (queue for queue in topology([]) if queue.name == QUEUE)
    amqp = request.param == "rabbitmq"
    bus: Bus = AmqpBus(request.getfixturevalue("amqp_url"), namespace) if amqp else MemoryBus()
    await bus.declare([queue])
    yield bus
    if isinstance(bus, AmqpBus):
        await bus.drop()
    await bus.close()


@pytest.fixture
async def policy(database: DatabaseFactory, bus: Bus, settings: Settings) -> AsyncIterator[Policy]:
    async with mailbox_on(await database("policy"), bus, settings) as mailbox:
        yield Policy(mailbox, bus)


async def dead(policy: Policy, number: int = 1, *, causes: Collection[str] = ("handler_crashed",)) -> list[Message]:
    """Let so many cancels die, which a fix lets live."""
    events = [cancelled() for _ in range(number)]
    policy.failing |= {event.post for event in events}
    messages = [message(event) for event in events]
    async with policy.working():
        await policy.send(*messages)
        await policy.until_kept(number)
    assert {letter.cause for letter in await policy.letters()} == set(causes)
    return messages


async def test_a_message_whose_handler_fails_is_kept_with_all_there_is_to_know(policy: Policy) -> None:
    event = PostCancelled(post=uuid4(), reason="what somebody said", requester=cancelled().requester)
    policy.failing = {event.post}
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = message(event, traceparent=trace)
    async with policy.working():
        await policy.send(sent)
        await policy.until_kept()
    letter = await policy.letter()
    assert (letter.cause, letter.attempts, letter.times, letter.state) == ("handler_crashed", 5, 1, "kept")
    assert letter.reason == "LookupError: no such place 'a_column' for …, token=[redacted] of …"
    assert (str(letter.event_id), letter.subject) == (sent.id, str(event.post))
    assert letter.type == "org.wikimedia.carillon.post.cancelled.v1"
    assert (letter.queue, letter.routing_key, letter.traceparent) == (QUEUE, "post.cancelled", trace)
    assert (letter.headers, letter.body, letter.size) == (sent.headers, sent.body, len(sent.body))
    assert abs(letter.died_at - datetime.now(UTC)) < timedelta(minutes=1)
    (died,) = letter.history
    assert (died["what"], died["cause"], died["bus"]) == ("died", "handler_crashed", "rejected")
    assert await policy.bus.depth(QUEUE + DEAD) == 0


async def test_what_cannot_be_read_is_kept_in_any_form(policy: Policy) -> None:
    good = message(cancelled())
    known = good.headers["ce-type"]
    bad = {
        "undecodable": [
            Message("1", good.routing_key, b"{", good.headers),
            Message("2", good.routing_key, b"\xff\x00", {}),
            Message("3", good.routing_key, b"", {"ce-type": known, "ce-id": "\x00", "note": "\x00"}),
            Message("4", good.routing_key, b'{"post": "' + b"x" * 9_000_000 + b'"}', good.headers),
            Message("5", good.routing_key, good.body, {**good.headers, "ce-sequence": "many"}),
            Message("6", good.routing_key, b"[" * 50_000, good.headers),
        ],
        "unknown_type": [Message("7", good.routing_key, good.body, {**good.headers, "ce-type": "org.example.new.v9"})],
    }
    async with policy.working():
        await policy.send(*(one for some in bad.values() for one in some), good)
        await policy.until_kept(7)
        await policy.until_handled(1)
    letters = await policy.letters()
    for cause, messages in bad.items():
        found = {(letter.size, letter.body) for letter in letters if letter.cause == cause}
        assert found == {(len(one.body), one.body[: kept.SHOWN]) for one in messages}
    assert {letter.event_id for letter in letters} == {UUID(good.id), None}
    assert "unknown type: org.example.new.v9" in {letter.reason for letter in letters}


async def test_sent_again_after_a_fix_it_has_one_effect_however_often(policy: Policy) -> None:
    (sent,) = await dead(policy)
    policy.failing.clear()
    policy.heard.clear()
    letter = await policy.letter()
    async with policy.working():
        assert await policy.replay(letter.id)
        assert not await policy.replay(letter.id)
        await policy.until_handled(1)
    assert [(str(envelope.id), envelope.sequence) for envelope in policy.heard] == [(sent.id, 7)]
    again = await policy.letter()
    assert (again.state, again.times, again.acted_by) == ("replayed", 1, "a tool")
    assert [entry["what"] for entry in again.history] == ["died", "replayed"]
    assert await count(policy.mailbox.engine, "SELECT count(*) FROM attempt") == 0


async def test_dead_again_it_is_the_same_row(policy: Policy) -> None:
    await dead(policy)
    for times in (2, 3):
        async with policy.working():
            assert await policy.replay((await policy.letter()).id)
            await policy.until_kept()
        letter = await policy.letter()
        assert (letter.times, letter.attempts, letter.cause) == (times, 5, "handler_crashed")
        assert letter.routing_key == "post.cancelled"
    assert [entry["what"] for entry in letter.history] == ["died", "replayed", "died", "replayed", "died"]
    policy.failing.clear()
    async with policy.working():
        assert await policy.replay(letter.id)
        await policy.until_handled(1)
    assert await count(policy.mailbox.engine, TWICE) == 0


async def test_what_was_handled_meanwhile_is_not_handled_again(policy: Policy) -> None:
    (sent,) = await dead(policy)
    policy.failing.clear()
    async with policy.working():
        await policy.send(sent)
        await policy.until_handled(1)
        assert await policy.replay((await policy.letter()).id)
        await policy.send(after := message(cancelled()))
        await policy.until_handled(2)
    assert await count(policy.mailbox.engine, TWICE) == 0
    assert {str(envelope.id) for envelope in policy.heard} == {sent.id, after.id}


async def test_a_group_is_sent_again_the_oldest_first(policy: Policy) -> None:
    await dead(policy, 6)
    async with policy.working():
        await policy.send(Message("1", "post.cancelled", b"{", {"ce-type": "org.example.new.v9"}))
        await policy.until_kept(7)
    first, *rest = [letter.id for letter in await policy.letters() if letter.cause == "handler_crashed"]
    async with begin(policy.mailbox.engine) as db:
        counted = [(row.cause, row.count) for row in await kept.causes(db)]
    assert counted == [("handler_crashed", 6), ("unknown_type", 1)]
    policy.failing.clear()
    async with policy.working():
        assert await policy.replay_some(Group(cause="handler_crashed"), most=1) == [first]
        assert await policy.replay_some(Group(type="org.wikimedia.carillon.post.cancelled.v1")) == rest
        await policy.until_handled(6)
        assert await policy.replay_some(Group(cause="handler_crashed")) == []
        assert len(await policy.replay_some(Group())) == 1
        await policy.until_kept(1)
    assert await count(policy.mailbox.engine, TWICE) == 0


async def test_what_is_archived_goes_with_no_group_and_can_be_sent_again(policy: Policy) -> None:
    await dead(policy)
    policy.failing.clear()
    letter = await policy.letter()
    assert await policy.archive(letter.id)
    assert not await policy.archive(letter.id)
    assert await policy.replay_some(Group()) == []
    assert (await policy.letter()).history[-1]["note"] == "not ours"
    async with policy.working():
        assert await policy.replay(letter.id)
        await policy.until_handled(1)
    assert not await policy.archive(letter.id)
    assert not await policy.replay(letter.id + 1)


async def test_a_drainer_that_ends_between_commit_and_ack_keeps_one_row(policy: Policy) -> None:
    event = cancelled()
    policy.failing = {event.post}
    drainer = policy.mailbox.dead_letters(QUEUE)
    await policy.bury(message(event))
    async with policy.bus.subscribe(QUEUE + DEAD, 1) as subscription:
        (delivery,) = await subscription.take(1)
        await drainer._keep(delivery)
    policy.failing.clear()
    letter = await policy.letter()
    assert await policy.replay(letter.id)  # before the letter comes once more
    async with policy.working():
        await policy.until_handled(1)
        await policy.send(Message("2", "post.cancelled", b"[", {}))
        await policy.until_kept()  # it comes after the other, which comes once more
    assert [(letter.state, letter.times) for letter in await policy.letters()] == [("replayed", 1), ("kept", 1)]


@pytest.mark.parametrize("bus", ["rabbitmq"], indirect=True)
async def test_a_drainer_that_is_killed_before_it_acks_keeps_one_row(
    policy: Policy, database: DatabaseFactory, amqp_url: str, namespace: str
) -> None:
    await policy.bury(Message("1", "post.cancelled", b"{", {}))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.mailbox.drainer", await database("policy"), amqp_url, namespace), cwd=ROOT
    )
    assert await child.wait() == KILLED
    async with policy.working():
        await policy.send(Message("2", "post.cancelled", b"[", {}))
        await policy.until_kept(2)  # it comes after the other, which comes once more
    assert [(letter.body, letter.times) for letter in await policy.letters()] == [(b"{", 1), (b"[", 1)]


async def test_two_drainers_keep_each_letter_once(policy: Policy) -> None:
    bad = [Message(str(n), "post.cancelled", f"{{{n}".encode(), {}) for n in range(100)]
    async with policy.working(drainers=2):
        await policy.send(*bad)
        await policy.until_kept(100)
    assert {letter.times for letter in await policy.letters()} == {1}
    assert await policy.bus.depth(QUEUE + DEAD) == 0


async def test_a_letter_that_cannot_be_kept_stays_and_its_neighbours_are_kept(policy: Policy) -> None:
    async with begin(policy.mailbox.engine) as db:
        await db.execute(text("ALTER TABLE dead_letter ADD CONSTRAINT small CHECK (octet_length(body) < 9)"))
    large, small = (Message(body.decode(), "post.cancelled", body, {}) for body in (b"{" * 9, b"{"))
    await policy.bury(large, small)
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(20):
            await policy.mailbox.dead_letters(QUEUE).run(asyncio.Event())
    assert raised.group_contains(ExceptionGroup, match="stay where they are")
    assert (await policy.letter()).body == small.body
    async with begin(policy.mailbox.engine) as db:
        await db.execute(text("ALTER TABLE dead_letter DROP CONSTRAINT small"))
    async with policy.working():
        await policy.until_kept(2)


async def test_what_is_kept_is_remembered_by_the_inbox_for_as_long(policy: Policy) -> None:
    (sent,) = await dead(policy)
    policy.failing.clear()
    async with policy.working():
        await policy.send(sent, message(cancelled()))
        await policy.until_handled(2)
    async with begin(policy.mailbox.engine) as db:
        await db.execute(text("UPDATE inbox SET received_at = now() - interval '40 days'"))
        await expire(db, 30)
    async with statements(policy.mailbox.engine) as db:
        assert [str(row.event_id) for row in await db.execute(text("SELECT event_id FROM inbox"))] == [sent.id]


async def test_metrics_count_what_waits_and_what_arrives(policy: Policy) -> None:
    def told(name: str) -> float:
        return REGISTRY.get_sample_value(name, {"service": "policy", "cause": "handler_crashed"}) or 0

    before = told("carillon_dead_letters_arrived_total")
    await dead(policy, 2)
    assert told("carillon_dead_letters_arrived_total") == before + 2

    async def counted() -> bool:
        return told("carillon_dead_letters") == 1

    await policy.archive((await policy.letters())[0].id)
    async with policy.working():
        await until(counted)


class Spoilt(str):
    """A text whose bytes are none."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("bus", ["rabbitmq"], indirect=True)
async def test_what_others_publish_is_kept_whatever_its_headers(policy: Policy, amqp_url: str, namespace: str) -> None:
    forms = [
        aio_pika.Message(b"\x00\xff", delivery_mode=2),
        aio_pika.Message(
            b"{}", headers={"ce-type": 5, "x-death": [{"reason": 1}], "ce-id": "\xe9"}, message_id="é" * 99
        ),
        aio_pika.Message(b"[", headers={"bytes": bytearray(b"\xff\xfe"), "nested": {"a": [1, 2]}}, priority=3),
    ]
    spoilt = [
        Message("1", "post.cancelled", b"1", {"text": Spoilt("a value")}),
        Message("2", "post.cancelled", b"2", {Spoilt("a name"): "text"}),
        Message(Spoilt("an id"), "post.cancelled", b"3", {"text": "text"}),
    ]
    bodies = {form.body for form in forms} | {one.body for one in spoilt}
    async with events_exchange(amqp_url, namespace) as exchange, policy.working():
        for form in forms:
            await exchange.publish(form, "post.cancelled")
        await policy.send(*spoilt)
        await policy.until_kept(6)
        assert len(await policy.replay_some(Group())) == 6
        await policy.until_kept(6)
    found = {(letter.body, letter.cause, letter.times) for letter in await policy.letters()}
    assert found == {(body, "undecodable", 2) for body in bodies}


@pytest.mark.parametrize("bus", ["rabbitmq"], indirect=True)
async def test_what_the_broker_gives_up_is_kept_with_its_word(policy: Policy) -> None:
    sent = message(cancelled())
    await policy.send(sent)
    async with policy.bus.subscribe(QUEUE, 1) as subscription, asyncio.timeout(60):
        while await policy.bus.depth(QUEUE + DEAD) == 0:
            with contextlib.suppress(TimeoutError):
                while True:
                    (delivery,) = await asyncio.wait_for(subscription.take(1), 1)
                    await subscription.reject(delivery, requeue=True)
    async with policy.working():
        await policy.until_kept()
    letter = await policy.letter()
    assert (letter.cause, letter.routing_key, letter.attempts) == ("delivery_limit", "post.cancelled", 0)
    assert letter.headers == sent.headers


async def test_what_nobody_explained_is_kept_with_what_the_bus_says(policy: Policy) -> None:
    sent = message(cancelled())
    sending = asyncio.create_task(policy.send(sent))
    async with policy.bus.subscribe(QUEUE, 1) as subscription:
        (delivery,) = await subscription.take(1)
        await subscription.reject(delivery, requeue=False)
        await sending
    async with policy.working():
        await policy.until_kept()
    letter = await policy.letter()
    assert (letter.cause, letter.attempts) == ("unexplained", 0)
    assert letter.reason == "this version can read it; the broker says: rejected"


@pytest.mark.parametrize("bus", ["rabbitmq"], indirect=True)
async def test_a_letter_sent_again_goes_to_its_own_queue_only(policy: Policy) -> None:
    await policy.bus.declare(topology([]))
    await dead(policy)
    other = posts_queue("publisher")

    async def there() -> bool:
        return await policy.bus.depth(other) == 1

    await until(there)
    policy.failing.clear()
    async with policy.working():
        await policy.replay((await policy.letter()).id)
        await policy.until_handled(1)
    assert await policy.bus.depth(other) == 1


@asynccontextmanager
async def events_exchange(amqp_url: str, namespace: str) -> AsyncIterator[AbstractExchange]:
    connection = await aio_pika.connect(amqp_url)
    async with connection, connection.channel() as channel:
        yield await channel.get_exchange(f"{namespace}.events")
