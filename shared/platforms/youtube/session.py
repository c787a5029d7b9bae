"""Resumable uploads: the session's address is the handle, and the session says what it has.

Source: developers.google.com/youtube/v3/guides/using_resumable_upload_protocol.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.adapter.contract import Account, Answer, Http
from shared.adapter.errors import TryLater
from shared.platforms.youtube.connect import call
from shared.platforms.youtube.spec import UPLOADS

CHUNK = 32 * 262_144
"""Bytes of one call: all chunks but the last are equal, and multiples of 262,144."""
_TOLD = (200, 201, 308, 404, 410)
_GONE = {404, 410}
_RANGE = re.compile(r"bytes=0-(\d+)")


@dataclass(frozen=True, slots=True)
class Received:
    """What a session has so far."""

    bytes: int = 0
    """How many from the start on."""
    made: Mapping[str, Any] | None = None
    """The resource that the upload became."""
    gone: bool = False
    """YouTube knows the session no longer; what became of the upload, it does not say."""


async def opened(
    account: Account, http: Http, path: str, metadata: object, size: int, type_: str, *, operation: str, **params: Any
) -> str:
    """Begin an upload and return the session's address; nothing is made yet, and an unused session is forgotten."""
    headers = {"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": type_}
    params = {"uploadType": "resumable", **params}
    answer = await call(
        account, http, "POST", path, operation=operation, host=UPLOADS, params=params, json=metadata, headers=headers
    )
    if not (session := answer.headers.get("location")):
        raise TryLater(f"youtube {operation}: no address to send the bytes to")
    return session


async def asked(session: str, total: int, account: Account, http: Http) -> Received:
    """Return what the session has."""
    headers = {"Content-Range": f"bytes */{total}"}
    return _received(
        await call(account, http, "PUT", session, operation="upload_status", headers=headers, expected=_TOLD)
    )


async def put(
    session: str, content: bytes, start: int, total: int, account: Account, http: Http, *, mutates: bool
) -> Received:
    """Send a stretch of the bytes; `mutates` where it may be the one that makes the resource."""
    headers = {"Content-Range": f"bytes {start}-{start + len(content) - 1}/{total}"}
    headers["Content-Type"] = "application/octet-stream"
    answer = await call(
        account,
        http,
        "PUT",
        session,
        operation="upload",
        mutates=mutates,
        content=content,
        headers=headers,
        expected=_TOLD,
    )
    return _received(answer)


def _received(answer: Answer) -> Received:
    if answer.status in _GONE:
        return Received(gone=True)
    if answer.status != 308:
        return Received(made=dict(answer.json or {}))
    found = _RANGE.fullmatch(answer.headers.get("range", ""))
    return Received(int(found[1]) + 1 if found else 0)  # no Range: nothing arrived
