"""The database of a service: its address, its engine, and which of its errors pass by themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.settings import Settings

Sessions = async_sessionmaker[AsyncSession]

# PostgreSQL's classes of errors that another try, or some patience, heals: connection (08), rolled back (40), resources
# (53), operator intervention such as a restart (57), and a lock that was not free in time (55).
PASSING = ("08", "40", "53", "55", "57")


def database_url(settings: Settings, service: str) -> URL:
    """Return where the service's database is: the server of `DATABASE_URL`, named `<namespace>_<service>`."""
    server = make_url(settings.database_url.get_secret_value())
    return server.set(drivername="postgresql+asyncpg", database=f"{settings.namespace}_{service}")


def engine_for(settings: Settings, service: str) -> AsyncEngine:
    """Return an engine that notices lost connections by itself."""
    return create_async_engine(
        database_url(settings, service),
        pool_size=settings.database_pool,
        max_overflow=0,
        pool_timeout=10,
        # A connection that the server dropped is replaced when it fails, not asked before each use: a ping costs as
        # much as a statement, and every caller already tries again when `is_trouble`.
        pool_pre_ping=False,
        connect_args={"timeout": 10, "command_timeout": 30, "server_settings": {"application_name": service}},
    )


def sessions_of(engine: AsyncEngine) -> Sessions:
    """Return a maker of sessions whose objects stay readable after commit."""
    return async_sessionmaker(engine, expire_on_commit=False, autoflush=False)


@asynccontextmanager
async def statements(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Open a session in which every statement is a transaction by itself: BEGIN and COMMIT are two more round trips."""
    async with sessions() as db:
        await db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield db


def is_trouble(error: BaseException) -> bool:
    """Say whether the database, not the caller, is the cause: then the same again may work later."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False  # a medium that is gone is nothing to wait for
    if isinstance(error, PoolTimeoutError | OSError | TimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # The driver lost its connection before the server could say why.
        return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
    return str(state).startswith(PASSING)
