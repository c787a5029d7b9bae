"""Real servers for every test: those that AMQP_URL and DATABASE_URL name, else private ones; without, a test fails."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
from pydantic import SecretStr

from deploy.local.databases import DatabaseFactory, own_databases
from deploy.local.pds import PrivatePds, running_pds
from deploy.local.postgres import running_postgres
from deploy.local.rabbit import ForeignRabbit, running_rabbit
from deploy.local.rabbit_node import PrivateRabbit
from shared.process import migrate
from shared.settings import Settings
from tests.order import Together, longest_first

# Tests share the machine with servers: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Let files that share something go to one process."""
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


SERVERS = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def rabbit(pytestconfig: pytest.Config) -> Iterator[PrivateRabbit | ForeignRabbit]:
    """The RabbitMQ of this run, shared by all tests: never stop it. To kill one, start one with `private_rabbit`."""
    with running_rabbit() as server:
        pytestconfig.stash.setdefault(SERVERS, []).append(server.description)
        yield server


@pytest.fixture(scope="session")
def amqp_url(rabbit: PrivateRabbit | ForeignRabbit) -> str:
    """The address of the RabbitMQ server; name what you declare with `namespace`."""
    return rabbit.amqp_url


@pytest.fixture(scope="session")
def database_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of the PostgreSQL server, `postgresql://…`; make databases on it with `database`."""
    with running_postgres() as server:
        pytestconfig.stash.setdefault(SERVERS, []).append(server.description)
        yield server.database_url


@pytest.fixture
def namespace() -> str:
    """A random name for all that one test makes on a server that others use too."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture
async def database(database_url: str, namespace: str) -> AsyncIterator[DatabaseFactory]:
    """`await database("policy")` makes an empty database of this test and returns its `postgresql://` address."""
    async with own_databases(database_url, namespace) as factory:
        yield factory


@pytest.fixture(scope="session")
async def migrated_once(database_url: str) -> AsyncIterator[DatabaseFactory]:
    """Databases whose tables are as the migrations make them, one a service: only to be copied."""
    async with own_databases(database_url, f"m{secrets.token_hex(4)}") as factory:
        ready: set[str] = set()

        async def up_to_date(service: str) -> str:
            address = await factory(service)
            if service not in ready:
                namespace = urlsplit(address).path[1:].removesuffix(f"_{service}")
                where = Settings(_env_file=None, namespace=namespace, database_url=SecretStr(database_url))
                await migrate(service, where)
                ready.add(service)
            return address

        yield up_to_date


@pytest.fixture
async def migrated(database_url: str, namespace: str, migrated_once: DatabaseFactory) -> AsyncIterator[DatabaseFactory]:
    """Make, as `database` does, a database of this test, with all the service's tables in it."""
    async with own_databases(database_url, namespace, migrated_once) as factory:
        yield factory


@pytest.fixture(scope="session")
def pds(pytestconfig: pytest.Config) -> Iterator[PrivatePds]:
    """A real Bluesky PDS; the first run installs it, which takes minutes: its tests need a longer timeout."""
    with running_pds() as server:
        pytestconfig.stash.setdefault(SERVERS, []).append(server.description)
        yield server


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this one which servers were used."""
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["servers"] = session.config.stash.get(SERVERS, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it."""
    node.config.stash.setdefault(SERVERS, []).extend(getattr(node, "workeroutput", {}).get("servers", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which servers the tests ran on."""
    servers: list[str] = config.stash.get(SERVERS, [])
    for description in dict.fromkeys(servers):
        terminalreporter.write_line(f"ran on {description}")
