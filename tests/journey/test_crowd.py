"""Several of every process, and every event once more, later and in another order: each post still rings once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.programs import TWO
from deploy.local.rabbit import ForeignRabbit
from deploy.local.rabbit_node import PrivateRabbit
from shared import platforms
from shared.bus.contract import Message, Queue
from shared.mailbox import topology
from tests.journey.stage import Stage, asking, each_once, running_stage

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

MORE = {
    "publisher-bluesky-2": TWO["publisher-bluesky"],
    "publisher-mastodon-2": TWO["publisher-mastodon"],
    "publisher-scheduler-2": TWO["publisher-scheduler"],
    "publisher-scheduler-3": TWO["publisher-scheduler"],
    "publisher-planner-2": TWO["publisher-planner"],
    "policy-worker-2": TWO["policy-worker"],
    "ingest-worker-2": TWO["ingest-worker"],
}
TAP = "tap.q1"
REQUESTS = 40
BOTH = ("wikipedia/bluesky", "foundation/mastodon")
SEED = 20251001


@pytest.fixture
async def crowd(database_url: str, rabbit: PrivateRabbit | ForeignRabbit) -> AsyncIterator[Stage]:
    async with running_stage(database_url, rabbit.amqp_url, {**TWO, **MORE}) as stage:
        yield stage


@asynccontextmanager
async def everything_twice(stage: Stage) -> AsyncIterator[set[str]]:
    """Hear every event, and send it again with others, shuffled; gives the ids of what was sent again."""
    keys = sorted({key for queue in topology(platforms.specs()) for key in queue.keys})
    await stage.bus.declare([Queue(TAP, tuple(keys))])
    again: set[str] = set()

    async def echo() -> None:
        chance = random.Random(SEED)
        held: list[Message] = []
        async with stage.bus.subscribe(TAP, 200) as tap:
            while True:
                deliveries = await tap.take(20)
                held += [one.message for one in deliveries if one.message.id not in again]
                again.update(one.message.id for one in deliveries)
                chance.shuffle(held)
                now, held = held[: len(held) * 3 // 4 + 1], held[len(held) * 3 // 4 + 1 :]
                await stage.bus.publish(list({message.id: message for message in now}.values()))
                await tap.ack(deliveries)

    echoing = asyncio.create_task(echo())
    try:
        yield again
    finally:
        echoing.cancel()
        await asyncio.gather(echoing, return_exceptions=True)


async def test_each_rings_once_in_a_crowd(crowd: Stage) -> None:
    async with everything_twice(crowd) as again:
        before: str | None = None
        for number in range(REQUESTS):
            name = f"d{number:03}"
            texts = [f"{name}: part {part}" for part in (1, 2, 3)] if number % 5 == 0 else [f"{name}: one post"]
            after = {"after": before} if before and number % 4 == 3 else {}
            before = (await crowd.ask(asking(*texts, channels=BOTH, **after)))[0]
        await each_once(crowd, 150)
        assert len(again) > REQUESTS * len(BOTH) * 4
    rows = await crowd.rows("publisher", "SELECT count(*) FROM try WHERE outcome = 'published'")
    assert rows[0][0] == REQUESTS * len(BOTH)
