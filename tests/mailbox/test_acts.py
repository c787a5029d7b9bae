"""An act on the world: claimed before the call, settled after it, with no transaction open in between."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.bus.contract import Message
from shared.bus.memory import MemoryBus
from shared.database import Session, begin
from shared.events import Envelope, Event, PostDue, body_of, headers_of
from shared.mailbox import Mailbox, due_queue
from tests.mailbox.conftest import count, running, until

QUEUE = due_queue("bluesky")


@dataclass(frozen=True)
class Claimed:
    post: UUID
    fence: int
    traceparent: str | None = None

    @property
    def subject(self) -> str:
        return str(self.post)


class Ring:
    """An act that says ok, slowly if told so."""

    name = "ring"

    def __init__(self) -> None:
        self.calls = 0
        self.most = 0
        self.open = asyncio.Event()
        self.open.set()
        self.broken: UUID | None = None
        self._now = 0

    async def claim(self, events: Sequence[PostDue], db: Session) -> Sequence[Claimed]:
        query = text(
            "UPDATE job SET state = 'ringing', fence = fence + 1 WHERE post = ANY(:p) AND state = 'due' RETURNING *"
        )
        rows = (await db.execute(query, {"p": [event.post for event in events]})).all()
        return [Claimed(row.post, row.fence) for row in rows]

    async def call(self, claim: Claimed) -> str:
        self.calls += 1
        self._now += 1
        self.most = max(self.most, self._now)
        await self.open.wait()
        self._now -= 1
        return "rung"

    async def settle(self, claim: Claimed, outcome: str, db: Session) -> Sequence[Event]:
        query = text("UPDATE job SET state = :s WHERE post = :p AND fence = :f RETURNING 1")
        done = (await db.execute(query, {"s": outcome, "p": claim.post, "f": claim.fence})).one_or_none()
        if claim.post == self.broken:
            raise ValueError("its outcome cannot be written down")
        return [PostDue(post=claim.post, platform="elsewhere")] if done else []


@pytest.fixture
async def jobs(mailbox: Mailbox) -> Callable[[int], Awaitable[list[UUID]]]:
    async with begin(mailbox.engine) as db:
        await db.execute(
            text("CREATE TABLE job (post uuid PRIMARY KEY, state text DEFAULT 'due', fence integer DEFAULT 0)")
        )

    async def make(many: int) -> list[UUID]:
        posts = [uuid4() for _ in range(many)]
        async with begin(mailbox.engine) as db:
            await db.execute(text("INSERT INTO job (post) SELECT unnest(CAST(:posts AS uuid[]))"), {"posts": posts})
        return posts

    return make


def wake(bus: MemoryBus, posts: Sequence[UUID]) -> None:
    for post in posts:
        envelope = Envelope.of(PostDue(post=post, platform="bluesky"), "publisher")
        bus._lines[QUEUE].add(
            Message(str(envelope.id), f"post.due.{QUEUE}", body_of(envelope.event), headers_of(envelope))
        )


RUNG = "SELECT count(*) FROM job WHERE state = 'rung'"


async def test_each_is_called_once_however_often_it_is_woken(
    mailbox: Mailbox, bus: MemoryBus, jobs: Callable[[int], Awaitable[list[UUID]]]
) -> None:
    posts, ring = await jobs(30), Ring()
    async with running(lambda stopping: mailbox.woken(ring, QUEUE, 8, stopping)):
        for _ in range(3):
            wake(bus, posts)
            await until(lambda: rung(mailbox, 30))
    assert ring.calls == 30
    assert ring.most <= 8
    assert await count(mailbox.engine, "SELECT count(*) FROM outbox") == 30


async def test_the_message_is_acked_before_the_call_ends(
    mailbox: Mailbox, bus: MemoryBus, jobs: Callable[[int], Awaitable[list[UUID]]]
) -> None:
    posts, ring = await jobs(1), Ring()
    ring.open.clear()
    async with running(lambda stopping: mailbox.woken(ring, QUEUE, 8, stopping)):
        wake(bus, posts)
        await until(lambda: called_and_acked(ring, bus))
        ring.open.set()
        await until(lambda: rung(mailbox, 1))


async def test_a_stop_waits_for_the_calls(
    mailbox: Mailbox, bus: MemoryBus, jobs: Callable[[int], Awaitable[list[UUID]]]
) -> None:
    posts, ring, stopping = await jobs(1), Ring(), asyncio.Event()
    ring.open.clear()
    loop = asyncio.create_task(mailbox.woken(ring, QUEUE, 8, stopping))
    wake(bus, posts)
    await until(lambda: called_and_acked(ring, bus))
    stopping.set()
    asyncio.get_running_loop().call_later(0.05, ring.open.set)
    await asyncio.wait_for(loop, 10)
    assert await rung(mailbox, 1)


async def test_a_settle_behind_its_fence_changes_nothing(
    mailbox: Mailbox, bus: MemoryBus, jobs: Callable[[int], Awaitable[list[UUID]]]
) -> None:
    posts, ring = await jobs(1), Ring()
    ring.open.clear()
    async with running(lambda stopping: mailbox.woken(ring, QUEUE, 8, stopping)):
        wake(bus, posts)
        await until(lambda: called_and_acked(ring, bus))
        async with begin(mailbox.engine) as db:
            await db.execute(text("UPDATE job SET fence = fence + 1"))
        ring.open.set()
    assert await count(mailbox.engine, RUNG) == 0
    assert await count(mailbox.engine, "SELECT count(*) FROM outbox") == 0


async def test_one_that_cannot_be_settled_harms_no_neighbour(
    mailbox: Mailbox, bus: MemoryBus, jobs: Callable[[int], Awaitable[list[UUID]]]
) -> None:
    posts, ring = await jobs(8), Ring()
    ring.broken = posts[3]
    ring.open.clear()
    async with running(lambda stopping: mailbox.woken(ring, QUEUE, 8, stopping)):
        wake(bus, posts)
        await until(lambda: _called(ring, 8))
        ring.open.set()
        await until(lambda: rung(mailbox, 7))
    assert await count(mailbox.engine, "SELECT count(*) FROM job WHERE state = 'ringing'") == 1
    assert await count(mailbox.engine, "SELECT count(*) FROM outbox") == 7


async def test_outcomes_that_are_there_together_are_one_transaction(
    mailbox: Mailbox, bus: MemoryBus, jobs: Callable[[int], Awaitable[list[UUID]]]
) -> None:
    posts, ring = await jobs(8), Ring()
    ring.open.clear()
    async with running(lambda stopping: mailbox.woken(ring, QUEUE, 8, stopping)):
        wake(bus, posts)
        await until(lambda: _called(ring, 8))
        ring.open.set()
        await until(lambda: rung(mailbox, 8))
    assert await count(mailbox.engine, "SELECT count(DISTINCT xmin::text) FROM job") < 8


async def _called(ring: Ring, times: int) -> bool:
    return ring.calls == times


async def rung(mailbox: Mailbox, expected: int) -> bool:
    return await count(mailbox.engine, RUNG) == expected


async def called_and_acked(ring: Ring, bus: MemoryBus) -> bool:
    return ring.calls == 1 and not bus._lines[QUEUE].here
