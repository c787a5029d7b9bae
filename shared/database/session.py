"""A transaction straight on the driver, for what runs for every event."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Self

import asyncpg
from sqlalchemy import Dialect, TextClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database.lending import lent

DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call] # its maker has no annotations


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

    async def execute_each(
        self, statement: TextClause, each: Sequence[Mapping[str, Any]], by: str = "post"
    ) -> dict[Any, Row]:
        """Run a statement once for each set of values, all in one round trip; return the rows by their column `by`.

        For statements that return a row at the most, with another `by` each time.
        """
        form = _form(statement)
        rows = await self._driver.fetchmany(form.sql, [form.arguments(values) for values in each], record_class=Row)
        return {row[by]: row for row in rows}

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
