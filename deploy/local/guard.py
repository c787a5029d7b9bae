"""Starts servers for a parent process, and ends them when that parent ends, however it ends.

Run as a script: `guard.py PREFIX PARENT_FOLDER`. It makes one temporary folder, prints its path as JSON, then answers
one JSON line for every JSON line it reads. When its input closes (the parent stopped, crashed or was killed) it ends
what it started, last first, and removes the folder. It lives in a session of its own, so Ctrl-C in a terminal reaches
only the parent. It imports the standard library alone. The parent's side is `guarded.Guarded`.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE_SECONDS = 20.0


@dataclass
class Child:
    """One server: its process and the signal that ends it."""

    process: subprocess.Popen[bytes]
    stop_signal: int

    def end(self) -> None:
        """Send the stop signal, wait, then kill whatever is left of the process group."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Guard:
    """The servers of one parent, by name."""

    def __init__(self) -> None:
        self.children: dict[str, Child] = {}

    def start(self, name: str, argv: list[str], env: dict[str, str], cwd: str, log: str, **options: int | None) -> int:
        """Start a server as another user if `uid` and `gid` say so; return its process id."""
        uid, gid, stop_signal = options.get("uid"), options.get("gid"), options.get("stop_signal")
        with open(log, "ab") as output:
            process = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                start_new_session=True,
            )
        self.children.pop(name, None)
        self.children[name] = Child(process, stop_signal or signal.SIGTERM)
        return process.pid

    def poll(self, name: str) -> int | None:
        """Return the exit code of a server, or None while it runs."""
        return self.children[name].process.poll()

    def send(self, name: str, number: int, seconds: float) -> int | None:
        """Send a signal and wait for the end; return the exit code, or None if it still runs after that time."""
        process = self.children[name].process
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.poll()

    def end(self) -> None:
        """End every server, the last started first."""
        for child in reversed(self.children.values()):
            child.end()


def serve(guard: Guard) -> None:
    """Answer requests until the input closes."""
    acts: dict[str, Callable[..., Any]] = {"start": guard.start, "poll": guard.poll, "send": guard.send}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": acts[request.pop("do")](**request)}
        except OSError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


def main(prefix: str, parent: str) -> None:
    """Guard until the input closes, then leave nothing behind."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    guard = Guard()
    try:
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"result": str(folder)}), flush=True)
            serve(guard)
    finally:
        guard.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
