"""Rate limits: how much a platform lets one key do within a window."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Quota:
    """`limit` points within `seconds`; an aligned window starts on the clock, another one with its first use."""

    limit: int
    seconds: int
    aligned: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a key stands in a window; `reset` in epoch seconds."""

    limit: int
    remaining: int
    reset: float
    seconds: int

    @property
    def share_left(self) -> float:
        """The part of the limit that is left, 0 to 1."""
        return self.remaining / self.limit if self.limit else 0.0


class ExhaustedError(Exception):
    """A quota is used up."""

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"{standing.limit} per {standing.seconds} s used up")
        self.standing = standing


class UnknownQuotaError(ValueError):
    """No such quota."""


@dataclass(slots=True)
class _Window:
    reset: float
    used: int = 0


ENDLESS = 1_000_000


class Quotas:
    """The limits now in force, and what is used of them; a platform that is open has none."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._real: dict[str, dict[str, Quota]] = {}
        self._rules: dict[str, dict[str, Quota]] = {}
        self._windows: dict[tuple[str, str, str], _Window] = {}

    def declare(self, platform: str, quotas: Mapping[str, Quota], *, unlimited: bool) -> None:
        """Make a platform's limits known; `unlimited` leaves them unenforced until `set` is called."""
        self._real[platform] = dict(quotas)
        self._rules[platform] = {} if unlimited else dict(quotas)

    def take(self, platform: str, bucket: str, key: str, points: int = 1) -> Standing | None:
        """Use `points`; return where the key stands then, None without a limit; raises ExhaustedError."""
        rule = self._rules[platform].get(bucket)
        if rule is None:
            return None
        window = self._window(platform, bucket, key, rule)
        if window.used + points > rule.limit:
            raise ExhaustedError(Standing(rule.limit, 0, window.reset, rule.seconds))
        window.used += points
        return Standing(rule.limit, rule.limit - window.used, window.reset, rule.seconds)

    def give_back(self, platform: str, bucket: str, key: str) -> Standing | None:
        """Undo one point of a call that came to nothing; return where the key stands then."""
        if window := self._windows.get((platform, bucket, key)):
            window.used = max(0, window.used - 1)
        return self.take(platform, bucket, key, 0)

    def pretend_exhausted(self, platform: str, seconds: float) -> Standing:
        """Return the standing of an imagined limit that is used up for `seconds`."""
        limit = max((rule.limit for rule in self._real[platform].values()), default=1)
        return Standing(limit, 0, self._now() + seconds, math.ceil(seconds))

    def set(self, platform: str, wanted: str | Mapping[str, int | None]) -> None:
        """Put `open`, `real` or single limits (None: unlimited) in force; raises UnknownQuotaError."""
        if platform not in self._real:
            raise UnknownQuotaError(f"no platform {platform!r}; there are {', '.join(self._real)}")
        real = self._real[platform]
        if isinstance(wanted, str):
            if wanted not in ("open", "real"):
                raise UnknownQuotaError(f"{platform}: say 'open', 'real', or limits by name, not {wanted!r}")
            self._rules[platform] = {} if wanted == "open" else dict(real)
            return
        if unknown := set(wanted) - set(real):
            raise UnknownQuotaError(f"{platform} has no quota {', '.join(sorted(unknown))}; it has {', '.join(real)}")
        for name, limit in wanted.items():
            if limit is None:
                self._rules[platform].pop(name, None)
            else:
                self._rules[platform][name] = replace(real[name], limit=limit)

    def told(self, platform: str) -> dict[str, Quota]:
        """Return what a platform says of its limits: those in force; where there is none, one that nobody reaches."""
        endless = {name: replace(rule, limit=ENDLESS) for name, rule in self._real[platform].items()}
        return endless | self._rules[platform]

    def advertised(self) -> dict[str, dict[str, dict[str, int | None]]]:
        """Return every platform's limits in force, by name; a limit of None means unlimited."""
        return {
            platform: {
                name: {"limit": rule.limit if (rule := self._rules[platform].get(name)) else None, "seconds": q.seconds}
                for name, q in quotas.items()
            }
            for platform, quotas in self._real.items()
        }

    def forget(self) -> None:
        """Start every window anew."""
        self._windows.clear()

    def _window(self, platform: str, bucket: str, key: str, rule: Quota) -> _Window:
        now = self._now()
        window = self._windows.get((platform, bucket, key))
        if window is None or window.reset <= now:
            reset = now - now % rule.seconds + rule.seconds if rule.aligned else now + rule.seconds
            window = self._windows[platform, bucket, key] = _Window(reset)
        return window
