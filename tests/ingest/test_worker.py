"""The worker: hears events in any order, asks again, forgets; and the API while servers are away."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from services.ingest.__main__ import api, worker
from services.ingest.ask_again import AskAgain
from services.ingest.forget import Forget
from services.ingest.settings import IngestSettings
from shared.bus.contract import Message
from shared.bus.memory import MemoryBus
from shared.database import begin
from shared.events import (
    Change,
    Envelope,
    Event,
    HoldPlaced,
    PostCancelled,
    PostChangeSettled,
    PostMeasured,
    PostRequested,
    PostScheduled,
    Settlement,
    body_of,
    headers_of,
)
from shared.mailbox import posts_queue, topology
from shared.process import Loop, Runtime, open_runtime
from tests.ingest.conftest import Caller, House, asking, until
from tests.ingest.test_posts import approved, cancel, hear, patch, published

NOW = datetime.now(UTC)


@asynccontextmanager
async def working(house: House) -> AsyncIterator[Runtime]:
    """The worker with all its loops, on a bus and a mailbox of its own."""
    bus, stopping = MemoryBus(), asyncio.Event()
    # Only ingest's own queue: this bus confirms what every queue's consumer has done.
    await bus.declare(queue for queue in topology([]) if queue.name == posts_queue("ingest"))
    runtime = open_runtime("ingest", house.settings, bus)
    parts = await worker(runtime)
    async with asyncio.TaskGroup() as group:
        for loop in parts.loops.values():
            group.create_task(_run(loop, stopping))
        try:
            yield runtime
        finally:
            stopping.set()
    await runtime.close()


async def _run(loop: Loop, stopping: asyncio.Event) -> None:
    await loop(stopping)


def message(source: str, sequence: int, event: Event) -> Message:
    envelope = Envelope(event, uuid4(), source, datetime.now(UTC), sequence)
    return Message(str(envelope.id), event.routing_key, body_of(event), headers_of(envelope))


async def test_events_arrive_in_any_order_and_twice(house: House, tool: Caller) -> None:
    posts = [post for _ in range(5) for post in await tool.accepted(asking())]
    messages = []
    for post in posts:
        messages += [
            message("policy", 1, approved(post)),
            message("publisher", 2, PostScheduled(post=post, due_at=NOW)),
            message("publisher", 3, published(post)),
            message("metrics", 4, PostMeasured(post=post, measured_at=NOW, age_seconds=60, values={"likes": 1})),
        ]
    random.Random(7).shuffle(messages)
    hold = HoldPlaced(hold=uuid4(), reason="a crisis")

    async def heard() -> bool:
        return len(await house.rows("SELECT 1 FROM history WHERE subject = :hold", hold=hold.hold)) == 1

    async with working(house) as runtime:
        for one in [*messages, *messages[::3]]:
            publishing = asyncio.create_task(runtime.bus.publish([one]))
            assert await publishing == {one.id}
        await runtime.bus.publish([message("publisher", 9, hold)])
        await until(heard)
        assert await runtime.bus.depth(f"{posts_queue('ingest')}.dead") == 0
    assert await house.rows("SELECT reason FROM dead_letter") == []
    for post in posts:
        read = await tool.post(post)
        assert (read["state"], len(read["history"]), read["numbers"]) == ("published", 5, {"likes": 1})


async def tick(house: House) -> list[Event]:
    async with begin(house.runtime.engine) as db:
        events, rest = await AskAgain(house.settings)(db)
        assert rest is None or rest >= 0
        return list(events)


async def overdue(house: House, *posts: UUID) -> None:
    await house.rows("UPDATE post SET ask_at = NULL")
    await house.rows("UPDATE post SET ask_at = now() WHERE id = ANY(:posts)", posts=list(posts))


async def test_who_got_no_answer_asks_again(house: House, tool: Caller) -> None:
    waiting, answered, edited = await tool.accepted(asking())
    gone, *_ = await tool.accepted(asking())
    await hear(house, "policy", 1, approved(answered))
    await patch(tool, edited, {"content": {"text": "two"}})
    await hear(house, "policy", 2, approved(edited, 2))
    await cancel(tool, gone, json={"reason": "no"})
    await overdue(house, waiting, answered, edited, gone)
    events = {event.subject: event for event in await tick(house)}
    assert set(events) == {str(waiting), str(edited), str(gone)}
    again = events[str(waiting)]
    assert again == (await house.sent(waiting))[0]
    assert isinstance(events[str(edited)], PostRequested)
    assert events[str(edited)] == (await house.sent(edited))[-1]
    assert isinstance(events[str(gone)], PostCancelled)
    assert await tick(house) == []  # not before the pause is over again
    await hear(house, "policy", 3, approved(waiting))
    for change, post, revision in ((Change.REVISION, edited, 2), (Change.CANCEL, gone, 1)):
        settled = PostChangeSettled(post=post, revision=revision, change=change, settlement=Settlement.APPLIED)
        await hear(house, "publisher", 3, settled)
    await overdue(house, waiting, edited, gone)
    assert await tick(house) == []
    assert await house.rows("SELECT 1 FROM post WHERE ask_at IS NOT NULL") == []


async def test_names_are_erased_when_their_time_is_over(house: House, tool: Caller) -> None:
    answer = await tool.ask(asking(requested_by="Ada Lovelace"), "a-key")
    location = answer.headers["Location"]
    assert (await tool.call("GET", location)).json()["requested_by"] == "Ada Lovelace"
    await house.rows("UPDATE person SET expires_at = now() WHERE name = 'Ada Lovelace'")
    await house.rows("UPDATE idempotency SET created_at = '2020-01-01' WHERE tool = :tool", tool=tool.tool)
    async with begin(house.runtime.engine) as db:
        assert await Forget(house.settings)(db) == ((), None)
    assert (await tool.call("GET", location)).json()["requested_by"] is None
    assert await house.rows("SELECT 1 FROM person WHERE name = 'Ada Lovelace'") == []
    again = await tool.ask(asking(requested_by="Ada Lovelace"), "a-key")
    assert again.headers["Location"] != location


@pytest.mark.parametrize("path", ["/v1/requests", "/v1/uploads"])
async def test_without_a_database_the_answer_is_503(house: House, tool: Caller, path: str) -> None:
    nowhere = house.settings.model_copy(update={"database_url": SecretStr("postgresql://nobody@127.0.0.1:9")})
    answer = await (await elsewhere(house, tool, nowhere)).call(
        "POST", path, "key", json=asking() if path.endswith("requests") else {"rights": {"owner": "wmf"}}
    )
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert "same Idempotency-Key" in answer.json()["remedy"]


async def test_a_connection_that_breaks_is_replaced(house: House, tool: Caller) -> None:
    own = await elsewhere(house, tool, house.settings.model_copy(update={"database_pool": 2}))
    assert (await own.ask(asking())).status_code == 202
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await house.rows(f"SELECT pg_terminate_backend(pid) {others}")
    statuses = [(await own.ask(asking())).status_code for _ in range(6)]
    assert set(statuses) <= {202, 503}
    assert statuses[-1] == 202
    statuses = [(await tool.ask(asking())).status_code for _ in range(20)]
    assert set(statuses) <= {202, 503}
    assert statuses[-1] == 202


async def elsewhere(house: House, tool: Caller, settings: IngestSettings) -> Caller:
    """The same tool, calling an API of its own."""
    parts = await api(open_runtime("ingest", settings, MemoryBus()))
    assert parts.app is not None
    transport = httpx.ASGITransport(parts.app, raise_app_exceptions=False)
    return replace(tool, http=httpx.AsyncClient(transport=transport, base_url="http://ingest"))
