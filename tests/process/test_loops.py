"""Loops that end too early start again, and it shows."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import REGISTRY

from shared.process.loops import keep


def sample(name: str, loop: str) -> float:
    """Return a metric of a loop."""
    return REGISTRY.get_sample_value(name, {"service": "ingest", "loop": loop}) or 0


async def failing() -> None:
    raise RuntimeError("a fault")


async def returning() -> None:
    return


async def awaiting_what_is_cancelled() -> None:
    """What an AMQP library does to who waits when a channel is lost."""
    waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waited.cancel()
    await waited


@pytest.mark.parametrize("end", [failing, returning, awaiting_what_is_cancelled])
async def test_a_loop_that_ends_too_early_starts_again(end: Callable[[], Awaitable[None]]) -> None:
    name, stopping, runs = end.__name__, asyncio.Event(), []

    async def loop(stopping: asyncio.Event) -> None:
        runs.append(sample("carillon_loop_running", name))
        if len(runs) < 3:
            await end()
        else:
            stopping.set()

    async with asyncio.timeout(10):
        await keep("ingest", name, loop, stopping)
    assert runs == [1, 1, 1]
    assert sample("carillon_loop_restarts_total", name) == 2
    assert sample("carillon_loop_running", name) == 0


async def test_a_loop_that_is_cancelled_from_outside_ends() -> None:
    async def loop(_: asyncio.Event) -> None:
        await asyncio.Event().wait()

    kept = asyncio.create_task(keep("ingest", "cancelled", loop, asyncio.Event()))
    await asyncio.sleep(0)
    kept.cancel()
    with pytest.raises(asyncio.CancelledError):
        await kept
    assert sample("carillon_loop_restarts_total", "cancelled") == 0


async def test_a_loop_waiting_to_start_again_can_be_stopped() -> None:
    stopping = asyncio.Event()

    async def loop(_: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(stopping.set)
        await failing()

    async with asyncio.timeout(5):
        await keep("ingest", "pausing", loop, stopping)
