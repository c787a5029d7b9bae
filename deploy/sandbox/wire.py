"""What a platform of the sandbox is made of: a call, an answer, a route, and the way it says no."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol
from urllib.parse import parse_qs

from deploy.sandbox.quotas import Quota, Standing

Headers = list[tuple[bytes, bytes]]
JSON_TYPE = b"application/json; charset=utf-8"
JSON_LIMIT = 1_000_000


class MalformedError(ValueError):
    """The body is not what its type says."""


@dataclass(slots=True)
class Answer:
    """One HTTP answer, body ready to send."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    media_type: bytes = JSON_TYPE


class RefusedError(Exception):
    """The platform says no, in its own words."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(slots=True)
class Call:
    """One request to a platform; `path` is what follows the platform's prefix, `base` the platform's own address."""

    method: str
    path: str
    query: bytes
    headers: Headers
    base: str
    client: str
    body: bytes = b""
    args: Mapping[str, str] = field(default_factory=dict)
    published: int = 0
    notes: Headers = field(default_factory=list)

    def header(self, name: bytes) -> str:
        """Return the first header of this (lower-case) name, or an empty string."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")

    def params(self) -> dict[str, list[str]]:
        """Return the query's parameters, each with all its values; raises MalformedError for more than 1,000."""
        try:
            return parse_qs(self.query.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)
        except ValueError as error:
            raise MalformedError("too many query parameters") from error

    def bearer(self) -> str:
        """Return the token of the Authorization header, or an empty string."""
        scheme, _, token = self.header(b"authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def json(self) -> Any:
        """Return the decoded JSON body; raises MalformedError, also for NaN, lone surrogates and bottomless nesting."""
        return decode_json(self.body)


def _no_constant(name: str) -> NoReturn:
    raise MalformedError(f"{name} is not JSON")


def decode_json(body: bytes) -> Any:
    """Return strictly decoded JSON; raises MalformedError."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    return value


def json_answer(value: object, status: int = 200, headers: Headers | None = None) -> Answer:
    """Return `value` as a JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, headers or [])


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address of a platform; `{name}` in the path becomes `call.args["name"]`."""

    method: str
    path: str
    handler: Handler
    body_limit: int = JSON_LIMIT


class Refusals(Protocol):
    """How a platform says the things that happen on every platform."""

    def not_found(self, call: Call) -> Answer:
        """No such address."""

    def wrong_method(self, call: Call, allowed: str) -> Answer:
        """The address is known, the method is not."""

    def malformed(self, call: Call, reason: str) -> Answer:
        """The body can't be read."""

    def too_large(self, call: Call, limit: int) -> Answer:
        """The body exceeds `limit` bytes."""

    def rate_limited(self, call: Call, standing: Standing) -> Answer:
        """A rate limit is used up until `standing.reset`."""

    def broken(self, call: Call) -> Answer:
        """The platform itself failed."""

    def expired(self, call: Call) -> Answer:
        """The caller's token is no longer good."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One stand-in: its addresses, its limits and its manners."""

    name: str
    about: str
    routes: tuple[Route, ...]
    refusals: Refusals
    quotas: Mapping[str, Quota]
    forget: Callable[[], None]
    processes_media: bool = False
