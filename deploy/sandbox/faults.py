"""Faults on request: the ways in which a platform can fail, armed for a number of calls."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

Kind = Literal[
    "accept_then_stall",
    "accept_then_500",
    "accept_then_reset",
    "refuse_500",
    "rate_limit",
    "expired_token",
    "slow_processing",
    "failed_processing",
]
KINDS: tuple[str, ...] = get_args(Kind)
AFTER_THE_ACT = frozenset({"accept_then_stall", "accept_then_500", "accept_then_reset"})
BEFORE_THE_ACT = frozenset({"refuse_500", "rate_limit", "expired_token"})


@dataclass(slots=True)
class Fault:
    """One armed fault.

    `method` and `path` (a shell pattern over what follows the platform's prefix) choose the calls; without both, an
    accept_then fault waits for a call that makes a post public, and any other fault takes the next call.
    """

    id: int
    platform: str
    kind: Kind
    left: int
    seconds: float
    method: str | None = None
    path: str | None = None
    used: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "platform": self.platform,
            "kind": self.kind,
            "match": {"method": self.method, "path": self.path},
            "left": self.left,
            "used": self.used,
            "seconds": self.seconds,
        }

    def fits(self, platform: str, method: str, path: str) -> bool:
        """Say whether this fault is for that call."""
        return (
            self.left > 0
            and self.platform == platform
            and self.method in (None, method)
            and (self.path is None or fnmatchcase(path, self.path))
        )

    @property
    def unaimed(self) -> bool:
        """Whether no call was named."""
        return self.method is None and self.path is None


class Faults:
    """The armed faults, in the order in which they were armed; a spent one is kept to be seen."""

    def __init__(self) -> None:
        self.all: list[Fault] = []
        self._next = 1
        self._live = 0

    def arm(
        self,
        platform: str,
        kind: Kind,
        *,
        times: int,
        seconds: float,
        method: str | None = None,
        path: str | None = None,
    ) -> Fault:
        """Arm a fault for the next `times` calls that fit."""
        fault = Fault(self._next, platform, kind, times, seconds, method, path)
        self._next += 1
        self._live += 1
        self.all.append(fault)
        return fault

    def before(self, platform: str, method: str, path: str) -> Fault | None:
        """Use up, and return, the fault that keeps this call from being done."""
        return self._take(BEFORE_THE_ACT, platform, method, path) if self._live else None

    def after(self, platform: str, method: str, path: str, *, published: bool) -> Fault | None:
        """Use up, and return, the fault that spoils the answer of this call, which was done."""
        return self._take(AFTER_THE_ACT, platform, method, path, published=published) if self._live else None

    def slowness(self, platform: str, method: str, path: str) -> float:
        """Use up a slow_processing fault; return its seconds, 0 without one."""
        if not self._live:
            return 0.0
        fault = self._take(frozenset({"slow_processing"}), platform, method, path)
        return fault.seconds if fault else 0.0

    def fails(self, platform: str, method: str, path: str) -> bool:
        """Use up a failed_processing fault; say whether there was one."""
        return bool(self._live and self._take(frozenset({"failed_processing"}), platform, method, path))

    def forget(self) -> None:
        """Disarm everything."""
        self.all = []
        self._live = 0

    def _take(
        self, kinds: frozenset[str], platform: str, method: str, path: str, *, published: bool = True
    ) -> Fault | None:
        for fault in self.all:
            if fault.kind in kinds and fault.fits(platform, method, path) and (published or not fault.unaimed):
                fault.left -= 1
                fault.used += 1
                self._live -= fault.left == 0
                return fault
        return None
