"""Databases that one run makes on a server for itself, and the only ones it drops."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

DatabaseFactory = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def own_databases(
    server_url: str, namespace: str, like: DatabaseFactory | None = None
) -> AsyncIterator[DatabaseFactory]:
    """Give a function that makes the database `carillon_NAMESPACE_SERVICE` and returns its address.

    It is empty, or a copy of the one whose address `like` returns for the service: nobody may be connected to that. The
    address begins with `postgresql://`. Asked again for the same service it returns the same address. All that it made
    are dropped at the end, with whoever is still connected.
    """
    made: dict[str, str] = {}

    async def database(service: str) -> str:
        if service not in made:
            name = f"carillon_{namespace}_{service}"
            template = _name_in(await like(service)) if like else "template1"
            await _execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            made[service] = urlsplit(server_url)._replace(path=f"/{name}").geturl()
        return made[service]

    try:
        yield database
    finally:
        for address in made.values():
            await _execute(server_url, f'DROP DATABASE IF EXISTS "{_name_in(address)}" WITH (FORCE)')


def _name_in(address: str) -> str:
    return urlsplit(address).path[1:]


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
