"""The database of a service: its address, its engine, and which of its errors pass by themselves."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Self

import asyncpg
from sqlalchemy import URL, Dialect, TextClause, make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.util import greenlet_spawn

from shared.settings import Settings

DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call] # its maker has no annotations
Sessions = async_sessionmaker[AsyncSession]

# PostgreSQL's classes of errors that another try, or some patience, heals: connection (08), rolled back (40), resources
# (53), operator intervention such as a restart (57), and a lock that was not free in time (55).
PASSING = ("08", "40", "53", "55", "57")

# Every statement of every event has its index. Of a table that is still small or new PostgreSQL thinks that reading all
# of it is cheaper, and a prepared statement keeps to that while the table grows.
SERVER = {"enable_seqscan": "off"}


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


class Row(asyncpg.Record):  # type: ignore[misc] # the driver comes without types
    """A row; its columns are its attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no column {name!r}") from None


class Rows(list[Any]):
    """What a statement returned, to be read as SQLAlchemy's results are."""

    def all(self) -> Self:
        """Return all rows."""
        return self

    def first(self) -> Any:
        """Return the first row, or None."""
        return self[0] if self else None

    def one_or_none(self) -> Any:
        """Return the only row, or None; raises LookupError when there are more."""
        if len(self) > 1:
            raise LookupError(f"one row was expected, not {len(self)}")
        return self.first()

    def one(self) -> Any:
        """Return the only row; raises LookupError when there is another number of them."""
        if len(self) != 1:
            raise LookupError(f"one row was expected, not {len(self)}")
        return self[0]

    def scalars(self) -> Self:
        """Return the first column."""
        return type(self)(row[0] for row in self)

    def scalar(self) -> Any:
        """Return the first column of the first row, or None."""
        return self[0][0] if self else None

    def scalar_one(self) -> Any:
        """Return the first column of the only row; raises LookupError when there is another number of them."""
        return self.one()[0]


class Session:
    """A transaction straight on the driver, for what runs for every event.

    SQLAlchemy's own session costs a process more than all else that it does for an event; its pool, its `text`
    statements and the types of their parameters are used here as they are.
    """

    def __init__(self, driver: Any) -> None:
        self.info: dict[str, Any] = {}
        self._driver = driver
        self._later: dict[TextClause, list[Sequence[Any]]] = {}
        self._committed: list[Callable[[], object]] = []

    async def execute(self, statement: TextClause, values: Mapping[str, Any] = MappingProxyType({})) -> Rows:
        """Run a statement and return its rows; raises what the driver raises."""
        form = _form(statement)
        return Rows(await self._driver.fetch(form.sql, *form.arguments(values), record_class=Row))

    def add(self, statement: TextClause, values: Mapping[str, Any]) -> None:
        """Run a statement before the commit, together with all others that only differ in their values."""
        self._later.setdefault(statement, []).append(_form(statement).arguments(values))

    def when_committed(self, call: Callable[[], object]) -> None:
        """Call this once the transaction is committed."""
        self._committed.append(call)

    async def flush(self) -> None:
        """Run what was added."""
        later, self._later = self._later, {}
        for statement, rows in later.items():
            await self._driver.executemany(_form(statement).sql, rows)

    def _say_committed(self) -> None:
        for call in self._committed:
            call()


@asynccontextmanager
async def begin(engine: AsyncEngine) -> AsyncIterator[Session]:
    """Open a transaction that commits at the end, and is rolled back by an exception."""
    async with lent(engine) as driver:
        session = Session(driver)
        await driver.execute("BEGIN")
        try:
            yield session
            await session.flush()
        except Exception:
            if not driver.is_closed():
                await driver.execute("ROLLBACK")
            raise
        await driver.execute("COMMIT")
    session._say_committed()  # noqa: SLF001 - the two are one


@asynccontextmanager
async def statements(engine: AsyncEngine) -> AsyncIterator[Session]:
    """Open a session in which every statement is a transaction by itself: BEGIN and COMMIT are two more round trips."""
    async with lent(engine) as driver:
        yield Session(driver)


@asynccontextmanager
async def lent(engine: AsyncEngine) -> AsyncIterator[Any]:
    """Borrow a connection of the pool; one that is left in the middle of something does not go back."""
    borrowed = await engine.raw_connection()
    driver: Any = borrowed.driver_connection
    try:
        yield driver
    finally:
        if driver.is_closed() or driver.is_in_transaction():
            borrowed.invalidate()
        await greenlet_spawn(borrowed.close)


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as the driver takes it: its parameters by position, and what turns a value into what is sent."""

    sql: str
    names: tuple[str, ...]
    turned: tuple[tuple[int, Callable[[Any], Any]], ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        found = [values[name] for name in self.names]
        for at, turn in self.turned:
            found[at] = turn(found[at])
        return found


@cache
def _form(statement: TextClause) -> _Form:
    compiled = statement.compile(dialect=DIALECT)
    names = tuple(compiled.positiontup or ())
    turns = [compiled.binds[name].type.dialect_impl(DIALECT).bind_processor(DIALECT) for name in names]
    return _Form(compiled.string, names, tuple((at, turn) for at, turn in enumerate(turns) if turn))


def is_trouble(error: BaseException) -> bool:
    """Say whether the database, not the caller, is the cause: then the same again may work later."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False  # a medium that is gone is nothing to wait for
    if isinstance(error, PoolTimeoutError | OSError | TimeoutError):
        return True
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True  # the driver lost its connection before the server could say why
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate).startswith(PASSING)
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # The driver lost its connection before the server could say why.
        return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
    return str(state).startswith(PASSING)
