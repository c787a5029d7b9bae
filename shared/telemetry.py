"""What processes say about themselves: JSON lines on stdout, and the trace that a post carries from service to service.

Metrics are plain `prometheus_client` objects, declared where they are counted; their names begin with `carillon_`.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from functools import lru_cache
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from shared.settings import Settings

REDACTED = "[redacted]"
TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")

_SECRET_KEY = re.compile(
    r"(^|[_-])(token|password|passwd|secret|authorization|cookie|jwt|signature|api_?key|private_?key)s?$", re.IGNORECASE
)
# None of these takes a quote, a backslash or a blank away: a line of JSON stays one.
_SECRET_TEXT = (
    (re.compile(r"\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@\"'\\]*):[^\s@/\"'\\]*@", re.IGNORECASE), rf"\1:{REDACTED}@"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"), REDACTED),
    (
        re.compile(
            r"([\w-]*(?:token|password|secret|api_?key|signature)[\"'\\]*\s*[=:]\s*[\"'\\]*)[^\s&\"'\\,;}\[]+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
)
_SIGNS = ("bearer", "basic", "@", "eyj", "token", "password", "secret", "apikey", "api_key", "signature")
"""What a text with a secret has at least one of; most lines have none, and are not searched further."""

_FLAT = frozenset({str, int, float, bool, type(None)})
"""Types of values with nothing inside: nearly all that is logged."""
_LINE = json.JSONEncoder(ensure_ascii=False, default=str)
"""Made once: `json.dumps` with any option makes one for each line."""

_place: ContextVar[tuple[str, str]] = ContextVar("carillon_place", default=("", ""))
_trace: ContextVar[str | None] = ContextVar("carillon_trace", default=None)
_post: ContextVar[str | None] = ContextVar("carillon_post", default=None)


def configure(service: str, process: str, settings: Settings) -> None:
    """Send every log line, structlog's and the standard library's, to stdout in one form; doing it again changes it."""
    stand(service, process)
    level = logging.getLevelNamesMapping()[settings.log_level]
    renderer = _renderer(settings)
    structlog.configure(
        processors=[*_enriching(), redact, renderer, _scrub_line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Stdout(),
        cache_logger_on_first_use=False,
    )
    handler = _StdoutHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_enriching(), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer, _scrub_line],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "aiormq", "aio_pika", "uvicorn", "alembic"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


def stand(service: str, process: str) -> None:
    """Say, for this context and the tasks it starts, which process speaks: several may share one event loop."""
    _place.set((service, process))


def new_traceparent() -> str:
    """Begin a trace: a W3C `traceparent` of random ids, sampled."""
    ids = os.urandom(24).hex()
    return f"00-{ids[:32]}-{ids[32:]}-01"


def current_traceparent() -> str | None:
    """Return the traceparent that is being followed here, if any."""
    return _trace.get()


def current_trace() -> str | None:
    """Return the id of the trace that is being followed here, 32 hexadecimal digits."""
    traceparent = _trace.get()
    return traceparent[3:35] if traceparent else None


def following(traceparent: str | None, post: str | None = None) -> AbstractContextManager[str]:
    """Follow a trace, and name a post, in every log line of the block; without a readable one a new trace begins."""
    followed = traceparent if traceparent and TRACEPARENT.fullmatch(traceparent) else new_traceparent()
    return _Following(followed, post)


class _Following:
    """Not a generator: every event of every service goes through here, and a generator costs twice as much."""

    __slots__ = ("_about", "_post", "_trace", "_traceparent")

    def __init__(self, traceparent: str, post: str | None) -> None:
        self._traceparent = traceparent
        self._post = post
        self._about: Token[str | None] | None = None

    def __enter__(self) -> str:
        self._trace = _trace.set(self._traceparent)
        if self._post:
            self._about = _post.set(self._post)
        return self._traceparent

    def __exit__(self, *_: object) -> None:
        _trace.reset(self._trace)
        if self._about:
            _post.reset(self._about)


def redact(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Take the values of keys out whose names say that they are secret, however deep."""
    return {
        key: value if type(value) in _FLAT and not _is_secret(key) else _named(key, value)
        for key, value in line.items()
    }


def redacted(value: object) -> object:
    """Return what was read from JSON without the values of keys whose names say that they are secret, however deep."""
    return _named("", value)


def scrub(text: str) -> str:
    """Return a text without bearer tokens, JWTs, passwords in URLs and `token=…` pairs."""
    lowered = text.lower()
    if any(sign in lowered for sign in _SIGNS):
        for pattern, replacement in _SECRET_TEXT:
            text = pattern.sub(replacement, text)
    return text


def _scrub_line(_: WrappedLogger, __: str, rendered: Any) -> str:
    return scrub(rendered)


@lru_cache(maxsize=2_000)
def _is_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key))


def _named(key: str, value: object) -> object:
    if _is_secret(key) and value not in (None, ""):
        return REDACTED
    if isinstance(value, Mapping):
        return {str(k): _named(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_named("", item) for item in value]
    return value


def _enriching() -> list[Any]:
    """Return the processors that add what every line has: level, time, place, trace, post, traceback."""
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_place,
        structlog.processors.format_exc_info,
    ]


def _add_place(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    line["service"], line["process"] = _place.get()
    if trace := current_trace():
        line.setdefault("trace", trace)
    if post := _post.get():
        line.setdefault("post", post)
    return line


def _renderer(settings: Settings) -> Any:
    if settings.log_format == "json":
        return _as_json
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), timestamp_key="time")


def _as_json(_: WrappedLogger, __: str, line: EventDict) -> str:
    return _LINE.encode(line)


class _Stdout:
    """Writes lines to whatever stdout is at that moment, at once: a crash loses none."""

    def msg(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


class _StdoutHandler(logging.Handler):
    """The same for lines of the standard library's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _Stdout().msg(self.format(record))
        except Exception:  # noqa: BLE001 - logging's own contract: a line that fails must not fail its caller
            self.handleError(record)
