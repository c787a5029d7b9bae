"""What Instagram makes of media that it fetched, and of a caption: refused at once, or a container that fails."""

import re

from deploy.sandbox.films import film_of
from deploy.sandbox.graphemes import graphemes
from deploy.sandbox.ledger import Media
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.instagram.errors import refused, unsupported
from deploy.sandbox.wire import RefusedError

CAPTION = 2_200
TAGS = 30
MENTIONS = 20
ALT = 1_000
IMAGE_BYTES = 8_000_000
IMAGE_RATIO = (0.8, 1.91)
ROUNDED = 0.011
"""A picture's sides are whole pixels."""
FILM_BYTES = {"REELS": 300_000_000, "STORY": 100_000_000, "FEED": 100_000_000}
FILM_SECONDS = {"REELS": (3, 900), "STORY": (3, 60), "FEED": (3, 60)}
FILM_RATE = (22.9, 60.1)
FILM_COLUMNS = 1_920
CODECS = ("h264", "hevc")
BAD_FILM = 2207026
_TAG = re.compile(r"(?<![\w&])#\w+")
_MENTION = re.compile(r"(?<![\w.])@\w[\w.]*")


def check_caption(caption: str) -> None:
    """Refuse a caption that is too long or has too many tags; in what it is counted is not documented."""
    if len(caption.encode("utf-16-le")) // 2 > CAPTION:
        raise refused(36004, "The caption is too long.", 2207010, words=f"Use {CAPTION} characters at the most.")
    if len(_TAG.findall(caption)) > TAGS or len(_MENTION.findall(caption)) > MENTIONS:
        raise refused(100, "Too many tags in the caption.", 2207040, words="Use fewer hashtags and mentions.")


def check_alt(alt: str) -> None:
    """Refuse an alternative text that is too long."""
    if graphemes(alt) > ALT:
        raise unsupported("alt_text", f"must be at most {ALT} characters long")


def check_picture(file: File, product: str) -> None:
    """Refuse a picture in another format, too large, or too wide or tall for the feed."""
    if file.mime != "image/jpeg":
        raise refused(36001, "The image format is not supported.", 2207005, words="Use a JPEG.")
    if file.size > IMAGE_BYTES:
        raise refused(36000, "The image is too large.", 2207004, words="Use an image of 8 MiB at the most.")
    if not file.width or not file.height:
        raise unfetched("it is no picture")
    least, most = IMAGE_RATIO
    if product == "FEED" and not least - ROUNDED <= file.width / file.height <= most + ROUNDED:
        words = f"The submitted image with aspect ratio {file.width}:{file.height} cannot be published."
        raise refused(36003, "The aspect ratio is not supported.", 2207009, words=words)


def film_in(data: bytes, file: File, product: str) -> tuple[Media, int | None]:
    """Return a film as the ledger has it, and the subcode with which its container fails."""
    film = film_of(data)
    if film is None:
        return Media(file.sha256, file.mime, file.size, None), BAD_FILM
    shown = Media(file.sha256, file.mime, file.size, None, film.width, film.height, film.seconds)
    shortest, longest = FILM_SECONDS[product]
    fine = (
        file.size <= FILM_BYTES[product]
        and shortest - 0.1 <= film.seconds <= longest + 0.1
        and FILM_RATE[0] <= film.rate <= FILM_RATE[1]
        and film.width <= FILM_COLUMNS
        and film.codec in CODECS
    )
    return shown, None if fine else BAD_FILM


def unfetched(why: str) -> RefusedError:
    """Return the error for an address with nothing that can be used."""
    return refused(
        9004,
        "Only photo or video can be accepted as media type.",
        2207052,
        words=f"The media could not be fetched from this URI: {why}",
    )
