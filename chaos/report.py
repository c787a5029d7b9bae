"""What was done is kept, a line a round, so that a run can go on where it was ended; and the table that follows."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.fault import Done, Measured
from chaos.oracle import Verdict

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table: written by `python -m chaos --write` -->", "<!-- end of table -->"
HEAD = "| fault | repeats | posts | lost | doubled | asked | longest gap | besides |\n|---|--:|--:|--:|--:|--:|--:|---|"
SHOWN = 10
"""Posts of a round that are named when something is wrong with them."""


@dataclass
class Line:
    """What one round came to."""

    fault: str
    about: str
    round: int
    repeats: int
    posts: int
    lost: list[str]
    doubled: list[str]
    asked: int
    gap: float
    measured: list[dict[str, Any]]
    wrong: list[str]
    notes: dict[str, Any] = field(default_factory=dict)
    at: str = ""
    version: str = ""
    servers: str = ""

    @classmethod
    def of(cls, fault: str, about: str, number: int, done: Done, verdict: Verdict) -> "Line":
        """Put what was done beside what the oracle says of it."""
        return cls(
            fault,
            about,
            number,
            done.repeats,
            verdict.posts,
            list(verdict.lost),
            list(verdict.doubled),
            len(verdict.asked),
            round(verdict.gap, 2),
            [asdict(one) for one in done.measured],
            [*done.wrong, *verdict.wrong, *(f"not held: {one}" for one in done.measured if not one.holds)],
            dict(done.notes),
            datetime.now(UTC).isoformat(timespec="seconds"),
            version(),
        )

    @classmethod
    def failed(cls, fault: str, about: str, number: int, reason: str) -> "Line":
        """Return the line of a round that did not come to its end."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(fault, about, number, 0, 0, [], [], 0, 0.0, [], [reason], {}, at, version())

    @property
    def holds(self) -> bool:
        """Whether everything was as promised."""
        return not (self.lost or self.doubled or self.wrong)

    def told(self) -> str:
        """Return what a person reads while it runs."""
        besides = "; ".join(str(Measured(**one)) for one in self.measured)
        text = f"{self.fault} round {self.round}: {self.repeats} repeats, {self.posts} posts, asked {self.asked}, "
        text += f"gap {self.gap:.1f} s; {besides} {self.notes or ''}"
        for what, found in (("LOST", self.lost), ("DOUBLED", self.doubled), ("WRONG", self.wrong)):
            text += "".join(f"\n  {what} {_plain(one)}" for one in found[:SHOWN])
        return text


class Book:
    """The lines of one run: its seed and its scale name the file."""

    def __init__(self, folder: Path, name: str, *, resume: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.jsonl"
        if not resume:
            self.path.unlink(missing_ok=True)
        self.lines = [Line(**json.loads(line)) for line in self._read()]

    def add(self, line: Line) -> None:
        """Write a round down."""
        self.lines.append(line)
        with self.path.open("a") as book:
            book.write(json.dumps(asdict(line)) + "\n")

    def of(self, fault: str) -> list[Line]:
        """Return the rounds of one fault so far."""
        return [line for line in self.lines if line.fault == fault]

    def _read(self) -> Iterable[str]:
        return self.path.read_text().splitlines() if self.path.exists() else ()


def table(lines: Sequence[Line]) -> str:
    """Return the summary, in Markdown: a row a fault."""
    faults = sorted(
        {line.fault for line in lines}, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0)
    )
    return "\n".join([HEAD, *(_row([line for line in lines if line.fault == fault]) for fault in faults)])


def _row(lines: Sequence[Line]) -> str:
    last = lines[-1]
    lost, doubled = sum(len(line.lost) for line in lines), sum(len(line.doubled) for line in lines)
    besides = [str(one) for one in worst([Measured(**one) for line in lines for one in line.measured])]
    if wrong := [reason for line in lines for reason in line.wrong]:
        besides.append(f"**not held in {sum(not line.holds for line in lines)} rounds: {_plain(wrong[0])}**")
    cells = (
        f"{last.fault} {last.about}",
        sum(line.repeats for line in lines),
        sum(line.posts for line in lines),
        lost,
        doubled,
        sum(line.asked for line in lines),
        f"{max(line.gap for line in lines):.1f} s",
        "; ".join(besides),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def worst(measured: Sequence[Measured]) -> list[Measured]:
    """Return of each figure the one that is nearest to its limit or beyond."""
    found: dict[str, Measured] = {}
    for one in measured:
        known = found.get(one.what)
        if known is None or (one.value < known.value if one.least else one.value > known.value):
            found[one.what] = one
    return list(found.values())


def _plain(text: str) -> str:
    return text.splitlines()[0].replace("|", "/")[:160]


def record(told: Mapping[str, str], lines: Sequence[Line]) -> None:
    """Put the table between the page's marks, with what tells where it comes from."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    where = "\n".join(f"- {what}: {value}" for what, value in told.items())
    PAGE.write_text(f"{before}{BEGIN}\n\n{where}\n\n{table(lines)}\n\n{END}{after}")


def each(values: Iterable[str]) -> str:
    """Return what there is, each once, in the order in which it came."""
    return "; ".join(dict.fromkeys(value for value in values if value))


def version() -> str:
    """Return which commit this is."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"
