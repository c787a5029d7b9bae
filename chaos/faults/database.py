"""PostgreSQL dies as by a power cut, at each step of a post; and it commits, and nobody is told."""

import asyncio
import time
from collections.abc import Mapping

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.proxy import proxied
from chaos.stage import Stage, until

STEPS = (
    "deliver.before_claim",
    "deliver.before_call",
    "deliver.after_call",
    "deliver.before_commit",
    "deliver.after_commit",
)
HELD: Mapping[str, str] = {"publisher-planner": "relay.after_confirm", "policy-worker": "inbox.handle"}
HOLD = 2
"""Seconds that whoever comes to a step waits there, for the database to die meanwhile: less than a claim is trusted."""
HELD_WITHIN = 15.0
PER_SECOND = 6.0
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
    held = dict[str, float]()

    def now_held() -> list[str]:
        held.update({name: time.time() for name in victims if list(stage.struck(name))})
        return [name for name, at in held.items() if at > time.time() - HOLD]

    async def all_held() -> bool:
        return len(now_held()) == len(victims)

    async with stage.load(channels, f"{go.mark}a", PER_SECOND):
        await until(all_held, HELD_WITHIN)
        caught = now_held()
        await asyncio.to_thread(stage.servers.postgres.crash)
        died = time.time()
        await asyncio.to_thread(stage.servers.postgres.start)
        await asyncio.sleep(HOLD)
    await stage.must(stage.settled, "every post has come to its end")
    after = [one.called for one in await stage.shown() if one.mark.startswith(f"{go.mark}a") and one.called > died]
    if stage.stack.pids != pids:
        raise AssertionError(f"a process was started again: {stage.stack.exits}")
    await stage.restart(list(victims))
    return len(caught), min(after, default=died) - died


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


FAULT = Fault("3", "PostgreSQL dies at each step; commits whose answer is lost", once, 20, short=False, broken="touchy")
