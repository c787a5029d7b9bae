"""Uploaded files: what they really are, how large they are in pixels, and a bounded store of their bytes."""

import hashlib
import io
import warnings
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"mif1": "image/heif", b"qt  ": "video/quicktime"}


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file; width and height only for pictures that can be opened."""

    sha256: str
    mime: str
    size: int
    width: int | None = None
    height: int | None = None


def sniff(data: bytes, said: str) -> str:
    """Return the media type that the first bytes prove, else what the uploader said."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "video/mp4")
    return next((mime for magic, mime in _MAGIC if data.startswith(magic)), said)


def examine(data: bytes, said: str) -> File:
    """Return what the bytes are; a picture that can't be opened has no width and height."""
    mime = sniff(data, said.split(";")[0].strip().lower() or "application/octet-stream")
    width, height = _pixels(data) if mime.startswith("image/") else (None, None)
    return File(hashlib.sha256(data).hexdigest(), mime, len(data), width, height)


def _pixels(data: bytes) -> tuple[int | None, int | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data)) as picture:
                return picture.size
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None, None


class Shelf:
    """The newest uploaded files by SHA-256, up to a total of `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._files: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def put(self, file: File, data: bytes) -> None:
        """Keep the bytes, dropping the oldest files if need be."""
        if file.sha256 in self._files:
            return
        self._files[file.sha256] = (file.mime, data)
        self._held += len(data)
        while self._held > self._most:
            _, (_, dropped) = self._files.popitem(last=False)
            self._held -= len(dropped)

    def get(self, sha256: str) -> tuple[str, bytes] | None:
        """Return media type and bytes, None where they are not kept."""
        return self._files.get(sha256)
