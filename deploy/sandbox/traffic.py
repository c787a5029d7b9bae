"""The request log: the last requests with their answers' status, secrets masked when it is read."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.wire import Headers

TEXT_KEPT = 16_384
SECRET_HEADERS = frozenset({b"authorization", b"cookie", b"dpop", b"x-api-key"})
_NAMES = (
    "password|accessJwt|refreshJwt|access_token|refresh_token|client_secret|token|code_verifier|authFactorToken|"
    "upload_token|fb_exchange_token"
)
_IN_JSON = re.compile(rf'("(?:{_NAMES})"\s*:\s*)"(?:[^"\\]|\\.)*"?')
_IN_FORM = re.compile(rf"((?:^|[&?])(?:{_NAMES})=)[^&]*")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it: an HTTP status, or 0 where the answer never left."""

    seq: int
    platform: str
    time: float
    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    size: int
    status: int
    fault: str | None

    def shown(self) -> dict[str, Any]:
        """Return the JSON form, tokens and passwords masked."""
        return {
            "seq": self.seq,
            "platform": self.platform,
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "query": mask(self.query.decode("latin-1")),
            "headers": {key.decode("latin-1"): _header(key, value) for key, value in self.headers},
            "body": mask(self.body.decode("utf-8", "replace")) if self.body else None,
            "bytes": self.size,
            "status": self.status,
            "fault": self.fault,
        }


def mask(text: str) -> str:
    """Return the text with the values of secret fields replaced by `***`."""
    return _IN_FORM.sub(r"\1***", _IN_JSON.sub(r'\1"***"', text))


def _header(name: bytes, value: bytes) -> str:
    if name not in SECRET_HEADERS:
        return value.decode("latin-1")
    scheme, space, _ = value.decode("latin-1").partition(" ")
    return f"{scheme} ***" if space else "***"


class Traffic:
    """The newest exchanges; older ones are dropped."""

    def __init__(self, kept: int) -> None:
        self._kept: deque[Exchange] = deque(maxlen=kept)
        self._seq = 0

    def note(
        self,
        platform: str,
        time: float,
        request: tuple[str, str, bytes, Headers, bytes],
        *,
        status: int,
        fault: str | None,
    ) -> None:
        """Write down one exchange; `request` is method, path, query, headers and body. Only text bodies are kept."""
        method, path, query, headers, body = request
        self._seq += 1
        kept = body[:TEXT_KEPT] if body and is_text(headers) else b""
        self._kept.append(
            Exchange(self._seq, platform, time, method, path, query, headers, kept, len(body), status, fault)
        )

    def exchanges(self, platform: str | None = None, *, since: int = 0) -> Iterator[Exchange]:
        """Yield the exchanges with a sequence number above `since`, oldest first."""
        for exchange in self._kept:
            if exchange.seq > since and platform in (None, exchange.platform):
                yield exchange

    def forget(self) -> None:
        """Begin an empty log; sequence numbers go on."""
        self._kept.clear()


def is_text(headers: Headers) -> bool:
    """Say whether the body is JSON, a form or text, and so worth keeping."""
    kind = next((value for key, value in headers if key == b"content-type"), b"").lower()
    return b"json" in kind or b"urlencoded" in kind or kind.startswith(b"text/")
