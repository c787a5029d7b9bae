"""What every request passes: its trace, the limit of its body, its log line and metrics, and the last defence."""

import time
from collections.abc import Mapping
from functools import cache

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database import is_trouble
from shared.http.problems import Problem, unavailable, unexpected
from shared.telemetry import following, stand

log = structlog.get_logger()

REQUESTS = Counter("carillon_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
SECONDS = Histogram(
    "carillon_http_request_seconds",
    "From a request's head to the end of its answer",
    ["service", "method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
BODY_LIMIT = 1_000_000
"""Bytes that a request's body may have where nothing else is said."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked by machines every few seconds: logged at DEBUG only."""


class Gate:
    """Plain ASGI, outside of everything that the framework does for a route."""

    def __init__(self, app: ASGIApp, service: str, limit: int, limits: Mapping[str, int]) -> None:
        self._app = app
        self._service = service
        self._limit = limit
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and see that it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stand(self._service, getattr(scope["app"].state, "process", "api"))
        headers = dict(scope["headers"])
        with following(headers.get(b"traceparent", b"").decode("latin-1")) as traceparent:
            passage = _Passage(receive, send, self._limit_of(scope["path"]), traceparent)
            began = time.perf_counter()
            try:
                await self._pass(scope, headers, passage)
            finally:
                self._note(scope, passage.status, time.perf_counter() - began)

    async def _pass(self, scope: Scope, headers: Mapping[bytes, bytes], passage: "_Passage") -> None:
        """Run the application; whatever it does not answer itself is answered here."""
        declared = headers.get(b"content-length", b"0")
        passage.over = declared.isdigit() and int(declared) > passage.limit
        try:
            if not passage.over:
                await self._app(scope, passage.receive, passage.send)
        except Exception as error:
            if passage.status and not passage.over:
                raise  # the answer has begun: the server must break it off, or its end would look whole
            if not passage.over:
                await _problem_of(error).response()(scope, passage.receive, passage.send)
        if passage.over:
            await _too_large(passage.limit).response()(scope, passage.receive, passage.answer)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._limits.items() if path.startswith(prefix)), self._limit)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count the request under its route's template: an id in a path must not become a label."""
        # FastAPI names no route that it did not make itself.
        asked = scope["path"] if scope["path"] in QUIET else "unmatched"
        route = getattr(scope.get("route"), "path", asked)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        _counter(self._service, method, route, status).inc()
        _clock(self._service, method, route).observe(seconds)
        say = log.debug if route in QUIET else log.info
        said = scope.get("path_params", {})
        say("request", method=method, route=route, path=said, status=status, milliseconds=round(seconds * 1e3, 3))


# Looking a label set up costs `prometheus_client` more than counting; there are as many as routes and statuses.
@cache
def _counter(service: str, method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(service, method, route, str(status))


@cache
def _clock(service: str, method: str, route: str) -> Histogram:
    return SECONDS.labels(service, method, route)


class _Passage:
    """One request's way in and out: bytes in are counted, the answer gets the trace."""

    def __init__(self, receive: Receive, send: Send, limit: int, traceparent: str) -> None:
        self.limit = limit
        self.over = False
        self.status = 0
        self._receive = receive
        self._send = send
        self._read = 0
        self._trace = (b"traceparent", traceparent.encode("ascii"))

    async def receive(self) -> Message:
        """Hand a piece of the body on, unless it makes the whole too large: whatever its Content-Length said."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self.limit:
            self.over = True
            raise _BodyTooLargeError
        return message

    async def send(self, message: Message) -> None:
        """Send the application's answer, but not one to a body that was cut off."""
        if not self.over:
            await self.answer(message)

    async def answer(self, message: Message) -> None:
        """Send, with the trace in the head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], self._trace]}
        await self._send(message)


class _BodyTooLargeError(Exception):
    """The body has more bytes than its address takes."""


def _problem_of(error: Exception) -> Problem:
    if is_trouble(error):
        log.warning("a request met a database in trouble", error=type(error).__name__)
        return unavailable()
    log.exception("a request failed")
    return unexpected()


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body-too-large",
        f"The body is larger than the {limit} bytes that this address takes.",
        remedy="Send less in one request; media are uploaded on their own.",
        limit=limit,
    )
