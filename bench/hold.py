"""A hold while 100 posts a second go out: the last call after its answer.

Counted is every call to a platform that is no look (metrics goes on looking), also those that show nothing, by the time
at which its answer was on its way: no call is taken for earlier than it was.
"""

import asyncio
import time
import uuid
from typing import Any

import httpx

from bench.pipeline import Pipeline, pipeline

RATE, TRIES, SHORT_TRIES = 100.0, 20, 3
WITHIN = 1.0
"""Seconds after the answer from which on no call may begin."""
LOOKS = ("GET", "HEAD")
WATCHED = 3.0
"""Seconds for which the platforms are watched after a hold."""
BETWEEN = 2.0
"""Seconds of free way between a release and the next hold."""


async def hold(amqp_url: str, database_url: str, tries: int) -> None:
    """Place holds under way, and report the latest call after each."""
    async with pipeline(amqp_url, database_url) as carillon:
        sending = asyncio.create_task(carillon.send(RATE, 3 + tries * (WATCHED + BETWEEN)))
        await asyncio.sleep(3)
        headers = {"Authorization": f"Bearer {carillon.token}"}
        async with httpx.AsyncClient(base_url=carillon.stack.urls["publisher-api"], headers=headers) as publisher:
            told = [await _try(carillon, publisher) for _ in range(tries)]
        sent = await sending
        await carillon.settle(sent)
        late, answers = [one for one, _ in told], [seconds for _, seconds in told]
        kept = sum(one <= WITHIN for one in late)
        print(
            f"hold, placed while {RATE:g} posts/s go out, {tries} times\n"
            f"  answer    after {min(answers) * 1e3:,.0f} to {max(answers) * 1e3:,.0f} ms\n"
            f"  last call {min(late) * 1e3:,.0f} to {max(late) * 1e3:,.0f} ms after the answer\n"
            f"  ledger    {f'wrong: {sent.wrong[:5]}' if sent.wrong else 'exact'}, {len(sent.accepted)} posts\n"
            f"  target    no call later than {WITHIN:g} s after the answer: {kept} of {tries}, "
            f"{'met' if kept == tries and not sent.wrong else 'not met'}\n",
            flush=True,
        )


async def _try(carillon: Pipeline, publisher: httpx.AsyncClient) -> tuple[float, float]:
    """Place a hold and release it; return how long after its answer the last call was, and how long that took."""
    before = (await carillon.called())[-1:]
    began = time.time()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    placed = await publisher.post("/v1/holds", json={"reason": "bench"}, headers=key)
    answered = time.time()
    await asyncio.sleep(WATCHED)
    calls: list[dict[str, Any]] = await carillon.called(before[0]["seq"] if before else 0)
    hold = placed.raise_for_status().json()["id"]
    (await publisher.post(f"/v1/holds/{hold}/release", json={})).raise_for_status()
    await asyncio.sleep(BETWEEN)
    late = [call["time"] - answered for call in calls if call["method"] not in LOOKS]
    return max(late, default=0.0), answered - began
