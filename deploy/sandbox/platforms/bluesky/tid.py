"""Record keys that are timestamps (TID): 53 bits of microseconds, 10 bits of clock id, in sortable base 32."""

import re

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")


def is_tid(text: str) -> bool:
    """Say whether the text has the form of a TID."""
    return _FORM.fullmatch(text) is not None


class TidClock:
    """Gives TIDs that only grow."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float) -> str:
        """Return the next TID at `now` (epoch seconds)."""
        self._last = max(self._last + 1, int(now * 1_000_000))
        return tid(self._last)


def tid(micros: int, clock: int = 0) -> str:
    """Return the TID of a moment in microseconds."""
    number = micros << 10 | clock
    return "".join(ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))
