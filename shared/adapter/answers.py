"""What a platform's refusal means: its status, its code, and how long it says to wait."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from json import loads
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from shared.adapter.errors import Limited, PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.spec import Midnight

LONGEST_WAIT = 86_400.0
"""Seconds; a header that says more is taken for an error of its sender."""
LIMITED = 60.0
"""Seconds: whoever is told to wait for so long, or longer, has used up a quota."""
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_BUCKETS = (
    ("x-app-limit-24hour", True),  # X; the names are those that node-twitter-api-v2 reads, for no page has them
    ("x-user-limit-24hour", False),
    ("x-rate-limit", False),
    ("x-ratelimit", False),
    ("ratelimit", False),
)
"""What headers of quotas begin with, and whether these are the app's, for all its accounts."""
_SECRET = re.compile(r"[A-Za-z0-9_\-+/=.]{32,}|(?<=earer )\S+")
TOO_MANY = 429
_AGAIN = frozenset({408, 425, TOO_MANY})


class Service(Protocol):
    """Whom a client calls: a platform's spec, or anything else with a name and a table of errors."""

    @property
    def name(self) -> str:
        """The name, for metrics and errors."""

    @property
    def errors(self) -> Mapping[tuple[int | None, str | None], type[PlatformError]]:
        """What its refusals mean, by status and code; None stands for any."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Where its answers keep the code."""

    @property
    def waits(self) -> Mapping[str, timedelta | Midnight]:
        """How long to wait, by code."""

    @property
    def of_app(self) -> frozenset[str]:
        """The codes of waits that are for all accounts of the app."""


def meaning(
    status: int,
    codes: Sequence[str],
    table: Mapping[tuple[int | None, str | None], type[PlatformError]],
    mutates: bool,
) -> type[PlatformError]:
    """Return what an unexpected status means: as the spec's table says, else by the manners of HTTP.

    A server's error after a call that makes something public leaves open whether it did.
    """
    for code in codes:
        if named := table.get((status, code)) or table.get((None, code)):
            return named
    if named := table.get((status, None)):
        return named
    if status in _AGAIN:
        return TryLater
    if status in {401, 403}:
        return Unauthorized
    if 200 <= status < 500:
        return Rejected
    return Uncertain if mutates else TryLater


def codes_of(told: Any, paths: Sequence[str]) -> list[str]:
    """Return the platform's own codes of an error, read at each of `Spec.codes`, the most exact first.

    A problem's type that is an address (RFC 9457) is known by its last word: X moved its own from one host to another.
    """
    found = []
    for path in paths:
        parts = [_last_word(_at(told, part)) for part in path.split("/")]
        if all(isinstance(part, str | int) for part in parts):
            found.append("/".join(map(str, parts)))
    return found


def _at(told: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(told, list) and step.isdigit() and int(step) < len(told):
            told = told[int(step)]
        elif isinstance(told, dict):
            told = told.get(step)
        else:
            return None
    return told


def _last_word(code: Any) -> Any:
    return code.rpartition("/")[2] if isinstance(code, str) and code.startswith("https://") else code


def clipped(told: Any) -> str:
    """Return the short error text of an answer, without anything that looks like a token."""
    if not isinstance(told, dict):
        return ""
    error = told.get("error")
    inner = error if isinstance(error, dict) else told
    parts = [inner.get("code"), error, inner.get("message"), inner.get("info"), inner.get("detail")]
    text = ": ".join(str(part) for part in parts if isinstance(part, str | int) and part != "")
    return _SECRET.sub("…", " ".join(text.split()))[:200]


def wait_of(
    headers: Mapping[str, str], codes: Sequence[str], waits: Mapping[str, timedelta | Midnight]
) -> float | None:
    """Return how many seconds to wait: as the answer says, else as the spec knows of its code."""
    if (told := wait_told(headers)) is not None:
        return told
    wait = next((waits[code] for code in codes if code in waits), None)
    if wait is None:
        return None
    return wait.total_seconds() if isinstance(wait, timedelta) else _until_midnight(wait.zone)


def _until_midnight(zone: str) -> float:
    now = datetime.now(ZoneInfo(zone))
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return (midnight.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def wait_told(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds an answer says to wait: Retry-After, else when the platform's bucket fills again."""
    for name in ("retry-after", *_RESETS):
        if (value := headers.get(name)) and (wait := _seconds(value.strip())) is not None:
            longer = spent(headers)
            return max(min(max(wait, 0.0), LONGEST_WAIT), longer.seconds if longer else 0.0)
    if usage := headers.get("x-business-use-case-usage"):
        return _regained(usage)
    return None


@dataclass(frozen=True, slots=True)
class Spent:
    """Nothing is left of a quota for so many seconds; `app` says that it is all accounts' together."""

    seconds: float
    app: bool


def spent(headers: Mapping[str, str]) -> Spent | None:
    """Return what headers say of a quota of which nothing is left; of several, the one that lasts longest."""
    found = []
    for name, app in _BUCKETS:
        reset = headers.get(f"{name}-reset", "").strip()
        if headers.get(f"{name}-remaining", "").strip() == "0" and (wait := _seconds(reset)) and wait > 0:
            found.append(Spent(min(wait, LONGEST_WAIT), app))
    if wait := _regained(headers.get("x-business-use-case-usage") or "{}"):
        found.append(Spent(wait, False))
    return max(found, key=lambda one: one.seconds, default=None)


def _regained(usage: str) -> float | None:
    """Read Meta's minutes until access is regained (Graph API, rate limiting, business use case headers)."""
    try:
        told = [one["estimated_time_to_regain_access"] for some in loads(usage).values() for one in some]
        minutes = max((float(one) for one in told), default=0.0)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return min(minutes * 60, LONGEST_WAIT) if minutes > 0 else None


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


def failure_of(
    service: Service, called: str, status: int, told: Any, headers: Mapping[str, str], mutates: bool
) -> PlatformError:
    """Return what a refusal means for us, from its status, its body and its headers; `called` names the call."""
    codes = codes_of(told, service.codes)
    kind = meaning(status, codes, service.errors, mutates)
    if kind is Uncertain and not mutates:
        kind = TryLater  # whatever became of it, nobody sees it
    reason = f"{service.name} {called}: {status} {clipped(told)}".rstrip()
    if kind is not TryLater:
        return kind(reason)
    wait = wait_of(headers, codes, service.waits)
    if status == TOO_MANY or (wait is not None and wait >= LIMITED):
        of = spent(headers)
        return Limited(reason, wait, app=(of is not None and of.app) or not service.of_app.isdisjoint(codes))
    return TryLater(reason, wait)
