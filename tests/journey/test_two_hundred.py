"""Two hundred posts over a real RabbitMQ, every process killed once on the way: each rings once."""

import asyncio
from typing import Any

import pytest

from deploy.local.programs import CONSUMERS
from tests.journey.stage import Stage, each_once, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(420)]

REQUESTS = 100
CHANNELS = ("wikipedia/bluesky", "foundation/mastodon")
VICTIMS = (*CONSUMERS, "ingest-api", "publisher-scheduler")
TOGETHER = 4
PICTURES = ("File:KeckObservatory20071020.jpg", "File:M57 The Ring Nebula.JPG")
ATTEMPTING = "SELECT 1 FROM delivery WHERE state = 'attempting' AND platform = $1 LIMIT 1"


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
    before = stage.stack.restarts
    await ask_all(stage)
    assert len(stage.asked) == REQUESTS * len(CHANNELS)
    await each_once(stage, 180)
    ended = {name: number - before[name] for name, number in stage.stack.restarts.items()}
    assert ended == {name: int(name in VICTIMS) for name in ended}
