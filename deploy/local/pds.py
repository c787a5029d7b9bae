"""A real Bluesky PDS with an in-memory PLC directory, on 127.0.0.1, for contract tests.

The first start installs it into `.local/pds` of the checkout (about two minutes: it compiles SQLite), from the versions
pinned in `atproto/package.json`, with a Node of its own from npm. Every start has fresh data and random ports, and ends
with the process that asked for it.

By hand: `python -m deploy.local.pds start | stop | run`.
"""

import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

import httpx

from deploy.local.command import serve
from deploy.local.guarded import Guarded
from deploy.local.pds_install import node_environment, pds_installation
from deploy.local.ports import LOOPBACK, free_ports

READY_SECONDS = 90.0
NAME = "pds"


@dataclass(frozen=True)
class Account:
    """One account of the PDS: `handle` and `password` open a session, `did` names its repository."""

    handle: str
    password: str
    did: str


class PrivatePds:
    """A PDS of this process's own; `url` is its address, `plc_url` that of its directory of DIDs."""

    def __init__(self, guarded: Guarded, installation: Path, *, rate_limits: bool) -> None:
        self._guarded = guarded
        port, plc_port = free_ports(2)
        self.url, self.plc_url = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{plc_port}"
        self.description = "Bluesky PDS, installed from npm"
        data = guarded.folder / "data"
        data.mkdir()
        variables = {"PORT": str(port), "PLC_PORT": str(plc_port), "DATA": str(data), "HOME": str(guarded.folder)}
        environment = {**node_environment(installation), **variables, "LOG_ENABLED": "true"}
        environment["PDS_RATE_LIMITS"] = str(int(rate_limits))
        guarded.start(
            NAME, [installation / "node/bin/node", "serve.mjs"], environment, stop_signal=SIGKILL, cwd=installation
        )
        guarded.wait_until(NAME, self._is_ready, READY_SECONDS)

    def create_account(self, name: str) -> Account:
        """Create the account `NAME.test` with a random password; `name` has 3 to 18 letters, digits or hyphens."""
        handle, password = f"{name}.test", secrets.token_urlsafe(16)
        body = {"handle": handle, "email": f"{name}@example.test", "password": password}
        created = httpx.post(
            f"{self.url}/xrpc/com.atproto.server.createAccount", json=body, trust_env=False, timeout=30
        )
        if created.status_code != httpx.codes.OK:
            raise ValueError(f"the PDS refuses the account {handle}: {created.status_code} {created.text}")
        return Account(handle, password, created.json()["did"])

    def log(self) -> str:
        """Return the last lines of the server's log."""
        return self._guarded.tail(NAME)

    def _is_ready(self) -> bool:
        try:
            description = f"{self.url}/xrpc/com.atproto.server.describeServer"
            return httpx.get(description, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


@contextmanager
def running_pds(*, rate_limits: bool = False) -> Iterator[PrivatePds]:
    """Give a running PDS, installed first if need be; `rate_limits` turns on the limits of the real network.

    Raises ServerUnavailableError, which says what to install, if npm or a compiler is missing.
    """
    installation = pds_installation()
    with Guarded(NAME, Path(tempfile.gettempdir())) as guarded:
        yield PrivatePds(guarded, installation, rate_limits=rate_limits)


@contextmanager
def _variables() -> Iterator[dict[str, str]]:
    with running_pds() as pds:
        print(pds.description, file=sys.stderr)
        account = pds.create_account("carillon")
        yield {"PDS_URL": pds.url, "PDS_HANDLE": account.handle, "PDS_PASSWORD": account.password}


if __name__ == "__main__":
    serve(NAME, __doc__, _variables)
