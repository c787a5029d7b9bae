"""A house of accounts for each test, and one sandbox for all."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.databases import DatabaseFactory
from shared import telemetry
from shared.settings import Settings
from tests.accounts.house import House, house_of
from tests.platforms import sandbox as stand_in
from tests.platforms.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with stand_in.running() as running:
        yield running


@pytest.fixture
async def house(database: DatabaseFactory, database_url: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[House]:
    telemetry.configure("publisher", "test", Settings(_env_file=None))
    async with house_of(database, database_url, sandbox, tmp_path) as house:
        yield house
