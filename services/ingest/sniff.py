"""What a file is, by its bytes: a name or a header may say anything."""

from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from services.ingest.originals import Original
from shared.adapter.images import MOST_PIXELS, READ
from shared.adapter.video import VideoError, is_video, look
from shared.content import Rights
from shared.media import Stored

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "TIFF": "image/tiff"}
CAPTIONS = "text/vtt"


class UnknownFileError(Exception):
    """The file cannot be used; the text says why and what to give instead."""


class Sniffed(NamedTuple):
    """A file's media type; of a picture or a video its size in pixels; of a video how long it is, and how coded."""

    type: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    codec: str | None = None
    rate: float | None = None

    def original(self, stored: Stored, rights: Rights | None = None) -> Original:
        """Return it as the media store has it."""
        film = self.seconds, self.codec, self.rate
        return Original(stored.sha256, self.type, stored.size, self.width, self.height, rights, *film)


async def sniff(content: bytes) -> Sniffed:
    """Return what a file is: a picture, a video, or captions in WebVTT; raises UnknownFileError."""
    if content.removeprefix(b"\xef\xbb\xbf").startswith(b"WEBVTT"):
        return _captions(content)
    if not is_video(content):
        return _picture(content)
    try:
        film = await look(content)
    except VideoError as error:
        raise UnknownFileError(str(error)) from error
    return Sniffed(film.type, film.width, film.height, film.seconds, film.codec, film.rate)


def _picture(content: bytes) -> Sniffed:
    """Look at the header only."""
    try:
        with Image.open(BytesIO(content), formats=READ) as image:
            width, height = image.size
            kind = TYPES.get(image.format or "")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnknownFileError(f"the picture has more than {MOST_PIXELS} pixels; give a smaller one") from error
    except UnidentifiedImageError as error:
        known = ", ".join([*READ, "MP4", "QuickTime", "WebM", "WebVTT"])
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
