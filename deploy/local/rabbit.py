"""A RabbitMQ for tests, the demo and the bench: the one that AMQP_URL names, or a private node on 127.0.0.1.

A private node comes from an installed RabbitMQ, or from Debian's packages unpacked into the checkout (`unpack.py`). It
has random ports, its own epmd, password and data folder, and ends with the process that asked for it.

By hand: `python -m deploy.local.rabbit start | stop | run`. RABBITMQ_SUITE chooses whose packages are unpacked,
whatever else there is: `newest` (Debian sid, else trixie), or the code name of a release.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.command import serve
from deploy.local.foreign import check_reachable
from deploy.local.guarded import Guarded, ServerUnavailableError
from deploy.local.rabbit_node import Installation, PrivateRabbit
from deploy.local.unpack import REMEDY, erlang_environment, unpacked_rabbit

OLDEST = (3, 10)
STARTS = 3
INSTALLED = "/usr/lib/rabbitmq/bin/rabbitmq-server"


@dataclass(frozen=True)
class ForeignRabbit:
    """The RabbitMQ that AMQP_URL names: used, never stopped. `management_url` is AMQP_MANAGEMENT_URL, or empty."""

    amqp_url: str
    management_url: str
    description: str = "RabbitMQ named by AMQP_URL"


@contextmanager
def running_rabbit() -> Iterator[PrivateRabbit | ForeignRabbit]:
    """Give a running RabbitMQ: `amqp_url`, `management_url`, `description`.

    Raises ServerUnavailableError, which says what to install, if there is none and none can be had.
    """
    amqp_url = os.environ.get("AMQP_URL", "")
    if amqp_url and not os.environ.get("RABBITMQ_SUITE"):
        check_reachable("AMQP_URL", amqp_url, {"amqp": 5672, "amqps": 5671})
        yield ForeignRabbit(amqp_url, os.environ.get("AMQP_MANAGEMENT_URL", ""))
    else:
        with private_rabbit() as node:
            yield node


@contextmanager
def private_rabbit(suite: str = "") -> Iterator[PrivateRabbit]:
    """Give a running node of one's own, which may be killed and started again; AMQP_URL does not count here."""
    installation = installation_of(suite or os.environ.get("RABBITMQ_SUITE", ""))
    for attempt in range(1, STARTS + 1):
        with Guarded("rabbitmq", Path(tempfile.gettempdir())) as guarded:
            try:
                node = PrivateRabbit(guarded, installation)
            except ServerUnavailableError as error:
                if "eaddrinuse" in str(error) and attempt < STARTS:  # another process was given the port in between
                    continue
                raise
            yield node
            return


def installation_of(suite: str) -> Installation:
    """Return what is installed, if it is new enough and no suite is asked for; else what can be unpacked."""
    for script in [] if suite else [INSTALLED, shutil.which("rabbitmq-server")]:
        if script and Path(script).exists():
            found = Installation(Path(script).resolve().parent.parent, {}, "installed")
            if found.release >= OLDEST:
                return found
    tree = unpacked_rabbit(suite)
    homes = sorted((tree / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    unpacked = Installation(homes[-1], erlang_environment(tree), f"unpacked from {tree.name}")
    if unpacked.release < OLDEST:
        raise ServerUnavailableError(f"RabbitMQ {unpacked.version} of {tree.name} is too old. {REMEDY}")
    return unpacked


@contextmanager
def _variables() -> Iterator[dict[str, str]]:
    with private_rabbit() as node:
        print(node.description, file=sys.stderr)
        yield {"AMQP_URL": node.amqp_url, "AMQP_MANAGEMENT_URL": node.management_url}


if __name__ == "__main__":
    serve("rabbit", __doc__, _variables)
