"""Nine platforms, two of every worker, twenty thousand posts, and for ten minutes somebody dies every few seconds."""

import asyncio
import time

from chaos.fault import CHANNELS, Done, Fault, Ground, Measured, Round
from chaos.stage import Stage
from shared import platforms
from shared.process.loops import sleep_unless

PLATFORMS = tuple(platforms.specs())
WITH_MEDIA = ("instagram", "youtube", "tiktok")
SHARE = 0.02
"""Of each platform that takes no bare text: a film a post is work that proves nothing more."""
EVERY = 4.0
"""Seconds between two deaths, on average."""
TOGETHER = 24
PATIENCE = 900.0


async def once(stage: Stage, go: Round) -> Done:
    """Ask for everything in the time given, kill somebody every few seconds, and hold the ledger against it."""
    weights = [SHARE if platform in WITH_MEDIA else (1 - SHARE * len(WITH_MEDIA)) / 6 for platform in PLATFORMS]
    channels = [CHANNELS[one] for one in go.chance.choices(PLATFORMS, weights, k=go.posts)]
    enough, killed = asyncio.Event(), list[str]()

    async def kill() -> None:
        while not enough.is_set():
            await sleep_unless(enough, go.chance.expovariate(1 / EVERY))
            victim = go.chance.choice(list(stage.stack.urls))
            stage.stack.kill(victim)
            killed.append(victim)

    killing = asyncio.create_task(kill())
    began = time.monotonic()
    await _ask(stage, channels, go)
    await asyncio.sleep(max(0.0, go.minutes * 60 - (time.monotonic() - began)))
    enough.set()
    await killing
    asked = time.monotonic()
    await stage.must(stage.settled, "every post has come to its end", PATIENCE)
    return Done(
        repeats=len(killed),
        measured=[Measured("all settled after the last death", time.monotonic() - asked, PATIENCE)],
        notes={"processes killed": len(killed), "different ones": len(set(killed))},
    )


async def _ask(stage: Stage, channels: list[str], go: Round) -> None:
    """Ask for one post after another, spread over the time, no more than a few at once."""
    gate, began = asyncio.Semaphore(TOGETHER), time.monotonic()

    async def one(number: int, channel: str) -> None:
        async with gate:
            await stage.ask(channel, f"{go.mark}n{number}")

    async with asyncio.TaskGroup() as calls:
        for number, channel in enumerate(channels):
            calls.create_task(one(number, channel))
            due = began + go.minutes * 60 * number / len(channels)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


TWICE = (
    *(f"publisher-{platform}-2" for platform in PLATFORMS),
    "publisher-planner-2",
    "publisher-scheduler-2",
    "policy-worker-2",
    "ingest-worker-2",
)
FAULT = Fault(
    "crowd",
    "20,000 posts on nine platforms, everything killed at random",
    once,
    repeats=1,
    ground=Ground(platforms=PLATFORMS, replicas=TWICE),
    short=False,
)
