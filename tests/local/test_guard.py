"""Nothing outlives the process that asked for it, even if that is killed; half a download never counts."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.cache import CHECKOUT, made_once
from deploy.local.guarded import Guarded, ServerUnavailableError
from deploy.local.ports import answers

PARENT = """
import json, time
from urllib.parse import urlsplit
from deploy.local.{module} import {function}
with {function}() as server:
    print(json.dumps([urlsplit(server.{address}).port, str(server._guarded.folder)]), flush=True)
    time.sleep(600)
"""
LIMIT_SECONDS = 30.0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {LIMIT_SECONDS} s"
        time.sleep(0.05)


def descendants(pid: int) -> set[int]:
    """Every living process below one, at any depth."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, listed.splitlines())}
    found, fresh = set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def alive(pids: set[int]) -> bool:
    """Tell whether any is left; one that ended and only waits for its parent to look is not."""
    states = subprocess.run(
        ["ps", "-o", "stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True, check=False
    )
    return any(not state.startswith("Z") for state in states.stdout.split())


@pytest.mark.parametrize(
    ("module", "function", "address"),
    [("postgres", "private_postgres", "database_url"), ("rabbit", "private_rabbit", "amqp_url")],
)
def test_a_server_ends_when_its_parent_is_killed(module: str, function: str, address: str) -> None:
    script = PARENT.format(module=module, function=function, address=address)
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        try:
            port, folder = json.loads(parent.stdout.readline())
            started = descendants(parent.pid)
            assert answers(port)
            assert alive(started)
        finally:
            parent.kill()
    wait_for(lambda: not answers(port) and not Path(folder).exists() and not alive(started))


def test_a_server_that_ends_at_once_shows_its_last_words(tmp_path: Path) -> None:
    with Guarded("test", tmp_path) as guarded:
        guarded.start("talker", ["sh", "-c", "echo no such disk; exit 3"], dict(os.environ))
        with pytest.raises(ServerUnavailableError, match=r"exit code 3\nno such disk"):
            guarded.wait_until("talker", lambda: False, LIMIT_SECONDS)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with Guarded("test", tmp_path) as guarded, pytest.raises(ServerUnavailableError, match="no-such-program"):
        guarded.start("ghost", ["/no-such-program"], {})


def test_a_server_that_ignores_signals_is_killed_at_the_end(tmp_path: Path) -> None:
    with Guarded("test", tmp_path) as guarded:
        script = "trap '' TERM; touch ready; while :; do sleep 1; done"
        pid = guarded.start("deaf", ["sh", "-c", script], dict(os.environ), stop_signal=signal.SIGUSR2)
        guarded.wait_until("deaf", (guarded.folder / "ready").exists, LIMIT_SECONDS)
        with pytest.raises(ServerUnavailableError, match="did not end"):
            guarded.end("deaf", signal.SIGTERM, seconds=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def slowly(part: Path) -> None:
    (part.parent / f"made-by-{os.getpid()}").touch()
    time.sleep(0.3)
    (part / "whole").touch()


def make(folder: Path) -> None:
    assert (made_once(folder, slowly) / "whole").exists()


def test_two_processes_share_one_making(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    makers = [spawn.Process(target=make, args=(tmp_path / "tree",)) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert [maker.exitcode for maker in makers] == [0, 0]
    assert len(list(tmp_path.glob("made-by-*"))) == 1


def test_a_making_that_failed_is_made_again(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        (part / "half").touch()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        made_once(tmp_path / "tree", fail)
    tree = made_once(tmp_path / "tree", lambda part: (part / "whole").touch())
    assert [path.name for path in tree.iterdir()] == ["whole"]
