"""What TikTok refuses: texts that are too long at once, media that do not fit only after they were handed over."""

from typing import Any

from deploy.sandbox.films import film_of
from deploy.sandbox.ledger import Media
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.tiktok.errors import invalid, refused
from deploy.sandbox.wire import Call

PHOTOS = 35
PHOTO_BYTES = 20_000_000
PHOTO_SIDES = (1_080, 1_920)
PHOTO_TYPES = ("image/jpeg", "image/webp")
TITLE, DESCRIPTION, CAPTION = 90, 4_000, 2_200
VIDEO_BYTES = 4_000_000_000
VIDEO_SECONDS = 600
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm")
CODECS = ("h264", "hevc", "vp8", "vp9")
SIDES = (360, 4_096)
RATE = (23, 60)
CHUNK = (5_000_000, 64 * 2**20)
LAST_CHUNK = 128 * 2**20
CHUNKS = 1_000
EVERYBODY = ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
FOLLOWERS = ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]


def privacy_of(account: str) -> list[str]:
    """Return the levels an account may choose; one whose name begins with `private` is private."""
    return FOLLOWERS if account.lower().startswith("private") else EVERYBODY


def words(call: Call, about: dict[str, Any], name: str, most: int) -> str:
    """Return a text of `post_info`, counted in UTF-16 units; a missing one is empty."""
    said = about.get(name, "")
    if not isinstance(said, str):
        raise invalid(call, f"post_info.{name} must be a string")
    if len(said.encode("utf-16-le")) // 2 > most:
        raise invalid(call, f"post_info.{name} is longer than {most}")
    return said


def privacy(call: Call, about: dict[str, Any], account: str) -> str:
    """Return the level of a post; it is needed, and one that the account has."""
    level = about.get("privacy_level")
    if not isinstance(level, str):
        raise invalid(call, "post_info.privacy_level is required")
    if level not in privacy_of(account):
        raise refused(call, 403, "privacy_level_option_mismatch", "Unavailable privacy level for this creator.")
    return level


def chunks(call: Call, source: dict[str, Any]) -> tuple[int, int, int]:
    """Return size, chunk size and count of an upload that keeps to the rules of the media transfer guide."""
    numbers = [source.get(name) for name in ("video_size", "chunk_size", "total_chunk_count")]
    size, chunk, count = (one if isinstance(one, int) and not isinstance(one, bool) else 0 for one in numbers)
    if not 0 < size <= VIDEO_BYTES or chunk <= 0 or not 1 <= count <= CHUNKS:
        raise invalid(call, "source_info needs video_size, chunk_size and total_chunk_count")
    if count != max(1, size // chunk):
        raise invalid(call, "The total chunk count is invalid")
    if size > CHUNK[1] and count == 1:
        raise invalid(call, "Videos of more than 64 MB are sent in several chunks")
    if (chunk != size or size >= CHUNK[0]) and not CHUNK[0] <= chunk <= CHUNK[1]:
        raise invalid(call, "The chunk size is invalid")
    if size - chunk * (count - 1) > LAST_CHUNK:
        raise invalid(call, "The last chunk is too large")
    return size, chunk, count


def photo_fault(file: File) -> str | None:
    """Return why a picture fails, None where it does not."""
    if file.mime not in PHOTO_TYPES or not file.width or not file.height or file.size > PHOTO_BYTES:
        return "file_format_check_failed"
    shorter, longer = sorted((file.width, file.height))
    return "picture_size_check_failed" if shorter > PHOTO_SIDES[0] or longer > PHOTO_SIDES[1] else None


def film_media(data: bytes, file: File) -> tuple[Media | None, str | None]:
    """Return a film as posted, or why it fails."""
    film = film_of(data)
    if film is None or film.codec not in CODECS or file.mime not in VIDEO_TYPES:
        return None, "file_format_check_failed"
    if not 3 <= film.seconds <= VIDEO_SECONDS:
        return None, "duration_check_failed"
    if not RATE[0] <= film.rate <= RATE[1]:
        return None, "frame_rate_check_failed"
    if min(film.width, film.height) < SIDES[0] or max(film.width, film.height) > SIDES[1]:
        return None, "picture_size_check_failed"
    return Media(file.sha256, file.mime, file.size, None, film.width, film.height, film.seconds), None
