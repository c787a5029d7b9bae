"""Public addresses of media, for platforms that fetch them: each ends after some hours, and none can be guessed."""

import hashlib
import hmac
import time

from shared.settings import Settings

PATH = "/media"
SHORTEST_KEY = 32
ROUNDED = 3_600
"""Addresses end on the hour, so that a call made again offers the same address."""


class WrongAddressError(Exception):
    """The address was not made here, or its time is over."""


class Addresses:
    """Makes and checks addresses with one key."""

    def __init__(self, base_url: str, key: bytes, hours: int) -> None:
        """Take the public address of ingest's `media` process, a secret of 32 bytes or more, and a span of hours."""
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"give MEDIA_KEY at least {SHORTEST_KEY} characters")
        self._base = base_url.rstrip("/")
        self._key = key
        self._seconds = hours * 3_600

    @classmethod
    def of(cls, settings: Settings) -> "Addresses | None":
        """Return what the settings say, None where they say nothing of it; raises ValueError for a key too short."""
        if not settings.media_public_url or not settings.media_key:
            return None
        return cls(settings.media_public_url, settings.media_key.get_secret_value().encode(), settings.media_hours)

    def address(self, sha256: str) -> str:
        """Return where a medium can be fetched from now on, for `media_hours` at the least."""
        until = (int(time.time()) + self._seconds) // ROUNDED * ROUNDED + ROUNDED
        return f"{self._base}{PATH}/{sha256}?until={until}&signature={self._signature(sha256, until)}"

    def check(self, sha256: str, until: str, signature: str) -> None:
        """Raise WrongAddressError unless the address was made with this key and has not ended."""
        if not until.isascii() or not until.isdigit() or len(until) > 12:
            raise WrongAddressError("'until' is no time")
        if not hmac.compare_digest(self._signature(sha256, int(until)).encode(), signature.encode()):
            raise WrongAddressError("the signature is not ours")
        if int(until) < time.time():
            raise WrongAddressError("the address has ended")

    def _signature(self, sha256: str, until: int) -> str:
        return hmac.new(self._key, f"{sha256} {until}".encode(), hashlib.sha256).hexdigest()
