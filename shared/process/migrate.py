"""Migrations: a service's database is made when it is missing, and brought up to date by one process at a time."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.database import database_url, is_trouble
from shared.settings import Settings, WrongSettingError

# Every process has this module; those that migrate are the only ones to load Alembic, when they do.
if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger()

ROOT = Path(__file__).parents[2]
MISSING, THERE, DENIED = "3D000", ("42P04", "23505"), "42501"
"""PostgreSQL's codes: no such database, it exists (or was made at the same moment), not allowed."""

# Alembic keeps what it is doing in globals. Between processes, the advisory lock of shared/migrations/env.py decides.
_one_by_one = asyncio.Lock()


async def migrate(service: str, settings: Settings, revision: str = "head") -> None:
    """Bring a service's database to a revision; waits for the server, and for whoever else migrates.

    Raises WrongSettingError when the database is missing and the user of DATABASE_URL may not make it.
    """
    engine = create_async_engine(database_url(settings, service), poolclass=NullPool, connect_args={"timeout": 10})
    await _reach(engine, settings, service)
    async with _one_by_one, engine.connect() as connection:
        await connection.run_sync(_upgrade, service, revision)
    await engine.dispose()
    log.info("the database is up to date", revision=revision)


def configuration(service: str) -> "Config":
    """Return Alembic's configuration of a service: its section of alembic.ini."""
    from alembic.config import Config

    return Config(ROOT / "alembic.ini", ini_section=service)


def _upgrade(connection: Connection, service: str, revision: str) -> None:
    from alembic import command

    config = configuration(service)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def _reach(engine: AsyncEngine, settings: Settings, service: str) -> None:
    """Wait for the server, and make the database when that is what is missing."""
    waited = 0
    while True:
        try:
            async with engine.connect():
                return
        except (DBAPIError, OSError, TimeoutError) as error:
            if _state(error) == MISSING:
                await _create(settings, service)
            elif not is_trouble(error):
                raise WrongSettingError("DATABASE_URL", f"the server refuses it ({_why(error)})") from error
            elif waited % 15 == 0:
                log.warning("waiting", missing=["database"], reason=_why(error))
            waited += 1
        await asyncio.sleep(1)


async def _create(settings: Settings, service: str) -> None:
    name = database_url(settings, service).database
    server = database_url(settings, service).set(database="postgres")
    engine = create_async_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"timeout": 10})
    try:
        async with engine.connect() as connection:
            quoted = connection.dialect.identifier_preparer.quote(str(name))
            await connection.execute(text(f"CREATE DATABASE {quoted}"))
    except DBAPIError as error:
        if _state(error) == DENIED:
            remedy = f"its user may not create databases: create {name} as an administrator, owned by that user"
            raise WrongSettingError("DATABASE_URL", remedy) from error
        if _state(error) not in THERE:
            raise
    else:
        log.info("made the database", database=name)
    finally:
        await engine.dispose()


def _state(error: BaseException) -> str | None:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None)


def _why(error: BaseException) -> str:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(origin).__name__}: {origin}"
