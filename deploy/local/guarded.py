"""Servers that never outlive this process: the parent's side of `guard.py`."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Any, Self

GUARD = Path(__file__).with_name("guard.py")
TAIL_LINES = 30
POLL_SECONDS = 0.05


class ServerUnavailableError(RuntimeError):
    """A server could not be found, installed or started; the message says why and what to do."""


class Guarded:
    """A temporary folder and the servers that run in it; both end with the `with` block or with this process."""

    def __init__(self, purpose: str, parent: Path) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(GUARD), f"carillon-{purpose}-", str(parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            text=True,
            start_new_session=True,
        )
        self.folder = Path(str(self._answer()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every server and remove the folder; calling it twice is harmless."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        user: tuple[int, int] | None = None,
        stop_signal: int = SIGTERM,
        cwd: Path | None = None,
    ) -> int:
        """Start a server in the folder (or in `cwd`), its output in NAME.log; return its process id.

        `user` is (uid, gid) of another user, for which this process must be root. `stop_signal` ends it in `close`.
        """
        uid, gid = user or (None, None)
        request = {
            "argv": [str(word) for word in argv],
            "env": dict(env),
            "cwd": str(cwd or self.folder),
            "log": self._log(name),
        }
        return int(self._ask("start", name=name, **request, uid=uid, gid=gid, stop_signal=stop_signal))

    def end(self, name: str, number: int = SIGTERM, seconds: float = 60.0) -> None:
        """End one server with a signal and wait for it; a server that ignores the signal is an error."""
        if (
            self._ask("poll", name=name) is None
            and self._ask("send", name=name, number=number, seconds=seconds) is None
        ):
            raise ServerUnavailableError(f"{name} did not end within {seconds} s of signal {number}\n{self.tail(name)}")

    def exit_code(self, name: str) -> int | None:
        """Return the exit code of a server, None while it runs."""
        code: int | None = self._ask("poll", name=name)
        return code

    def wait_for_success(self, name: str, seconds: float) -> None:
        """Wait until a command has ended; an exit code other than 0 is an error that shows the end of its log."""
        deadline = time.monotonic() + seconds
        while (code := self._ask("poll", name=name)) is None:
            if time.monotonic() > deadline:
                raise ServerUnavailableError(f"{name} had not ended after {seconds} s\n{self.tail(name)}")
            time.sleep(POLL_SECONDS)
        if code != 0:
            raise ServerUnavailableError(f"{name} failed, exit code {code}\n{self.tail(name)}")

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`; if the server ends or the time does, raise with the end of its log."""
        deadline = time.monotonic() + seconds
        while not ready():
            if (code := self._ask("poll", name=name)) is not None:
                raise ServerUnavailableError(f"{name} ended while starting, exit code {code}\n{self.tail(name)}")
            if time.monotonic() > deadline:
                raise ServerUnavailableError(f"{name} was not ready after {seconds} s\n{self.tail(name)}")
            time.sleep(POLL_SECONDS)

    def wait_for(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()` of something that another guard started; raise when the time ends."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise ServerUnavailableError(f"what another process was to start was not there after {seconds} s")
            time.sleep(POLL_SECONDS)

    def tail(self, name: str) -> str:
        """Return the last lines of a server's log."""
        log = Path(self._log(name))
        if not log.exists():
            return "(no output)"
        return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])

    def _log(self, name: str) -> str:
        return str(self.folder / f"{name}.log")

    def _ask(self, do: str, **request: object) -> Any:
        with self._lock:
            if self._process.stdin is None or self._process.stdin.closed:
                raise ServerUnavailableError("these servers have been stopped already")
            self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise ServerUnavailableError(f"the process that guards the servers ended, exit code {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ServerUnavailableError(answer["error"])
        return answer["result"]


def run_logged(argv: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path, remedy: str) -> None:
    """Run a command to its end, its output in a log file; on failure raise with the end of the log and the remedy."""
    with log.open("ab") as output:
        try:
            code = subprocess.run(
                [str(word) for word in argv],
                check=False,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            ).returncode
        except OSError as error:
            raise ServerUnavailableError(f"{argv[0]} can't be run: {error}. {remedy}") from error
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
        raise ServerUnavailableError(f"{argv[0]} failed, exit code {code}. {remedy}\n{tail}")
