"""The worker's loops: each asks its question by itself, and ends when it is told to."""

import asyncio

from services.metrics.__main__ import worker
from services.metrics.settings import MetricsSettings
from shared.bus.memory import MemoryBus
from shared.process import open_runtime
from tests.metrics.conftest import Metrics, Platforms, let_in

ASKED = "SELECT act, count(*) AS count FROM round WHERE since > now() - interval '1 hour' GROUP BY act"
KEPT = "SELECT count(*) AS count FROM heard WHERE erased_at IS NULL"


async def test_every_question_is_asked_and_old_words_are_erased(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings)
    await platforms.say("bluesky", "wikipedia.org", "mention", "Long ago")
    await metrics.go_round(metrics.hearing)
    await metrics.pass_time(91 * 86_400)
    await platforms.forget()  # for the sandbox it was a moment ago
    runtime, stopping = open_runtime("metrics", settings, MemoryBus()), asyncio.Event()
    loops = (await worker(runtime)).loops
    assert set(loops) == {"consumer", "dead letters", "collect", "followers", "people", "hear", "forget"}
    expected = {act.name: len(list(act.channels())) for act in (metrics.followers, metrics.people, metrics.hearing)}
    async with asyncio.TaskGroup() as group:
        for name in ("followers", "people", "hear", "forget"):
            group.create_task(loops[name](stopping))  # type: ignore[arg-type] # a coroutine, as they all are
        async with asyncio.timeout(60):
            while not await _done(metrics, expected):  # noqa: ASYNC110 - rows of the database are waited for
                await asyncio.sleep(0.05)
        stopping.set()
    await runtime.close()


async def _done(metrics: Metrics, expected: dict[str, int]) -> bool:
    """Tell whether every channel was asked every question since, and what was old is erased."""
    ((kept,),) = await metrics.rows(KEPT)
    return kept == 0 and {row.act: row.count for row in await metrics.rows(ASKED)} == expected
