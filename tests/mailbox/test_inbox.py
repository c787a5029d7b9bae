"""An event is handled once; a bad one is set aside and harms no other."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import text

from shared.bus.contract import Message
from shared.bus.memory import MemoryBus
from shared.database import Session, begin, statements
from shared.events import Envelope, Event, PostCancelled, PostDue, PostExpired, body_of, headers_of
from shared.mailbox import Handlers, Mailbox, Together, follow, posts_queue
from tests.mailbox.conftest import cancelled, count, note, running, until

QUEUE = posts_queue("policy")
HANDLED = "SELECT count(*) FROM thing"


def message(event: Event) -> Message:
    envelope = Envelope.of(event, "ingest")
    return Message(str(envelope.id), f"to.{QUEUE}", body_of(event), headers_of(envelope))


def put(bus: MemoryBus, messages: Sequence[Message]) -> None:
    """Lay messages into the one queue under test."""
    for one in messages:
        bus._lines[QUEUE].add(one)


async def test_a_burst_is_handled_in_few_transactions(mailbox: Mailbox, bus: MemoryBus) -> None:
    put(bus, [message(cancelled()) for _ in range(200)])
    async with running(mailbox.consumer({PostCancelled: note}).run):
        await until(lambda: bus_empty(bus))
    assert await count(mailbox.engine, HANDLED) == 200
    assert await count(mailbox.engine, "SELECT count(DISTINCT transaction) FROM thing") <= 8
    assert await count(mailbox.engine, "SELECT count(*) FROM inbox") == 200


async def test_a_duplicate_is_handled_once(mailbox: Mailbox, bus: MemoryBus) -> None:
    first = message(cancelled())
    async with running(mailbox.consumer({PostCancelled: note}).run):
        for _ in range(3):
            put(bus, [first])
            await until(lambda: bus_empty(bus))
    assert await count(mailbox.engine, "SELECT sum(handled) FROM thing") == 1


async def test_what_follows_is_stored_with_the_change_and_its_trace(mailbox: Mailbox, bus: MemoryBus) -> None:
    async def answer(event: PostCancelled, db: Session) -> Sequence[Event]:
        await note(event, db)
        return [PostDue(post=event.post, platform="bluesky")]

    cause = message(cancelled())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    put(bus, [Message(cause.id, cause.routing_key, cause.body, {**cause.headers, "traceparent": trace})])
    async with running(mailbox.consumer({PostCancelled: answer}).run):
        await until(lambda: bus_empty(bus))
    async with statements(mailbox.engine) as db:
        headers = (await db.execute(text("SELECT headers FROM outbox"))).scalar_one()
    assert headers["traceparent"].split("-")[1] == trace.split("-")[1]


async def test_a_raising_event_goes_to_the_dead_letters_alone(mailbox: Mailbox, bus: MemoryBus) -> None:
    poison = uuid4()

    async def handle(event: PostCancelled, db: Session) -> Sequence[Event]:
        if event.post == poison:
            raise ValueError("cannot be handled")
        return await note(event, db)

    put(bus, [message(cancelled(poison if n == 7 else None)) for n in range(20)])
    async with running(mailbox.consumer({PostCancelled: handle}).run):
        await until(lambda: bus_empty(bus))
    assert await count(mailbox.engine, HANDLED) == 19
    assert await bus.depth(f"{QUEUE}.dead") == 1
    assert await count(mailbox.engine, "SELECT tries FROM attempt") == mailbox.settings.poison_attempts
    assert await count(mailbox.engine, "SELECT count(*) FROM inbox") == 19


async def test_an_unreadable_message_is_dead_at_once(mailbox: Mailbox, bus: MemoryBus) -> None:
    good = message(cancelled())
    bad = [
        Message("1", good.routing_key, b"{", {}),
        Message("2", good.routing_key, b"\xff\x00", good.headers),
        Message("3", good.routing_key, good.body, {**good.headers, "ce-type": "org.example.unknown.v9"}),
        Message("4", good.routing_key, good.body, {**good.headers, "ce-sequence": "many"}),
    ]
    put(bus, [*bad, good])
    async with running(mailbox.consumer({PostCancelled: note}).run):
        await until(lambda: bus_empty(bus))
    assert await count(mailbox.engine, HANDLED) == 1
    assert await bus.depth(f"{QUEUE}.dead") == len(bad)


async def test_a_redelivered_event_is_counted_before_it_is_tried(mailbox: Mailbox, bus: MemoryBus) -> None:
    """What ends the process is not retried for ever: the count of its tries is committed before each."""
    killer = message(cancelled())
    put(bus, [killer])
    for _ in range(mailbox.settings.poison_attempts + 1):
        async with bus.subscribe(QUEUE, 1) as holder:  # a process that dies with it
            await holder.take(1)
        await run_until_dead(mailbox, bus)
    assert await bus.depth(f"{QUEUE}.dead") == 1
    assert await count(mailbox.engine, HANDLED) == 0


async def run_until_dead(mailbox: Mailbox, bus: MemoryBus) -> None:
    """Run a consumer whose process ends in the handler, as far as one can inside a test."""

    class ProcessEnds(BaseException):
        pass

    async def die(event: PostCancelled, db: Session) -> Sequence[Event]:
        raise ProcessEnds

    task = asyncio.create_task(mailbox.consumer({PostCancelled: die}).run(stopping := asyncio.Event()))
    await until(lambda: done_or_dead(task, bus))
    stopping.set()
    await asyncio.gather(task, return_exceptions=True)


async def done_or_dead(task: asyncio.Task[None], bus: MemoryBus) -> bool:
    return task.done() or await bus.depth(f"{QUEUE}.dead") > 0


async def bus_empty(bus: MemoryBus) -> bool:
    return not bus._lines[QUEUE].here


async def test_an_event_nobody_handles_is_done(mailbox: Mailbox, bus: MemoryBus) -> None:
    put(bus, [message(PostDue(post=UUID(int=1), platform="bluesky"))])
    async with running(mailbox.consumer({PostCancelled: note}).run):
        await until(lambda: bus_empty(bus))
    assert await count(mailbox.engine, "SELECT count(*) FROM inbox") == 1


async def test_events_about_different_subjects_are_handled_together_and_about_one_in_order(mailbox: Mailbox) -> None:
    one, two = uuid4(), uuid4()
    events = [
        cancelled(one),
        cancelled(two),
        PostExpired(post=one, revision=1, reason="late"),
        cancelled(one),
        cancelled(one),
    ]
    seen: list[list[Event]] = []

    async def handle(envelopes: Sequence[Envelope], db: Session) -> Sequence[Sequence[Event]]:
        seen.append([envelope.event for envelope in envelopes])
        return [[] for _ in envelopes]

    handlers: Handlers = {PostCancelled: Together(handle), PostExpired: Together(handle)}
    async with begin(mailbox.engine) as db:
        assert await follow([Envelope.of(event, "test") for event in events], handlers, db, "policy") == []
    assert seen == [events[:2], events[2:3], events[3:4], events[4:]]
