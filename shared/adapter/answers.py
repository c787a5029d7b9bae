"""What a platform's refusal means: its status, its code, and how long it says to wait."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain

LONGEST_WAIT = 86_400.0
"""Seconds; a header that says more is taken for an error of its sender."""
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_SECRET = re.compile(r"[A-Za-z0-9_\-+/=.]{32,}|(?<=earer )\S+")
_AGAIN = frozenset({408, 425, 429})


def meaning(
    status: int, code: str | None, table: Mapping[tuple[int, str | None], type[PlatformError]], mutates: bool
) -> type[PlatformError]:
    """Return what an unexpected status means: as the spec's table says, else by the manners of HTTP.

    A server's error after a call that makes something public leaves open whether it did.
    """
    if named := table.get((status, code)) or table.get((status, None)):
        return named
    if status in _AGAIN:
        return TryLater
    if status in {401, 403}:
        return Unauthorized
    if 300 <= status < 500:
        return Rejected
    return Uncertain if mutates else TryLater


def code_of(told: Any) -> str | None:
    """Return the platform's own error code: `error`, `error.code` or `code`, wherever it keeps one."""
    if not isinstance(told, dict):
        return None
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else error if error is not None else told.get("code")
    return str(code) if isinstance(code, str | int) else None


def clipped(told: Any) -> str:
    """Return the short error text of an answer, without anything that looks like a token."""
    if not isinstance(told, dict):
        return ""
    error = told.get("error")
    inner = error if isinstance(error, dict) else told
    parts = [inner.get("code"), error, inner.get("message"), inner.get("info")]
    text = ": ".join(str(part) for part in parts if isinstance(part, str | int) and part != "")
    return _SECRET.sub("…", " ".join(text.split()))[:200]


def wait_told(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a 429 or 503 says to wait: Retry-After, else when the platform's bucket fills again."""
    for name in ("retry-after", *_RESETS):
        if (value := headers.get(name)) and (wait := _seconds(value.strip())) is not None:
            return min(max(wait, 0.0), LONGEST_WAIT)
    return None


def _seconds(value: str) -> float | None:
    """Read seconds from now, seconds since 1970, an HTTP date, or an ISO 8601 time."""
    now = datetime.now(UTC)
    if re.fullmatch(r"\d{1,15}(\.\d+)?", value):
        number = float(value)
        return number - now.timestamp() if number > 1e9 else number
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value)
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return None
