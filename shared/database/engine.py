"""Where a service's database is, and what connects to it."""

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from shared.settings import Settings

Sessions = async_sessionmaker[AsyncSession]

# Every statement of every event has its index. Of a table that is still small or new PostgreSQL thinks that reading all
# of it is cheaper, and a prepared statement keeps to that while the table grows. And compiling a statement (JIT) pays
# where one runs for seconds: ours take milliseconds, and are compiled for hundreds as soon as a branch looks dear.
SERVER = {"enable_seqscan": "off", "jit": "off"}


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
        connect_args={"timeout": 10, "command_timeout": 30, "server_settings": SERVER | {"application_name": service}},
    )


def sessions_of(engine: AsyncEngine) -> Sessions:
    """Return a maker of sessions whose objects stay readable after commit."""
    return async_sessionmaker(engine, expire_on_commit=False, autoflush=False)
