"""The door to every platform: one call, once, its failure named by remedy. Only it and what it stands on know httpx."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json import loads
from typing import Any, Self

import httpx
from prometheus_client import Counter, Histogram

from shared.adapter.answers import Service, failure_of
from shared.adapter.contract import Answer, Fetched
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.reach import OutOfReachError, Reach

VERSION = "0.1.0"
DEADLINE = 45.0
"""Seconds that one call may take in all; below the time that a claim is trusted for."""
TIMEOUTS = {"connect": 5.0, "read": 30.0}
"""Seconds until a connection stands, and for each wait for a piece of the answer; sending has the deadline only."""
MOST_JSON = 8_000_000
"""Bytes of an answer that are read."""

CALLS = Counter("carillon_platform_calls", "Calls to platforms, by outcome.", ("platform", "operation", "outcome"))
SECONDS = Histogram(
    "carillon_platform_call_seconds",
    "How long calls to platforms take.",
    ("platform", "operation"),
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45),
)
_OUTCOMES: Mapping[type[BaseException], str] = {
    TryLater: "try_later",
    Rejected: "rejected",
    Unauthorized: "unauthorized",
    Uncertain: "uncertain",
    asyncio.CancelledError: "cancelled",
}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""The errors before anything was sent. The deadline is none: connecting has ended long before it."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def user_agent(contact: str) -> str:
    """Return what Wikimedia's User-Agent policy asks for; `contact` is `https://address; mail@address`."""
    return f"Carillon/{VERSION} ({contact}) httpx/{httpx.__version__}"


class HttpClient:
    """Calls one platform; keeps connections, so one a worker is enough. Use it as a context, or call `aclose`."""

    def __init__(
        self, service: Service, *, contact: str, deadline: float = DEADLINE, reach: Reach | None = None
    ) -> None:
        """Make a client for one service.

        `deadline` is how many seconds a call may take in all; with a `reach`, only addresses within it are called.
        """
        from shared.adapter.transport import Transport  # with aiohttp: half of all processes call nobody

        logging.getLogger("aiohttp").setLevel(logging.WARNING)  # tokens travel in some addresses
        self.platform = service.name
        self._service = service
        self._deadline = deadline
        self._headers = {"User-Agent": user_agent(contact), "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        self._transport = Transport(reach)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def call(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        mutates: bool,
        json: object | None = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Sequence[int] = (200,),
    ) -> Answer:
        """Call once, as `contract.Http` says; a success must be JSON, or empty."""
        parts = {"json": json, "content": content, "files": files, "data": data, "params": params}
        request = self._request(operation, method, url, headers or {}, **parts)
        response, body = await self._counted(request, operation, mutates, expected, MOST_JSON)
        try:
            told = _json(body)
        except ValueError:
            if response.is_success:
                raise self._unclear(operation, mutates, f"{response.status_code} without readable JSON") from None
            told = None  # a refusal that was reckoned with: its status says it all
        return Answer(response.status_code, told, response.headers)

    async def fetch(self, url: str, *, operation: str, most: int) -> Fetched:
        """Return what is at an address, as `contract.Fetch` says."""
        request = self._request(operation, "GET", url, {})
        response, body = await self._counted(request, operation, False, (200,), most)
        return Fetched(body, response.headers.get("content-type", "").partition(";")[0].strip().lower())

    def _request(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], **parts: Any
    ) -> httpx.Request:
        try:
            return httpx.Request(method, _parsed(url), headers=_in_a_line_each({**self._headers, **headers}), **parts)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise Rejected(f"{self.platform} {operation}: the call cannot be made ({type(error).__name__})") from None

    async def _counted(
        self, request: httpx.Request, operation: str, mutates: bool, expected: Sequence[int], most: int
    ) -> tuple[httpx.Response, bytes]:
        with SECONDS.labels(self.platform, operation).time():
            try:
                answered = await self._once(request, operation, mutates, expected, most)
            except BaseException as error:
                self._count(operation, type(error))
                raise
        self._count(operation, None)
        return answered

    def _count(self, operation: str, failure: type[BaseException] | None) -> None:
        outcome = _OUTCOMES.get(failure, "failed") if failure else "answered"
        CALLS.labels(self.platform, operation, outcome).inc()

    async def _once(
        self, request: httpx.Request, operation: str, mutates: bool, expected: Sequence[int], most: int
    ) -> tuple[httpx.Response, bytes]:
        request.extensions = {"timeout": TIMEOUTS}
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._transport.handle_async_request(request)
                try:
                    body = await _read(response, most)
                finally:
                    await response.aclose()
        except _TooLongError:
            kind = Uncertain if mutates else Rejected
            raise kind(f"{self.platform} {operation}: the answer has more than {most} bytes") from None
        except OutOfReachError as error:
            raise Rejected(f"{self.platform} {operation}: {request.url.host} {error}") from None
        except (httpx.HTTPError, TimeoutError) as error:
            sent = not isinstance(error, _NOT_SENT)
            raise self._unclear(operation, mutates and sent, type(error).__name__) from None
        if response.status_code not in expected:
            raise self._failure(response, body, operation, mutates)
        return response, body

    def _unclear(self, operation: str, perhaps_done: bool, what: str) -> PlatformError:
        reason = f"{self.platform} {operation}: {what}"
        return Uncertain(reason) if perhaps_done else TryLater(reason)

    def _failure(self, response: httpx.Response, body: bytes, operation: str, mutates: bool) -> PlatformError:
        try:
            told = _json(body)
        except ValueError:
            told = None
        return failure_of(self._service, operation, response.status_code, told, response.headers, mutates)


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)  # the same few addresses are called again and again


def _in_a_line_each(headers: Mapping[str, str]) -> Mapping[str, str]:
    if _CONTROL.search("".join((*headers, *headers.values()))):
        raise ValueError("a line's end in a header would begin another header")
    return headers


class _TooLongError(Exception):
    """The answer is longer than it may be."""


async def _read(response: httpx.Response, most: int) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        if size > most:
            raise _TooLongError
        pieces.append(piece)
    return b"".join(pieces)


def _json(body: bytes) -> Any:
    return loads(body) if body.strip() else None
