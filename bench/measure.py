"""How figures are taken here: two ways to do one thing, in turn, round by round, and what the rounds allow to say.

Neighbours on the machine move absolute figures by half and more, so a target is a ratio between two that ran side by
side; and when the rounds' spread crosses the target, the target is "not shown", whatever the median says.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import uvloop

ROUNDS = 5


def cpu_seconds() -> float:
    """Return the CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Meter:
    """Wall and CPU time of what runs inside `with`; `units` says how many pieces of work that is."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.seconds = self.cpu = 0.0

    def __enter__(self) -> Self:
        self._cpu, self._began = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.seconds, self.cpu = time.perf_counter() - self._began, cpu_seconds() - self._cpu

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds

    @property
    def cpu_ms_per_1k(self) -> float:
        """Milliseconds of this process's CPU per thousand units."""
        return self.cpu * 1e6 / self.units


Measurement = Callable[[], Awaitable[Meter]]


async def interleave(ways: Sequence[Measurement], rounds: int) -> list[list[Meter]]:
    """Run every way once a round, first-comers changing, after one round that does not count; one list a way."""
    found: list[list[Meter]] = [[] for _ in ways]
    for number in range(-1, rounds):
        order = range(len(ways)) if number % 2 else reversed(range(len(ways)))
        for way in order:
            meter = await ways[way]()
            if number >= 0:
                found[way].append(meter)
    return found


@dataclass(frozen=True)
class Spread:
    """Some figures of the same thing."""

    figures: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.figures)

    def over(self, other: "Spread") -> "Spread":
        """Return these figures over others', round by round."""
        return Spread(tuple(one / another for one, another in zip(self.figures, other.figures, strict=True)))

    def text(self, digits: int) -> str:
        """Median [least–greatest]."""
        low, high = min(self.figures), max(self.figures)
        return f"{self.median:,.{digits}f} [{low:,.{digits}f}–{high:,.{digits}f}]"


@dataclass(frozen=True)
class Comparison:
    """Ours beside the baseline: rates, CPU, and the ratio of each round."""

    name: str
    ours: tuple[Meter, ...]
    baseline: tuple[Meter, ...]
    target: float

    @property
    def ratio(self) -> Spread:
        """Our rate over the baseline's, round by round."""
        return Spread(tuple(o.rate / b.rate for o, b in zip(self.ours, self.baseline, strict=True)))

    @property
    def verdict(self) -> str:
        """Met when every round reaches the target, not met when none does; else the rounds do not say."""
        ratios = self.ratio.figures
        if min(ratios) >= self.target:
            return "met"
        return "not met" if max(ratios) < self.target else "not shown"

    def lines(self) -> list[str]:
        """The table's rows."""
        rows = [
            f"  {who:<9} {Spread(tuple(m.rate for m in meters)).text(0):>26} /s"
            f"   {Spread(tuple(m.cpu_ms_per_1k for m in meters)).text(0):>20} CPU ms per 1k"
            for who, meters in (("ours", self.ours), ("baseline", self.baseline))
        ]
        cpu = Spread(tuple(o.cpu / b.cpu for o, b in zip(self.ours, self.baseline, strict=True)))
        ratios = f"  ratio     {self.ratio.text(2):>26} ×    {cpu.text(2):>20} × CPU"
        return [self.name, *rows, ratios, f"  target    ≥ {self.target:g} × the baseline's rate: {self.verdict}"]


async def compare(
    name: str, ours: Measurement, baseline: Measurement, target: float, rounds: int = ROUNDS
) -> Comparison:
    """Measure both in turn, print the table and return it."""
    found = await interleave((ours, baseline), rounds)
    comparison = Comparison(name, tuple(found[0]), tuple(found[1]), target)
    print("\n".join([*comparison.lines(), ""]), flush=True)
    return comparison


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a bench on uvloop, as the services do."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
