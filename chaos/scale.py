"""How fast a run's clocks go: deadlines as in production, or all of them shorter, their order kept."""

from collections.abc import Mapping
from dataclasses import dataclass

# What production has by default, in seconds (docs/settings.md); a lag of 30 is what most specs say.
DEADLINES = {
    "HTTP_SECONDS": 45.0,
    "TRUST_SECONDS": 60.0,
    "LEASE_SECONDS": 90.0,
    "RECONCILE_SECONDS": 120.0,
    "LAG_SECONDS": 30.0,
    "REWAKE_SECONDS": 60.0,
    "BREAKER_SECONDS": 30.0,
}
# Those that take whole seconds, with the least that their service takes.
WHOLE = {
    "ASK_AGAIN_SECONDS": (300, 5),
    "PREPARE_LEASE_SECONDS": (300, 10),
    "LOOKUP_LEASE_SECONDS": (60, 5),
    "COLLECT_LEASE_SECONDS": (300, 10),
}


@dataclass(frozen=True)
class Scale:
    """By how much a run's deadlines are divided."""

    factor: float = 20.0

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings of every process."""
        divided = {name: f"{seconds / self.factor:g}" for name, seconds in DEADLINES.items()}
        whole = {name: str(max(least, round(seconds / self.factor))) for name, (seconds, least) in WHOLE.items()}
        return divided | whole

    def seconds(self, in_production: float) -> float:
        """Return how long what takes so long in production takes here."""
        return in_production / self.factor

    @property
    def http(self) -> float:
        """HTTP_SECONDS here."""
        return self.seconds(DEADLINES["HTTP_SECONDS"])

    @property
    def lease(self) -> float:
        """LEASE_SECONDS here."""
        return self.seconds(DEADLINES["LEASE_SECONDS"])

    @property
    def name(self) -> str:
        """How the table calls it."""
        return "full scale" if self.factor == 1 else f"1:{self.factor:g}"
