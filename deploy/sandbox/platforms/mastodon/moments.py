"""Moments and ids as Mastodon writes them."""

from datetime import UTC, datetime


def iso(time: float, *, digits: int = 3) -> str:
    """Return ISO 8601 in UTC with milliseconds, or microseconds with 6 digits."""
    moment = datetime.fromtimestamp(time, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds' if digits == 3 else 'microseconds')}Z"


class Snowflakes:
    """Ids that grow with time: milliseconds, then 16 bits of sequence."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float) -> str:
        """Return the next id at `now` (epoch seconds)."""
        self._last = max(self._last + 1, int(now * 1000) << 16)
        return str(self._last)
