"""Databases are made and brought up to date, by any number of processes at once."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from shared.database import database_url as url_of
from shared.database import engine_for
from shared.process import migrate
from shared.settings import Settings, WrongSettingError
from tests.process.conftest import ROOT

SERVICES = sorted(path.parts[-3] for path in ROOT.glob("services/*/migrations/versions"))

COMPARED = {"compare_type": True, "compare_server_default": True}


@pytest.fixture
async def settings(database_url: str, namespace: str) -> AsyncIterator[Settings]:
    """Settings for databases that are not there yet, and that are dropped afterwards."""
    settings = Settings(database_url=database_url, namespace=namespace)
    yield settings
    server = await asyncpg.connect(database_url)
    try:
        for service in SERVICES:
            await server.execute(f'DROP DATABASE IF EXISTS "{url_of(settings, service).database}" WITH (FORCE)')
        await server.execute(f'DROP ROLE IF EXISTS "{namespace}"')
    finally:
        await server.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_missing_database_is_made_and_what_it_has_is_what_the_tables_say(
    service: str, settings: Settings
) -> None:
    async with asyncio.TaskGroup() as several:
        for _ in range(3):
            several.create_task(migrate(service, settings))
    await migrate(service, settings)
    module = __import__(f"services.{service}.tables", fromlist=["Base"])
    engine = engine_for(settings, service)

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection, opts=COMPARED), module.Base.metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def alembic(service: str, settings: Settings, *arguments: str) -> None:
    """Run Alembic's own command, as a person would, from anywhere."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "NAMESPACE": settings.namespace,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "-n", service, *arguments),
        cwd="/",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.parametrize("service", SERVICES)
async def test_alembic_works_by_hand_also_three_at_once(service: str, settings: Settings) -> None:
    await migrate(service, settings, "base")  # makes the database
    async with asyncio.TaskGroup() as several:
        for _ in range(3):
            several.create_task(alembic(service, settings, "upgrade", "head"))
    await alembic(service, settings, "check")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_history_can_be_walked_back(service: str, settings: Settings) -> None:
    await migrate(service, settings)
    await alembic(service, settings, "downgrade", "base")
    engine = engine_for(settings, service)
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["alembic_version"]
    await engine.dispose()


async def test_who_may_not_make_a_database_hears_what_to_do(database_url: str, settings: Settings) -> None:
    server = await asyncpg.connect(database_url)
    await server.execute(f"CREATE ROLE \"{settings.namespace}\" LOGIN PASSWORD 'hunter2hunter2'")
    await server.close()
    address = url_of(settings, SERVICES[0]).set(
        drivername="postgresql", username=settings.namespace, password="hunter2hunter2"
    )
    poor = Settings(database_url=address.render_as_string(hide_password=False), namespace=settings.namespace)
    with pytest.raises(WrongSettingError, match="DATABASE_URL") as refused:
        await migrate(SERVICES[0], poor)
    assert "administrator" in str(refused.value)
    assert "hunter2hunter2" not in str(refused.value)
