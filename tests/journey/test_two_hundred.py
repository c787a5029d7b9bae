"""Two hundred posts over a real RabbitMQ, every process killed once on the way: each rings once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from deploy.local.programs import CONSUMERS
from deploy.local.rabbit import ForeignRabbit
from deploy.local.rabbit_node import PrivateRabbit
from shared.bus.contract import DEAD
from tests.journey.stage import Stage, parts_of, running_stage, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(420)]

REQUESTS = 100
CHANNELS = ("wikipedia/bluesky", "foundation/mastodon")
VICTIMS = (*CONSUMERS, "ingest-api", "publisher-scheduler")
TOGETHER = 4
PICTURES = ("File:KeckObservatory20071020.jpg", "File:M57 The Ring Nebula.JPG")
ATTEMPTING = "SELECT 1 FROM delivery WHERE state = 'attempting' AND platform = $1 LIMIT 1"


@pytest.fixture
async def stage(database_url: str, rabbit: PrivateRabbit | ForeignRabbit) -> AsyncIterator[Stage]:
    async with running_stage(database_url, rabbit.amqp_url) as running:
        yield running


def body(number: int, before: str | None) -> dict[str, Any]:
    """Return the request of this number: every tenth a thread, a follower, and every twentieth with a picture."""
    name = f"n{number:03}"
    content: dict[str, Any] = {"text": f"{name}: an article a day"}
    if number % 10 == 3:
        content = {"thread": [{"text": f"{name}: part {part} of 3"} for part in (1, 2, 3)]}
    if number % 20 == 9:
        picture = PICTURES[number // 20 % len(PICTURES)]
        content["media"] = [{"commons": picture, "alt": f"What {name} shows."}]
    follows = {"after": before} if before and number % 10 == 6 else {}
    return {"content": content, "channels": [{"channel": channel} for channel in CHANNELS], **follows}


async def ask_all(stage: Stage) -> None:
    """Send the requests, a few at once; every few of them, a process dies."""
    victims, last = list(VICTIMS), None
    every = REQUESTS // (len(VICTIMS) + 1) // TOGETHER * TOGETHER
    for number in range(0, REQUESTS, TOGETHER):
        some = [stage.ask(body(n, last)) for n in range(number, number + TOGETHER)]
        last = (await asyncio.gather(*some))[0][0]
        if number % every == every - TOGETHER and victims:
            await kill(stage, victims.pop())
    for victim in victims:
        await kill(stage, victim)


async def kill(stage: Stage, victim: str) -> None:
    """End a process; a publisher while it has a call under way, if one can be caught."""
    platform = victim.removeprefix("publisher-")
    if platform in {channel.partition("/")[2] for channel in CHANNELS}:
        await until(lambda: stage.rows("publisher", ATTEMPTING, platform), seconds=1, every=0)
    stage.stack.kill(victim)


async def test_each_rings_once(stage: Stage) -> None:
    await ask_all(stage)
    assert len(stage.asked) == REQUESTS * len(CHANNELS)
    await stage.arrived(180)
    assert all(stage.stack.restarts[victim] == 1 for victim in VICTIMS), stage.stack.restarts
    wrong = [*shown_wrong(stage, await stage.ledger()), *await left_over(stage), *await told_wrong(stage)]
    assert not wrong, "\n".join([*wrong, await stage.where()])


def shown_wrong(stage: Stage, ledger: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where the ledger shows a text not exactly once, a thread out of order, or what nobody asked for."""
    wanted = {(channel.partition("/")[2], text) for channel, body in stage.asked.values() for text in parts_of(body)}
    shown = Counter((str(post["platform"]), text_of(post, wanted)) for post in ledger)
    wrong = [f"{shown[one]} times instead of once: {one}" for one in wanted if shown[one] != 1]
    wrong += [f"nobody asked for this: {one}" for one in shown if one not in wanted]
    by_text = {(str(post["platform"]), text_of(post, wanted)): post for post in ledger}
    for channel, asked in stage.asked.values():
        parts = [by_text.get((channel.partition("/")[2], text)) for text in parts_of(asked)]
        for first, second in pairwise(parts):
            if first and second and not (second["reply_to"] == first["id"] and second["seq"] > first["seq"]):
                wrong.append(f"out of order on {channel}: {second['text']}")
    return wrong


def text_of(post: Mapping[str, Any], wanted: set[tuple[str, str]]) -> str:
    """Return which of the texts a post shows: a credit may follow it."""
    text = str(post["text"])
    return next((one for _, one in wanted if text == one or text.startswith(one + "\n")), text)


async def left_over(stage: Stage) -> list[str]:
    """Return what lies where nothing may lie at the end."""
    wrong = [f"not sent by {service}: {number} events" for service, number in (await stage.outboxes()).items()]
    wrong += [f"dead letters in {queue}: {number}" for queue, number in (await stage.queues(DEAD)).items()]
    states = await stage.deliveries()
    return wrong + [f"{number} deliveries are {state}" for state, number in states.items() if state != "published"]


async def told_wrong(stage: Stage) -> list[str]:
    """Return which posts ingest does not call published."""
    states = {post: await stage.state(post) for post in stage.asked}
    return [f"{post} is {state} to ingest" for post, state in states.items() if state != "published"]
