"""The same three commands for every local server: run it here, start it in the background, stop it."""

import argparse
import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.local.cache import CACHE, CHECKOUT
from deploy.local.guarded import POLL_SECONDS, ServerUnavailableError

RUNNING = CACHE / "running"
STOP_SECONDS = 60.0

Server = Callable[[], AbstractContextManager[Mapping[str, str]]]


def serve(name: str, story: str | None, server: Server) -> None:
    """Carry out the command line of one server; `server` gives the variables that a shell needs to find it."""
    parser = argparse.ArgumentParser(
        prog=f"python -m deploy.local.{name}", description=story, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = {
        "start": "start it in the background and print its variables, for eval",
        "stop": "stop the one in the background",
        "run": "run it until Ctrl-C",
    }
    for command, meaning in commands.items():
        parser.epilog = f"{parser.epilog or ''}{command:6} {meaning}\n"
    parser.add_argument("command", choices=list(commands))
    command = parser.parse_args().command
    try:
        {"start": lambda: _start(name), "stop": lambda: _stop(name), "run": lambda: _run(name, server)}[command]()
    except ServerUnavailableError as error:
        sys.exit(f"{name}: {error}")


def _run(name: str, server: Server) -> None:
    signal.signal(signal.SIGTERM, _leave)
    RUNNING.mkdir(parents=True, exist_ok=True)
    state = RUNNING / f"{name}.json"
    with state.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerUnavailableError(f"one runs already: python -m deploy.local.{name} stop") from None
        state.unlink(missing_ok=True)
        try:
            with server() as variables:
                _remember(state, variables)
                signal.pause()
        except KeyboardInterrupt:
            pass
        finally:
            state.unlink(missing_ok=True)


def _start(name: str) -> None:
    state, log = RUNNING / f"{name}.json", RUNNING / f"{name}.log"
    RUNNING.mkdir(parents=True, exist_ok=True)
    process = None if _is_running(name) else _spawn(name, state, log)
    while not state.exists():
        if process is not None and process.poll() is not None:
            raise ServerUnavailableError(f"it did not start\n{log.read_text(errors='replace')}")
        if process is None and not _is_running(name):
            raise ServerUnavailableError("another start was under way, and failed; try again")
        time.sleep(POLL_SECONDS)
    for key, value in json.loads(state.read_text())["variables"].items():
        print(f"export {key}={shlex.quote(value)}")


def _spawn(name: str, state: Path, log: Path) -> subprocess.Popen[bytes]:
    state.unlink(missing_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", f"deploy.local.{name}", "run"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _stop(name: str) -> None:
    state = RUNNING / f"{name}.json"
    if not _is_running(name) or not state.exists():
        print(f"{name}: none runs in the background", file=sys.stderr)
        return
    os.kill(json.loads(state.read_text())["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _is_running(name):
        if time.monotonic() > deadline:
            raise ServerUnavailableError(f"it did not stop within {STOP_SECONDS} s")
        time.sleep(POLL_SECONDS)


def _remember(state: Path, variables: Mapping[str, str]) -> None:
    """Write the state whole or not at all, readable to its owner alone: the addresses hold passwords."""
    part = state.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps({"pid": os.getpid(), "variables": dict(variables)}))
    part.replace(state)


def _is_running(name: str) -> bool:
    """Tell whether a process holds the server's lock; the system drops the lock of one that died."""
    lock = RUNNING / f"{name}.lock"
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)
