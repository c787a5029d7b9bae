"""PostgreSQL dies as by a power cut, at each step of a post; and it commits, and nobody is told."""

import asyncio
import time
from collections.abc import Mapping

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.proxy import proxied
from chaos.stage import Stage

STEPS = (
    "deliver.before_claim",
    "deliver.before_call",
    "deliver.after_call",
    "deliver.before_commit",
    "deliver.after_commit",
)
HELD: Mapping[str, str] = {"publisher-planner": "relay.after_confirm", "policy-worker": "inbox.handle"}
HOLD = 3
"""Seconds that whoever comes to a step waits there, for the database to die meanwhile."""
EACH = 4
"""Posts on each platform."""
RECOVERY = 30.0
AMBIGUOUS = ("publisher-bluesky", "publisher-planner", "policy-worker", "ingest-api")
"""Whose commits are carried out without an answer."""
CUTS = 4


async def once(stage: Stage, go: Round) -> Done:
    """Kill the database with every process held at another step, then lose the answers to commits."""
    held, recovery = await _crash(stage, go)
    cut = await _cut(stage, go)
    return Done(
        repeats=held + cut,
        measured=[Measured("recovery", recovery, RECOVERY)],
        wrong=[] if held and cut else [f"held at a step: {held}, commits without an answer: {cut}"],
        notes={"held": held, "commits without an answer": cut},
    )


async def _crash(stage: Stage, go: Round) -> tuple[int, float]:
    points = go.chance.sample(STEPS, len(STEPS))
    victims = dict(HELD) | {
        f"publisher-{platform}": points[number % len(points)] for number, platform in enumerate(stage.platforms)
    }
    await stage.armed({name: f"{point}:hold@{HOLD}" for name, point in victims.items()})
    for name in victims:
        list(stage.struck(name))
    pids = dict(stage.stack.pids)
    channels = [CHANNELS[platform] for platform in stage.platforms]
    asking = asyncio.create_task(stage.ask_many(channels, f"{go.mark}a", EACH * len(channels), together=16))
    held = set[str]()

    async def some_held() -> bool:
        held.update(name for name in victims for _ in stage.struck(name))
        return len(held) > len(HELD)

    await stage.must(some_held, "posts are held at a step")
    await asyncio.sleep(go.chance.uniform(0, HOLD / 2))
    await asyncio.to_thread(stage.servers.postgres.crash)
    died = time.time()
    await asyncio.to_thread(stage.servers.postgres.start)
    await some_held()
    await asking
    await stage.must(stage.settled, "every post has come to its end")
    after = [one.called for one in await stage.shown() if one.mark.startswith(f"{go.mark}a") and one.called > died]
    if stage.stack.pids != pids:
        raise AssertionError(f"a process was started again: {stage.stack.exits}")
    await stage.restart(list(victims))
    return len(held), min(after, default=died) - died


async def _cut(stage: Stage, go: Round) -> int:
    """Have commits carried out whose sender only loses its connection: it must read again, not assume."""
    async with proxied([stage.servers.postgres.database_url], go.chance, 5432) as proxy:
        for name in AMBIGUOUS:
            stage.differ(name, DATABASE_URL=proxy.url)
        await stage.restart(AMBIGUOUS)
        pids = dict(stage.stack.pids)
        channels = [CHANNELS["bluesky"], CHANNELS["x"]]
        for number in range(CUTS):
            proxy.commits_to_cut = 2
            await stage.ask_many(channels, f"{go.mark}b{number}", 2 * len(channels))
        await stage.must(stage.settled, "every post has come to its end")
        proxy.commits_to_cut = 0
        if stage.stack.pids != pids:
            raise AssertionError(f"a process was started again: {stage.stack.exits}")
        for name in AMBIGUOUS:
            stage.as_all(name)
        await stage.restart(AMBIGUOUS)
        return proxy.cut


FAULT = Fault("3", "PostgreSQL dies at each step; commits whose answer is lost", once, 20, broken="touchy")
