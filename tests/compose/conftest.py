"""One stack for all tests here: built and started once, removed with its volumes at the end."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.compose.stack import Prometheus, Stack

TIMINGS = pytest.StashKey[dict[str, float]]()


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Carillon as `make up` starts it."""
    running = Stack(f"carillon-test-{secrets.token_hex(4)}", Path(tmp_path_factory.mktemp("compose")))
    pytestconfig.stash[TIMINGS] = running.timings
    try:
        running.run("up")
        yield running
    finally:
        running.run("down", VOLUMES="1")


@pytest.fixture(scope="session")
async def ingest(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client of ingest with a token that may do everything."""
    headers = {"Authorization": f"Bearer {stack.run('token', TOOL='test').strip()}"}
    async with httpx.AsyncClient(base_url=stack.url("ingest-api"), headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
async def sandbox(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the sandbox's controls."""
    async with httpx.AsyncClient(base_url=stack.url("sandbox", 8090), timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
async def prometheus(stack: Stack) -> AsyncIterator[Prometheus]:
    """The stack's Prometheus."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield Prometheus(client, stack.url("prometheus", 9090))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how long building and starting took."""
    for act, seconds in config.stash.get(TIMINGS, {}).items():
        terminalreporter.write_line(f"compose.sh {act}: {seconds:.1f} s")
