"""One sandbox and two databases a module, and in them a new house of accounts for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.databases import DatabaseFactory
from shared import telemetry
from shared.settings import Settings
from tests.accounts.house import House, house_of, own_services
from tests.platforms import sandbox as stand_in
from tests.platforms.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with stand_in.running() as running:
        yield running


@pytest.fixture(scope="module")
async def services(database_url: str, migrated_once: DatabaseFactory) -> AsyncIterator[str]:
    telemetry.configure("publisher", "test", Settings(_env_file=None))
    async with own_services(database_url, migrated_once) as namespace:
        yield namespace


@pytest.fixture
async def house(services: str, database_url: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(services, database_url, sandbox, tmp_path) as house:
        yield house
