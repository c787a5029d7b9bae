"""RabbitMQ unpacked from Debian's packages, without root, into `.local/rabbitmq/SUITE` of the checkout.

The tree runs with its own C library, so a newer suite's RabbitMQ works on an older release. It can be moved: its
scripts take their place from the variable `UNPACKED`, set by whoever starts them.
"""

import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

from deploy.local.apt import Apt, own_suite
from deploy.local.cache import CACHE, made_once
from deploy.local.guarded import ServerUnavailableError, run_logged

REMEDY = (
    "Install RabbitMQ 3.10 or newer (Debian and Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq) "
    "or name a server: AMQP_URL=amqp://user:password@host:5672/"
)
NEWEST = ("sid", "trixie")
UNPACKED = "UNPACKED"
# Of all that RabbitMQ depends on, what its Erlang needs to run; not the programs around it, such as adduser.
WANTED = re.compile(r"(erlang-.*|rabbitmq-server|lib(?!perl|python).*|zlib1g|openssl-provider-legacy)")

# Debian writes the place of Erlang into both of its `erl` scripts.
ERLANG_ROOT = re.compile(r"ROOTDIR=/usr/lib/erlang")
WRAPPER = """#!/bin/sh
exec "${{UNPACKED:?}}/{loader}" --library-path "{libraries}" --argv0 "$0" "$UNPACKED/{program}" "$@"
"""


def unpacked_rabbit(suite: str = "") -> Path:
    """Return the tree of a suite's RabbitMQ, unpacked if it was not; `newest` tries sid, then trixie.

    Raises ServerUnavailableError with a remedy if this machine has no apt-get and dpkg or no suite can be had.
    """
    suites = NEWEST if suite == "newest" else (suite or own_suite(),)
    if not suites[0] or shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise ServerUnavailableError(f"there is no RabbitMQ here, nor apt-get and dpkg to unpack one. {REMEDY}")
    failures = []
    for name in suites:
        try:
            return made_once(CACHE / "rabbitmq" / name, partial(_make, suite=name))
        except (ServerUnavailableError, OSError) as error:
            failures.append(f"RabbitMQ of Debian's {name} can't be unpacked: {error}")
    raise ServerUnavailableError("\n".join([*failures, REMEDY]))


def erlang_environment(tree: Path) -> dict[str, str]:
    """Return the variables that let a tree's Erlang run."""
    return {UNPACKED: str(tree), "PATH": f"{tree}/usr/lib/erlang/bin:{os.environ.get('PATH', os.defpath)}"}


def _make(root: Path, suite: str) -> None:
    print(f"unpacking RabbitMQ of {suite} into {CACHE / 'rabbitmq'} (once)", file=sys.stderr, flush=True)
    work = root / "apt"
    work.mkdir()
    apt = Apt(work, suite)
    apt.update()
    apt.unpack([name for name in apt.needed_by("rabbitmq-server") if WANTED.fullmatch(name)], root)
    for script in (root / "usr/lib/erlang").glob("**/bin/erl"):
        script.write_text(ERLANG_ROOT.sub(f'ROOTDIR="${{{UNPACKED}:?}}/usr/lib/erlang"', script.read_text()))
    _run_with_own_libraries(root)
    prove = ["erl", "-noinput", "-eval", "{ok, _} = application:ensure_all_started(ssl), halt(0)."]
    environment = {**erlang_environment(root), "HOME": str(work)}
    run_logged(
        [shutil.which("erl", path=environment["PATH"]) or "erl", *prove[1:]], work / "log", environment, work, REMEDY
    )
    shutil.rmtree(work)


def _run_with_own_libraries(root: Path) -> None:
    """Put a script before each Erlang program that runs it with the tree's own loader and C library."""
    loader = next(path for pattern in ("lib/*", "usr/lib/*") for path in root.glob(f"{pattern}/ld-linux-*.so.*"))
    folders = [
        folder for folder in (f"lib/{loader.parent.name}", f"usr/lib/{loader.parent.name}") if (root / folder).is_dir()
    ]
    libraries = ":".join(f"${{{UNPACKED}}}/{folder}" for folder in folders)
    for script in [path for path in (root / "usr/lib/erlang").rglob("*") if _is_program(path)]:
        program = script.rename(script.with_name(f"{script.name}.elf")).relative_to(root)
        script.write_text(WRAPPER.format(loader=loader.relative_to(root), libraries=libraries, program=program))
        script.chmod(0o755)


def _is_program(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.suffix == ".so" or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
