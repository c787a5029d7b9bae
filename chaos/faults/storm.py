"""A platform says "too many" to all of twenty callers at once: they wait as long as it says, and others do not."""

import asyncio
import time

from chaos.fault import Done, Fault, Ground, Measured, Round
from chaos.stage import Stage

PLATFORM, OTHER = "mastodon", "bluesky"
WORKERS = 4
CALLERS = 5
"""Calls that each worker makes at once: with four workers, twenty."""
SECONDS = 160.0
"""How long the platform wants to be left alone, in production."""
POSTS = 60
MOST_TRIES = 3
STORMS = 4
"""More than `MOST_TRIES`: a post that spent a try in each would have failed."""
SLACK = 0.5
"""Seconds in which calls that were under way at the first refusal may still arrive."""


async def once(stage: Stage, go: Round) -> Done:
    """Let one storm follow another; count the calls that came although they were told to wait."""
    calm = await _others(stage, f"{go.mark}a", 4.0)
    seconds, late, refused = stage.scale.seconds(SECONDS), 0, 0
    await stage.fault(PLATFORM, "rate_limit", times=100_000, seconds=seconds)
    since = (await stage.requests(PLATFORM) or [{"seq": 0}])[-1]["seq"]
    asking = asyncio.create_task(stage.ask_many([f"foundation/{PLATFORM}"], f"{go.mark}b", POSTS, together=16))
    stormy = await _others(stage, f"{go.mark}c", seconds * STORMS)
    await asking
    await stage.sandbox("DELETE", "/_faults")
    calls = [call for call in await stage.requests(PLATFORM, since) if call["status"] == 429]
    until = 0.0
    for call in calls:
        if call["time"] < until and call["time"] > until - seconds + SLACK:
            late += 1
        elif call["time"] >= until:
            until = call["time"] + seconds
        refused += 1
    await stage.must(stage.settled, "every post has come to its end")
    return Done(
        repeats=refused,
        measured=[
            Measured("calls although told to wait", late, 0, ""),
            Measured("p95 of others", stormy, max(2 * calm, calm + 0.25)),
        ],
        wrong=[] if refused else ["nothing was refused"],
        notes={"refused": refused, "p95 of others in calm": round(calm, 3)},
    )


async def _others(stage: Stage, mark: str, seconds: float) -> float:
    """Ask for posts on another platform for a while; return the p95 from the 202 to the call, in seconds."""
    async with stage.load([f"wikipedia/{OTHER}"], mark, 5.0) as asked:
        await asyncio.sleep(seconds)
    marks = {intent.marks[0]: intent.accepted_at for intent in asked}

    async def all_shown() -> bool:
        return marks.keys() <= {one.mark for one in await stage.shown()}

    await stage.must(all_shown, "the other platform's posts are public", 30.0)
    began = time.time()
    late = sorted(one.called - marks[one.mark] for one in await stage.shown() if one.mark in marks)
    return max(0.0, late[int(0.95 * (len(late) - 1))]) if late else began


GROUND = Ground(
    platforms=(PLATFORM, OTHER),
    replicas=tuple(f"publisher-{PLATFORM}-{number}" for number in range(2, WORKERS + 1)),
    more=(("CONCURRENCY", str(CALLERS)), ("MOST_TRIES", str(MOST_TRIES))),
)
FAULT = Fault("9", "a storm of 429 over twenty callers", once, ground=GROUND, short=False, broken="impatient")
