"""The broker takes a message back because its consumer took too long: the work goes on, and is done once."""

import asyncio
import time

from chaos.fault import CHANNELS, Done, Fault, Measured, Round
from chaos.stage import Stage
from shared.mailbox import due_queue

PLATFORM = "x"
WORKERS = ("publisher-x", "publisher-x-2")
POSTS = 6
SHORT, HOLD = 3, 9
"""Seconds after which the broker loses patience, and for which a worker holds what it took."""
SHORT_ON_4, HOLD_ON_4 = 60, 75
"""RabbitMQ 4 takes no less than a minute."""
BACK = 60.0
PER_QUEUE = (4, 0)
USUAL = 1_800


async def once(stage: Stage, go: Round) -> Done:
    """Shorten the broker's patience and hold messages for longer."""
    (node,) = stage.servers.nodes
    patience, hold = (SHORT_ON_4, HOLD_ON_4) if node.release >= PER_QUEUE else (SHORT, HOLD)
    await asyncio.to_thread(node.ctl, "eval", _patience(patience, 1_000))
    try:
        await stage.armed(dict.fromkeys(WORKERS, f"deliver.before_claim:pause@{hold}"))
        pids = dict(stage.stack.pids)
        for name in WORKERS:
            list(stage.said(name))
        began = time.monotonic()
        await stage.ask_many([CHANNELS[PLATFORM]], f"{go.mark}a", POSTS)
        await stage.must(lambda: _lost(stage), "the broker takes messages back", hold + 30)
        lost = time.monotonic()
        again = await stage.ask_many([CHANNELS[PLATFORM]], f"{go.mark}b", POSTS)
        marks = {intent.marks[0] for intent in again}
        await stage.must(lambda: _public(stage, marks), "what is asked then is public", BACK * 2)
        back = time.monotonic() - lost
        await stage.must(stage.settled, "every post has come to its end")
        survived = stage.stack.pids == pids
    finally:
        await asyncio.to_thread(node.ctl, "eval", _patience(USUAL, 60_000))
    await stage.restart(WORKERS)
    return Done(
        repeats=POSTS,
        measured=[Measured("consumer back", back, BACK)],
        wrong=[] if survived else ["a worker was started again"],
        notes={"taken back after": round(lost - began, 1)},
    )


def _patience(seconds: int, tick: int) -> str:
    return (
        f"application:set_env(rabbit, consumer_timeout, {seconds * 1_000}), "
        f"application:set_env(rabbit, channel_tick_interval, {tick})."
    )


async def _lost(stage: Stage) -> bool:
    """Say whether a worker has lost its channel: it says so itself."""
    lost = f"subscription {due_queue(PLATFORM)}: closed"
    return any(str(line["event"]).startswith(lost) for name in WORKERS for line in stage.said(name))


async def _public(stage: Stage, marks: set[str]) -> bool:
    return marks <= {one.mark for one in await stage.shown()}


FAULT = Fault("11", "the broker loses patience with a consumer", once, repeats=6, short=False, broken="eager")
