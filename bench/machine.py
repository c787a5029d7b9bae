"""What the machine spends: CPU time of everything that runs on it, and of each process that this run started."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
IDLE, IOWAIT, GUEST = 3, 4, 8
"""Fields of the first line of /proc/stat: not busy, and counted twice from there on (proc(5))."""

SERVERS = {"beam.smp": "RabbitMQ", "postgres": "PostgreSQL", "guard.py": "the servers' guard"}
"""What is in the command line of a server, and its name."""


def busy_seconds() -> float:
    """Return the CPU time that the whole machine has spent so far, neighbours included."""
    fields = [int(word) for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:GUEST]) - fields[IDLE] - fields[IOWAIT]) / TICKS


def spent_by_name() -> dict[str, float]:
    """Return the CPU seconds of this process and of all that descend from it, by what they run."""
    stats = dict(_stats())
    spent: dict[str, float] = {}
    for pid, (parent, seconds) in stats.items():
        if pid == os.getpid():
            name = "this bench"
        elif _descends(parent, stats):
            name = _name(pid)
        else:
            continue
        spent[name] = spent.get(name, 0) + seconds
    return spent


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was spent in between, the most first."""
    spent = {name: seconds - before.get(name, 0) for name, seconds in after.items()}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def _stats() -> Iterator[tuple[int, tuple[int, float]]]:
    """Yield every process with its parent and its CPU seconds, its dead children's included."""
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        yield int(entry.name), (int(words[1]), sum(map(int, words[11:15])) / TICKS)


def _descends(pid: int, stats: Mapping[int, tuple[int, float]]) -> bool:
    while pid in stats:
        if pid == os.getpid():
            return True
        pid = stats[pid][0]
    return False


def _name(pid: int) -> str:
    """Return what a process runs, as a reader would call it."""
    try:
        words = (PROC / str(pid) / "cmdline").read_text().split("\0")
    except OSError:
        return "ended"
    if "-m" in words:
        return " ".join(word for word in words[words.index("-m") + 1 :] if word.replace(".", "").isalpha())
    line = " ".join(words)
    return next((name for sign, name in SERVERS.items() if sign in line), Path(words[0]).name)
