"""Publisher dies: before the call, after it, before and after the commit; its relay dies with the broker's confirm."""

import asyncio
import time
from collections.abc import Mapping

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.stage import Stage, until
from shared.platforms.threads.sending import LOOK, LOOKS

POINTS = ("deliver.before_call", "deliver.after_call", "deliver.before_commit", "deliver.after_commit")
RELAY = "relay.after_confirm"
PLANNER = "publisher-planner"
EACH = 10
"""Posts on each platform."""
GATHER = 6
"""How many of them are at the point when the process dies."""
RESOLVED = 180.0
"""Seconds within which an unknown outcome is known again, in production."""
STRIKE = 20.0
"""Seconds after which a process that has not died is not going to: another one did its work."""
UNSCALED = 25.0
"""Seconds besides that no setting shortens: a process starts, a look-up is repeated after two and four seconds."""
SLOW, SLOWER_BY = "threads", LOOK * LOOKS
"""Where publishing may take minutes: for as long an unpublished container proves nothing. No setting shortens that."""


async def once(stage: Stage, go: Round) -> Done:
    """Kill every worker at one of the points, and the planner between confirm and mark."""
    victims = chosen(stage, go)
    await stage.armed({name: f"{point}:kill@{GATHER}" for name, point in victims.items()})
    died, gathered = dict[str, float](), dict[str, int]()

    async def all_died() -> bool:
        for name in victims:
            for line in stage.struck(name):
                died[name] = time.time()
                gathered[line["point"]] = gathered.get(line["point"], 0) + line["gathered"]
        return len(died) == len(victims)

    for name in victims:
        list(stage.struck(name))
    channels = [CHANNELS[platform] for platform in stage.platforms]
    await asyncio.gather(stage.ask_many(channels, go.mark, EACH * len(channels), together=16), until(all_died, STRIKE))
    unhurt = [name for name in victims if name not in died]
    if unhurt:
        await stage.restart(unhurt)
    await stage.must(stage.settled, "every post has come to its end")
    resolved = await _resolved(stage, died)
    slow = resolved.pop(SLOW, 0.0)
    limit = stage.scale.seconds(RESOLVED) + UNSCALED
    return Done(
        repeats=sum(gathered.values()),
        measured=[
            Measured("unknown resolved", max(resolved.values(), default=0.0), limit),
            Measured(f"on {SLOW}", slow, limit + SLOWER_BY),
        ],
        wrong=[f"nothing was interrupted at {point}" for point in set(victims.values()) - set(gathered)],
        notes=gathered,
    )


def chosen(stage: Stage, go: Round) -> dict[str, str]:
    """Return who dies where: in four rounds each platform's workers have died at every point."""
    points = go.chance.sample(POINTS, len(POINTS))
    victims = {PLANNER: RELAY}
    for number, platform in enumerate(stage.platforms):
        for name in stage.stack.urls:
            if name.startswith(f"publisher-{platform}"):
                victims[name] = points[(number + go.number) % len(points)]
    return victims


async def _resolved(stage: Stage, died: Mapping[str, float]) -> dict[str, float]:
    """Return by platform the longest time from the first death to the last try of a post that needed more than one."""
    first = min(died.values(), default=time.time())
    platform = {intent.post: intent.platform for intent in stage.intents}
    tries: dict[str, list[float | None]] = {}
    for one in await stage.tries([intent.post for intent in stage.intents]):
        tries.setdefault(one.post, []).append(one.ended)
    longest: dict[str, float] = {}
    for post, ends in tries.items():
        if len(ends) > 1:
            end = max(end or 0.0 for end in ends) - first
            longest[platform[post]] = max(longest.get(platform[post], 0.0), end)
    return longest


FAULT = Fault("2", "publisher killed at every step", once, repeats=100, broken="blind")
