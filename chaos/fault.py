"""What a fault is: the ground it needs, what one round of it does, and what it must have come to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos.stage import Stage

KINDS = ("bluesky", "mastodon", "threads", "x", "linkedin")
"""Platforms of every kind: a repeat is harmless, or for an hour; a look-up proves an absence, or it proves nothing."""
TWO = ("bluesky", "mastodon")
CHANNELS = {name: f"wikipedia/{name}" for name in (*KINDS, "facebook", "instagram", "youtube", "tiktok")} | {
    "mastodon": "foundation/mastodon"
}


@dataclass(frozen=True)
class Ground:
    """What stands while a fault happens; faults with the same ground share it."""

    platforms: tuple[str, ...] = KINDS
    replicas: tuple[str, ...] = ("publisher-bluesky-2", "publisher-x-2", "publisher-scheduler-2")
    clustered: bool = False
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Measured:
    """A figure that has a limit."""

    what: str
    value: float
    limit: float
    unit: str = "s"
    least: bool = False
    """Whether the limit is the least that it may be, not the most."""

    @property
    def holds(self) -> bool:
        """Whether it is within its limit."""
        return self.value >= self.limit if self.least else self.value <= self.limit

    def __str__(self) -> str:
        """How it is told, with its limit."""
        sign = "≥" if self.least else "≤"
        return f"{self.what} {self.value:.3g} {self.unit} ({sign} {self.limit:.4g})".replace(" %", "%")


@dataclass(frozen=True)
class Done:
    """What one round did, and what it saw besides what the oracle judges."""

    repeats: int
    """Posts that were interrupted."""
    measured: Sequence[Measured] = ()
    wrong: Sequence[str] = ()
    notes: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Round:
    """One go: a mark that no other round's posts have, and chances that a seed decides."""

    number: int
    mark: str
    chance: Random
    short: bool = False
    posts: int = 20_000
    """How many the crowd asks for."""
    minutes: float = 10.0
    """How long it is killed."""


@dataclass(frozen=True)
class Fault:
    """One of the faults; `once` does a round of it and returns when all is settled."""

    name: str
    about: str
    once: Callable[[Stage, Round], Awaitable[Done]]
    repeats: int = 5
    """How many interrupted posts make a full run."""
    ground: Ground = Ground()
    broken: str = ""
    """Which deliberately broken process must make it fail (`broken.py`)."""
    short: bool = True
    """Whether it is in the short run."""
