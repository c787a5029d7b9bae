"""Transactions straight on the driver: they commit or roll back whole, and give back only sound connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from uuid import UUID, uuid4

import pytest
from asyncpg import DivisionByZeroError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.database import begin, statements
from shared.mailbox.waiting import patiently

MAKE = text("CREATE TABLE thing (id uuid PRIMARY KEY, data jsonb, transaction xid8 DEFAULT pg_current_xact_id())")
PUT = text("INSERT INTO thing (id, data) VALUES (:id, :data)")
COUNT = text("SELECT count(*) FROM thing")
WHO = text("SELECT pg_backend_pid()")
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
async def engine(database: Callable[[str], Awaitable[str]]) -> AsyncIterator[AsyncEngine]:
    address = (await database("thing")).replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(address, pool_size=3, max_overflow=0)
    async with begin(engine) as db:
        await db.execute(MAKE)
    yield engine
    await engine.dispose()


async def test_a_table_that_grows_under_a_prepared_statement_is_trouble_that_passes(engine: AsyncEngine) -> None:
    every, tries = text("SELECT * FROM thing"), 0

    async def look() -> int:
        nonlocal tries
        tries += 1
        async with begin(engine) as db:
            return len(await db.execute(every))

    await look()
    async with begin(engine) as db:
        await db.execute(text("ALTER TABLE thing ADD COLUMN more text"))
        await db.execute(PUT, thing())
    assert await patiently(look, asyncio.Event(), "test") == 1
    assert tries == 3, "the second look met the statement of before"


def thing(data: str = "{}") -> dict[str, object]:
    return {"id": uuid4(), "data": data}


async def count(engine: AsyncEngine) -> int:
    async with statements(engine) as db:
        found: int = (await db.execute(COUNT)).scalar_one()
        return found


async def test_a_row_is_read_by_its_columns(engine: AsyncEngine) -> None:
    one = thing('{"a": 1}')
    async with begin(engine) as db:
        await db.execute(PUT, one)
        row = (await db.execute(text("SELECT id, data FROM thing"))).one()
    assert (row.id, row.data) == (one["id"], {"a": 1})
    assert isinstance(row.id, UUID)
    with pytest.raises(AttributeError, match="no column 'name'"):
        assert row.name


async def test_what_is_added_is_run_together_before_the_commit(engine: AsyncEngine) -> None:
    async with begin(engine) as db:
        for _ in range(3):
            db.add(PUT, thing())
        assert (await db.execute(COUNT)).scalar() == 0
    async with statements(engine) as db:
        rows = await db.execute(text("SELECT DISTINCT transaction FROM thing"))
    assert (await count(engine), len(rows)) == (3, 1)


async def test_each_set_of_values_gets_its_own_row_back(engine: AsyncEngine) -> None:
    new, known = thing("[1]"), thing("[2]")
    put = text("INSERT INTO thing (id, data) VALUES (:id, :data) ON CONFLICT DO NOTHING RETURNING id, data")
    async with begin(engine) as db:
        await db.execute(put, known)
        rows = await db.execute_each(put, [known, new], by="id")
    assert {id_: row.data for id_, row in rows.items()} == {new["id"]: [1]}
    assert await count(engine) == 2


async def test_an_exception_leaves_nothing_and_tells_nobody(engine: AsyncEngine) -> None:
    told: list[str] = []

    async def fail() -> None:
        async with begin(engine) as db:
            db.when_committed(lambda: told.append("committed"))
            await db.execute(PUT, thing())
            await db.execute(text("SELECT 1 / 0"))

    with pytest.raises(DivisionByZeroError):
        await fail()
    assert (await count(engine), told) == (0, [])


async def test_who_asked_is_told_after_the_commit(engine: AsyncEngine) -> None:
    seen: list[bool] = []
    async with begin(engine) as db:
        db.when_committed(lambda: seen.append(True))
        await db.execute(PUT, thing())
        assert not seen
    assert seen


async def test_a_cancelled_transaction_is_gone_with_its_connection(engine: AsyncEngine) -> None:
    begun = asyncio.Event()

    async def hold() -> None:
        async with begin(engine) as db:
            await db.execute(PUT, thing())
            begun.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await begun.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert await asyncio.gather(*(count(engine) for _ in range(9))) == [0] * 9


async def test_connections_that_the_server_ended_are_replaced(engine: AsyncEngine) -> None:
    await asyncio.gather(*(count(engine) for _ in range(9)))
    async with engine.connect() as other:
        await other.execute(text(f"SELECT pg_terminate_backend(pid) {OTHERS}"))
    assert await patiently(lambda: count(engine), asyncio.Event(), "test") == 0


async def test_no_more_connections_are_used_than_the_pool_has(engine: AsyncEngine) -> None:
    async def who() -> int:
        async with statements(engine) as db:
            pid: int = (await db.execute(WHO)).scalar_one()
            return pid

    assert len(set(await asyncio.gather(*(who() for _ in range(30))))) <= 3


async def test_after_disposal_nothing_is_left_open(engine: AsyncEngine) -> None:
    await count(engine)
    other = create_async_engine(engine.url)
    await engine.dispose()
    async with asyncio.timeout(10), statements(other) as db:
        while await db.execute(text(f"SELECT pid {OTHERS}")):  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)
    await other.dispose()


async def test_who_waits_for_the_pool_gets_what_is_given_back(database: Callable[[str], Awaitable[str]]) -> None:
    """Also when the pool is so small that all of it could stay at hand."""
    address = (await database("small")).replace("postgresql:", "postgresql+asyncpg:")
    for size in (1, 2):
        engine = create_async_engine(address, pool_size=size, max_overflow=0, pool_timeout=5)
        async with statements(engine), statements(engine) if size > 1 else nullcontext():
            waiting = asyncio.create_task(_ask(engine))
            await asyncio.sleep(0)
        assert await waiting == 1
        await engine.dispose()


async def _ask(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT 1"))).scalar_one())
