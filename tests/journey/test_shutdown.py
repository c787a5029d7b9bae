"""Told to stop under load, every process finishes what it has begun and ends with 0; nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from deploy.local.programs import TWO
from tests.journey.stage import Stage, asking, each_once, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

SHUTDOWN = 60.0
"""SHUTDOWN_SECONDS as it is set by default."""


@asynccontextmanager
async def load(stage: Stage) -> AsyncIterator[None]:
    """Ask again and again; at the end, until the last has its answer."""
    enough = asyncio.Event()

    async def ask() -> None:
        for number in count():
            if enough.is_set():
                return
            channel = ("wikipedia/bluesky", "foundation/mastodon")[number % 2]
            await stage.ask(asking(f"s{number:04}: while processes stop", channels=[channel]))

    asked = asyncio.create_task(ask())
    try:
        yield
    finally:
        enough.set()
        await asked


async def test_every_process_ends_in_order(stage: Stage) -> None:
    before = {name: list(codes) for name, codes in stage.stack.exits.items()}
    async with load(stage):
        for name in TWO:

            async def ended(name: str = name) -> bool:
                return len(stage.stack.exits[name]) > len(before[name])

            stage.stack.terminate(name)
            assert await until(ended, SHUTDOWN), stage.guarded.tail(name)
    codes = {name: stage.stack.exits[name][len(before[name]) :] for name in TWO}
    assert codes == {name: [0] for name in TWO}
    await each_once(stage)
