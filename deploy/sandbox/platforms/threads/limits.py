"""What Threads takes: lengths, links, pictures and films (developers.facebook.com/docs/threads/overview and /posts)."""

import re

import regex

from deploy.sandbox.films import film_of
from deploy.sandbox.pictures import File

TEXT = 500
ALT = 1_000
LINKS = 5
CHILDREN = (2, 20)
OPTIONS = (2, 4)
OPTION = 25
IMAGE_BYTES = 8 * 2**20
VIDEO_BYTES = 2**30
IMAGES = ("image/jpeg", "image/png")
FILMS = ("video/mp4", "video/quicktime")
RATIO = (0.01, 10.0)
RATES = (23.0, 60.0)
SECONDS = 300.0
COLUMNS = 1_920
_PICTOGRAM = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u20e3]")
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


def length(text: str) -> int:
    """Return how long a text is: an emoji counts as its UTF-8 bytes."""
    return sum(len(sign.encode()) if _PICTOGRAM.search(sign) else len(sign) for sign in regex.findall(r"\X", text))


def links(text: str, attached: str) -> set[str]:
    """Return the different addresses of a post."""
    return {link.rstrip(".,;:!?)") for link in _LINK.findall(text)} | ({attached} if attached else set())


def picture_fault(file: File) -> str:
    """Return what is wrong with a picture in a container's words, empty where nothing is."""
    if file.mime not in IMAGES or not file.width or not file.height or file.size > IMAGE_BYTES:
        return "UNKNOWN"
    return "" if 1 / RATIO[1] <= file.width / file.height <= RATIO[1] else "INVALID_ASPEC_RATIO"


def film_fault(data: bytes, mime: str) -> str:
    """Return what is wrong with a film in a container's words, empty where nothing is."""
    film = film_of(data)
    if film is None or mime not in FILMS or film.codec not in {"h264", "hevc"} or film.width > COLUMNS:
        return "FAILED_PROCESSING_VIDEO"
    if film.sound not in {None, "aac"}:
        return "FAILED_PROCESSING_AUDIO"
    if not 0 < film.seconds <= SECONDS:
        return "INVALID_DURATION"
    if not RATES[0] <= film.rate <= RATES[1]:
        return "INVALID_FRAME_RATE"
    return "" if RATIO[0] <= film.width / film.height <= RATIO[1] else "INVALID_ASPEC_RATIO"
