"""Processes under test: started as children, watched by what they say and answer."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.databases import DatabaseFactory
from shared.mailbox.schema import DEAD_LETTERS, V1

ROOT = Path(__file__).parents[2]
AWAY = "amqp://guest:hunter2hunter2@127.0.0.1:1/"
"""A broker that is not there: nobody listens on port 1."""
LIMIT, PAUSE = 30.0, 0.02
"""Seconds to wait for something, and between two looks."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail with what did not come."""
    for _ in range(int(LIMIT / PAUSE)):
        if condition():
            return
        await asyncio.sleep(PAUSE)
    pytest.fail(f"waited {LIMIT:.0f} s for {what}")


class Child:
    """A process under test."""

    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def said(self) -> str:
        """Everything on stdout and stderr."""
        return self._output.read_text()

    def lines(self, event: str) -> list[dict[str, object]]:
        """Return its log lines about an event."""
        whole = [line for line in self.said.splitlines(keepends=True) if line.startswith("{") and line.endswith("\n")]
        return [line for line in map(json.loads, whole) if line["event"] == event]

    async def address(self) -> str:
        """Wait for the address on which it listens."""
        await until(lambda: self.lines("listening") or self.process.returncode is not None, "an address")
        assert self.process.returncode is None, self.said
        return str(self.lines("listening")[0]["address"])

    async def readiness(self, status: str) -> list[str]:
        """Wait until `/readyz` says this, and return what it says is missing; `/livez` answers all the time."""
        async with httpx.AsyncClient(base_url=await self.address()) as client, asyncio.timeout(LIMIT):
            while True:
                assert (await client.get("/livez")).status_code == 200
                response = await client.get("/readyz")
                answer = response.json()
                assert (response.status_code == 200) == (answer["status"] == "ready")
                if answer["status"] == status:
                    missing: list[str] = answer["missing"]
                    return missing
                await asyncio.sleep(PAUSE)

    async def ended(self) -> int:
        """Wait for its end and return its status."""
        async with asyncio.timeout(LIMIT):
            return await self.process.wait()


@asynccontextmanager
async def running(output: Path, environment: Mapping[str, str], *arguments: str) -> AsyncIterator[Child]:
    """Run the service for tests in a folder without `.env`; kill it at the end if it still runs."""
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MEDIA_URL": "memory:///", "AMQP_URL": AWAY}
    with output.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.process.child_service",
            *arguments,
            cwd=output.parent,
            env=path | dict(environment),
            stdout=stream,
            stderr=stream,
        )
    try:
        yield Child(process, output)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


Start = Callable[..., Awaitable[Child]]
MakeTables = Callable[[], Awaitable[None]]


@pytest.fixture
def environment(database_url: str, namespace: str) -> dict[str, str]:
    """What the environment says to a process under test."""
    return {"DATABASE_URL": database_url, "NAMESPACE": f"carillon_{namespace}"}


@pytest.fixture
async def start(tmp_path: Path, environment: dict[str, str]) -> AsyncIterator[Start]:
    """Start processes: `await start("patient", "/a/file", SHUTDOWN_SECONDS="1")`."""
    numbers = itertools.count()
    async with AsyncExitStack() as stack:

        async def start(*arguments: str, **more: str) -> Child:
            output = tmp_path / f"{next(numbers)}.log"
            return await stack.enter_async_context(running(output, environment | more, *arguments))

        yield start


@pytest.fixture
def tables(database: DatabaseFactory) -> MakeTables:
    """Return what makes ingest's database with the mailbox's tables."""

    async def make() -> None:
        connection = await asyncpg.connect(await database("ingest"))
        try:
            for statement in (*V1, *DEAD_LETTERS):
                await connection.execute(statement)
        finally:
            await connection.close()

    return make
