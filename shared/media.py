"""The media store: bytes under their SHA-256, on a disk or in an S3-compatible bucket."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from obstore.store import LocalStore, ObjectStore, from_url

SHA256 = re.compile(r"[0-9a-f]{64}")
AT_ONCE = 256 * 1024
"""Bytes that are hashed in place; more are hashed in a thread, so that nobody else waits."""
PIECE = AT_ONCE
"""Bytes that are in memory at once of a medium that is handed on: a hundred who read slowly take some 100 MB."""


class CorruptMediaError(Exception):
    """The store's bytes are not those that were put; restore them from a backup, or put the original again."""


class Stored(NamedTuple):
    """What the store knows about a medium."""

    sha256: str
    size: int
    """Bytes."""
    type: str
    """The media type, such as `image/jpeg`."""


class MediaStore:
    """Keeps media under the SHA-256 of their bytes; nothing is ever changed, so everybody may keep what they read.

    Each medium is two objects: its bytes, and then a small JSON with its type and size. The second says that the first
    is whole, on every kind of store; not every kind keeps a type of its own.
    """

    def __init__(self, url: str) -> None:
        """Open `file:///path` (made when missing), `file://./relative`, `s3://bucket/prefix` or `memory:///`."""
        self._store = _open(url)

    async def put(self, data: bytes, type: str) -> Stored:  # noqa: A002 - the field's own name
        """Keep the bytes and say under which name; bytes that are there already keep the type they came with."""
        sha256 = await _digest(data)
        try:
            return await self.stat(sha256)
        except FileNotFoundError:
            stored = Stored(sha256, len(data), type)
            about = json.dumps({"type": type, "size": len(data)}).encode()
            await self._store.put_async(_path(sha256), data)
            await self._store.put_async(_path(sha256) + ".json", about)
            return stored

    async def read(self, sha256: str) -> bytes:
        """Return the bytes; raises FileNotFoundError, or CorruptMediaError when they are not what was put."""
        data = bytes(await (await self._store.get_async(_path(sha256))).bytes_async())
        if await _digest(data) != sha256:
            raise CorruptMediaError(sha256)
        return data

    async def part(self, sha256: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, for uploads in chunks; raises FileNotFoundError.

        What was put is not compared with them: who needs that reads the whole.
        """
        return bytes(await self._store.get_range_async(_path(sha256), start=start, end=end))

    async def pieces(self, stored: Stored) -> AsyncIterator[bytes]:
        """Give the bytes a PIECE at a time; raises FileNotFoundError, or CorruptMediaError instead of the last piece.

        So whoever has got them all has got what was put.
        """
        digest = hashlib.sha256()
        for start in range(0, stored.size, PIECE):
            piece = await self.part(stored.sha256, start, min(start + PIECE, stored.size))
            digest.update(piece)
            if start + PIECE >= stored.size and digest.hexdigest() != stored.sha256:
                raise CorruptMediaError(stored.sha256)
            yield piece

    async def stretch(self, sha256: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Give the bytes from `start` to before `end`, a PIECE at a time; raises FileNotFoundError. See `part`."""
        for at in range(start, end, PIECE):
            yield await self.part(sha256, at, min(at + PIECE, end))

    async def stat(self, sha256: str) -> Stored:
        """Return what is known about a medium without reading it; raises FileNotFoundError."""
        about = json.loads(bytes(await (await self._store.get_async(_path(sha256) + ".json")).bytes_async()))
        return Stored(sha256, about["size"], about["type"])

    async def exists(self, sha256: str) -> bool:
        """Say whether the medium is there, whole."""
        try:
            await self.stat(sha256)
        except FileNotFoundError:
            return False
        return True


def _open(url: str) -> ObjectStore:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"file", "memory", "s3"}:
        raise ValueError("MEDIA_URL must be file:///path, s3://bucket/prefix or memory:///")
    if scheme == "file":
        return LocalStore(Path(unquote(rest)).resolve(), mkdir=True)
    return from_url(url)


def _path(sha256: str) -> str:
    """Return where a medium is; the name is checked, for it may come from a caller's address."""
    if not SHA256.fullmatch(sha256):
        raise FileNotFoundError(f"not the SHA-256 of a medium, 64 hexadecimal digits: {sha256[:80]!r}")
    return f"{sha256[:2]}/{sha256}"


async def _digest(data: bytes) -> str:
    if len(data) <= AT_ONCE:
        return hashlib.sha256(data).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
