"""A service for tests, run as a process of its own: `python -m tests.process.child_service patient …`."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import structlog

from shared.events import PostExpired
from shared.process import Factory, Parts, Runtime, main
from shared.settings import Settings

log = structlog.get_logger()


async def patient(runtime: Runtime, leave: str) -> Parts:
    """Wait for its end, then for a file; then say goodbye in an event."""

    async def wait(stopping: asyncio.Event) -> None:
        await stopping.wait()
        for _ in range(1_000):
            if await asyncio.to_thread(Path(leave).exists):
                break
            await asyncio.sleep(0.02)
        async with runtime.mailbox.transaction() as transaction:
            transaction.emit(PostExpired(post=uuid4(), reason="goodbye"))
        log.info("finished")

    return Parts(loops={"patient": wait}, consumes=True)  # ready only when every queue is there


async def stubborn(runtime: Runtime) -> Parts:
    """Never end by itself."""

    async def stay(_: asyncio.Event) -> None:
        await asyncio.Event().wait()

    return Parts(loops={"stubborn": stay})


async def listener(runtime: Runtime) -> Parts:
    """Need the broker."""

    async def wait(stopping: asyncio.Event) -> None:
        await stopping.wait()

    return Parts(loops={"listener": wait}, consumes=True)


PROCESSES: Mapping[str, Factory] = {"patient": patient, "stubborn": stubborn, "listener": listener}

if __name__ == "__main__":
    main("ingest", Settings, PROCESSES)
