"""What a file is, by its bytes: a name or a header may say anything."""

from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from shared.adapter.images import MOST_PIXELS, READ

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "TIFF": "image/tiff"}
CAPTIONS = "text/vtt"


class UnknownFileError(Exception):
    """The file cannot be used; the text says why and what to give instead."""


class Sniffed(NamedTuple):
    """A file's media type and, of a picture, its size in pixels."""

    type: str
    width: int | None = None
    height: int | None = None


def sniff(content: bytes) -> Sniffed:
    """Return what a file is: a picture, by its header, or captions in WebVTT; raises UnknownFileError."""
    if content.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        return _captions(content)
    try:
        with Image.open(BytesIO(content), formats=READ) as image:
            width, height = image.size
            kind = TYPES.get(image.format or "")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnknownFileError(f"the picture has more than {MOST_PIXELS} pixels; give a smaller one") from error
    except UnidentifiedImageError as error:
        known = ", ".join([*READ, "WebVTT"])
        raise UnknownFileError(f"the file is none of those that can be read; give one of {known}") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError) as error:
        # Pillow's readers raise any of these on broken data.
        raise UnknownFileError(f"the picture is damaged ({type(error).__name__}); give another copy") from error
    if kind is None or width * height > MOST_PIXELS:
        raise UnknownFileError(f"the picture has {width} × {height} pixels; {MOST_PIXELS} in all are taken")
    return Sniffed(kind, width, height)


def _captions(content: bytes) -> Sniffed:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise UnknownFileError("the captions are not UTF-8; save them as UTF-8") from error
    return Sniffed(CAPTIONS)
