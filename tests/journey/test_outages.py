"""A server goes away and comes back: callers hear what they can do, nothing is lost, nobody is started again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from deploy.local.postgres import PrivatePostgres, private_postgres
from deploy.local.rabbit import private_rabbit
from deploy.local.rabbit_node import PrivateRabbit
from tests.journey.stage import Stage, asking, each_once, running_stage, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

BOTH = ("wikipedia/bluesky", "foundation/mastodon")
TRIED = "SELECT 1 FROM try WHERE post = ANY($1::uuid[]) AND ended_at IS NOT NULL GROUP BY post"
FAULTS = {
    "accept_then_reset": {"times": 2},
    "accept_then_500": {"times": 2},
    "accept_then_stall": {"times": 2, "seconds": 5},
    "rate_limit": {"times": 2, "seconds": 2},
}


@dataclass
class Own:
    """Everything on servers of this test's own."""

    stage: Stage
    rabbit: PrivateRabbit
    postgres: PrivatePostgres


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[Own]:
    with private_rabbit() as rabbit, private_postgres(durable=True) as postgres:
        async with running_stage(postgres.database_url, rabbit.amqp_url) as stage:
            yield Own(stage, rabbit, postgres)


@pytest.fixture
async def own(servers: Own) -> AsyncIterator[Own]:
    """What runs when the test ends is what ran when it began."""
    await servers.stage.forget()
    pids = dict(servers.stage.stack.pids)
    yield servers
    assert servers.stage.stack.pids == pids, "a process was started again"


async def some(stage: Stage, name: str, number: int = 6) -> None:
    """Ask for posts on both channels, every third a thread."""
    for n in range(number):
        texts = [f"{name}{n}: part {part}" for part in (1, 2, 3)] if n % 3 == 0 else [f"{name}{n}: one post"]
        await stage.ask(asking(*texts, channels=BOTH))


async def answers(stage: Stage, path: str) -> int:
    """Return the status with which ingest's API answers."""
    return (await stage.http.get(stage.stack.urls["ingest-api"] + path)).status_code


async def test_postgres_away(own: Own) -> None:
    stage = own.stage
    await some(stage, "before")
    await asyncio.to_thread(own.postgres.crash)
    try:
        for number in range(12):
            answer = await stage.post(asking(f"nobody keeps this {number}"))
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert "Idempotency-Key" in answer.json()["remedy"]

        async def unready() -> bool:
            return await answers(stage, "/readyz") == httpx.codes.SERVICE_UNAVAILABLE

        assert await until(unready)
        assert await answers(stage, "/livez") == httpx.codes.OK
    finally:
        await asyncio.to_thread(own.postgres.start)
    await stage.stack.ready(stage.stack.urls)
    await some(stage, "after")
    await each_once(stage)


async def test_postgres_dies_again_and_again_on_the_way(own: Own) -> None:
    """The client repeats with the same key; an answer that was lost with its connection is given again."""
    asking_all = asyncio.create_task(some(own.stage, "again", 24))
    for round_ in range(1, 4):

        async def under_way(number: int = round_ * 6) -> bool:
            return len(own.stage.asked) >= number

        assert await until(under_way)
        await asyncio.to_thread(own.postgres.crash)
        await asyncio.to_thread(own.postgres.start)
    await asking_all
    await each_once(own.stage)


async def test_rabbit_away(own: Own) -> None:
    stage = own.stage
    await some(stage, "before")
    await asyncio.to_thread(own.rabbit.kill)
    try:
        for number in range(4):
            body = asking(f"kept {number}", channels=BOTH)
            answer = await stage.post(body)
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            stage.asked |= {post["id"]: (post["channel"], body) for post in answer.json()["posts"]}
        assert await answers(stage, "/readyz") == httpx.codes.OK
    finally:
        await asyncio.to_thread(own.rabbit.start)
    await some(stage, "after")
    await each_once(stage)


async def test_platforms_away(own: Own) -> None:
    stage = own.stage
    stage.kill_sandbox()
    await some(stage, "patient", 4)

    async def all_tried() -> bool:
        return len(await stage.rows("publisher", TRIED, list(stage.asked))) == len(stage.asked)

    try:
        assert await until(all_tried), await stage.where()
    finally:
        await stage.start_sandbox()
    await each_once(stage)


async def test_platforms_that_accept_and_fail_to_say_so(own: Own) -> None:
    stage = own.stage
    for kind, more in FAULTS.items():
        for channel in BOTH:
            await stage.fault(channel.partition("/")[2], kind, **more)
    # Mastodon's tokens do not expire: one that is not taken any more waits minutes for a person.
    await stage.fault("bluesky", "expired_token", times=2)
    await some(stage, "spoilt", 12)
    await each_once(stage, 150)
    left = [fault for fault in (await stage.sandbox("GET", "/_faults"))["faults"] if fault["left"]]
    assert left == []
