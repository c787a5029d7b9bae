"""A hold while 100 posts a second go out: the last call after its answer.

Counted is every call to a platform that is no look (metrics goes on looking), also those that show nothing, by the time
at which its answer was on its way: no call is taken for earlier than it was.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from bench.pipeline import Pipeline, pipeline

RATE, TRIES, SHORT_TRIES = 100.0, 20, 3
WITHIN = 1.0
"""Seconds after the answer from which on no call may begin."""
LOOKS = ("GET", "HEAD")
BEFORE, WATCHED = 3.0, 3.0
"""Seconds of sending before the hold, and for which the platforms are watched after it."""


@dataclass(frozen=True)
class Told:
    """One try."""

    late: float
    """Seconds from the hold's answer to the last call; less than nothing: it was before."""
    answered: float
    """Seconds that the answer took."""
    posts: int
    wrong: Sequence[str]


async def hold(amqp_url: str, database_url: str, tries: int) -> None:
    """Place holds under way, each while posts go out that all settle before the next, and report the latest calls."""
    async with pipeline(amqp_url, database_url) as carillon:
        headers = {"Authorization": f"Bearer {carillon.token}"}
        url = carillon.stack.urls["publisher-api"]
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as publisher:
            told = [await _try(carillon, publisher) for _ in range(tries)]
    late, answers = [one.late for one in told], [one.answered for one in told]
    kept = sum(one.late <= WITHIN for one in told)
    wrong = [line for one in told for line in one.wrong]
    print(
        f"hold, placed while {RATE:g} posts/s go out, {tries} times\n"
        f"  answer    after {min(answers) * 1e3:,.0f} to {max(answers) * 1e3:,.0f} ms\n"
        f"  last call {min(late) * 1e3:,.0f} to {max(late) * 1e3:,.0f} ms after the answer\n"
        f"  ledger    {f'wrong: {wrong[:5]}' if wrong else 'exact'}, {sum(one.posts for one in told)} posts\n"
        f"  target    no call later than {WITHIN:g} s after the answer: {kept} of {tries}, "
        f"{'met' if kept == tries and not wrong else 'not met'}\n",
        flush=True,
    )


async def _try(carillon: Pipeline, publisher: httpx.AsyncClient) -> Told:
    """Place a hold while posts go out and release it; all of them settle."""
    sending = asyncio.create_task(carillon.send(RATE, BEFORE + WATCHED))
    await asyncio.sleep(BEFORE)
    before = (await carillon.called())[-1:]
    began = time.time()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    placed = await publisher.post("/v1/holds", json={"reason": "bench"}, headers=key)
    answered = time.time()
    await asyncio.sleep(WATCHED)
    calls: list[dict[str, Any]] = await carillon.called(before[0]["seq"] if before else 0)
    hold = placed.raise_for_status().json()["id"]
    (await publisher.post(f"/v1/holds/{hold}/release", json={})).raise_for_status()
    sent = await sending
    await carillon.settle(sent)
    late = max((call["time"] - answered for call in calls if call["method"] not in LOOKS), default=0.0)
    return Told(late, answered - began, len(sent.accepted), sent.wrong)
