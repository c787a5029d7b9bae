"""The broker is out of memory, then out of disk: it takes nothing, gives what it has, and nobody loses anything."""

import asyncio
import time
from itertools import pairwise

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.oracle import Intent
from chaos.stage import Stage
from shared import platforms
from shared.mailbox import topology

LASTS = 300.0
"""Seconds, in production's time."""
PER_SECOND = 4.0
ALARMS = {
    "memory": (("set_vm_memory_high_watermark", "0"), ("set_vm_memory_high_watermark", "absolute", "1GB")),
    "disk": (("set_disk_free_limit", "1000000GB"), ("set_disk_free_limit", "50MB")),
}
ACCEPTED = 2.0
"""Seconds within which a request is accepted all the same."""
CAUGHT_UP, PUBLISHED = 45.0, 20.0
"""Seconds after which what was held is public, and how many posts a second that takes besides."""


async def once(stage: Stage, go: Round) -> Done:
    """Raise one alarm, then the other, under load."""
    channels = [CHANNELS[platform] for platform in stage.platforms]
    (node,) = stage.servers.nodes
    figures: list[Measured] = []
    held = 0
    for name, (on, off) in ALARMS.items():
        async with stage.load(channels, f"{go.mark}{name[0]}", PER_SECOND) as asked:
            await asyncio.to_thread(node.ctl, *on)
            began, before = time.time(), len(asked)
            try:
                await asyncio.sleep(stage.scale.seconds(LASTS))
                left = await _left(stage)
            finally:
                await asyncio.to_thread(node.ctl, *off)
            over = time.time()
            during = asked[before:]
        held += len(during)
        await stage.must(stage.settled, "every post has come to its end")
        figures += [
            Measured(f"slowest 202, {name}", longest_wait(during, began), ACCEPTED),
            Measured(f"caught up, {name}", await _caught_up(stage, during, over), CAUGHT_UP + len(during) / PUBLISHED),
            Measured(f"left in queues, {name}", left, 0, ""),
        ]
    return Done(repeats=held, measured=figures, wrong=[] if held else ["nothing was asked during the alarms"])


def longest_wait(asked: list[Intent], began: float) -> float:
    """Return the longest time between two answers, from the alarm on."""
    times = [began, *sorted(intent.accepted_at for intent in asked)]
    return max((two - one for one, two in pairwise(times)), default=float("inf"))


async def _left(stage: Stage) -> int:
    """Return how many messages the queues still hold, or who consumes: consumers go on, so there should be none."""
    (node,) = stage.servers.nodes
    queues = {f"{stage.place.namespace}.{queue.name}" for queue in topology(platforms.specs())}
    answer = await stage.http.get(f"{node.management_url}/api/queues/%2F", params={"columns": "name,messages"})
    return sum(one.get("messages", 0) for one in answer.raise_for_status().json() if one["name"] in queues)


async def _caught_up(stage: Stage, during: list[Intent], over: float) -> float:
    """Return how long after the alarm the last of these posts became public."""
    marks = {mark for intent in during for mark in intent.marks}
    return max((one.called - over for one in await stage.shown() if one.mark in marks), default=0.0)


FAULT = Fault("10", "memory alarm, then disk alarm", once, repeats=50, short=False, broken="careless")
