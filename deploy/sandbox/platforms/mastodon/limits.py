"""What a server of version 4.7.3 allows, as its `/api/v2/instance` says, and how it counts characters."""

from collections.abc import Mapping
from typing import Any

import regex

from deploy.sandbox.graphemes import graphemes

CHARACTERS_PER_URL = 23
MAX_MEDIA = 4
DESCRIPTION_LIMIT = 10_000
IMAGE_BYTES = 16_777_216
IMAGE_PIXELS = 33_177_600
VIDEO_BYTES = 103_809_024
VIDEO_PIXELS = 8_294_400
VIDEO_RATE = 120
MAX_OPTIONS = 4
MAX_OPTION_CHARACTERS = 50
POLL_SECONDS = (300, 2_629_746)
IMAGE_TYPES = ("jpeg", "png", "gif", "heic", "heif", "webp", "avif")
VIDEO_TYPES = ("webm", "mp4", "quicktime", "ogg", "x-ms-asf")
AUDIO_TYPES = ("wave", "wav", "x-wav", "ogg", "vorbis", "mpeg", "mp3", "webm", "flac", "aac", "m4a", "mp4", "3gpp")
MIME_TYPES = (
    *(f"image/{kind}" for kind in IMAGE_TYPES),
    *(f"video/{kind}" for kind in VIDEO_TYPES),
    *(f"audio/{kind}" for kind in AUDIO_TYPES),
)
CONFIGURATION: Mapping[str, Any] = {
    "urls": {"streaming": "wss://sandbox.invalid", "status": None, "about": None, "privacy_policy": None},
    "vapid": {"public_key": ""},
    "accounts": {"max_featured_tags": 10, "max_pinned_statuses": 5, "max_profile_fields": 4},
    "statuses": {
        "max_media_attachments": MAX_MEDIA,
        "characters_reserved_per_url": CHARACTERS_PER_URL,
    },
    "media_attachments": {
        "description_limit": DESCRIPTION_LIMIT,
        "image_matrix_limit": IMAGE_PIXELS,
        "image_size_limit": IMAGE_BYTES,
        "supported_mime_types": list(MIME_TYPES),
        "video_frame_rate_limit": VIDEO_RATE,
        "video_matrix_limit": VIDEO_PIXELS,
        "video_size_limit": VIDEO_BYTES,
    },
    "polls": {
        "max_options": MAX_OPTIONS,
        "max_characters_per_option": MAX_OPTION_CHARACTERS,
        "min_expiration": POLL_SECONDS[0],
        "max_expiration": POLL_SECONDS[1],
    },
    "translation": {"enabled": False},
    "limited_federation": False,
}

URL = regex.compile(r"https?://[^\s<>\"]*[^\s<>\"'.,:;!?()\[\]]", regex.IGNORECASE)
MENTION = regex.compile(r"(?<![=/\w])@([\w]+(?:[\w.-]*\w)?)@[\w.-]+\w")


def configuration(most: int) -> Mapping[str, Any]:
    """Return the limits as a server tells them that takes so many characters."""
    return {**CONFIGURATION, "statuses": {"max_characters": most, **CONFIGURATION["statuses"]}}


def too_long(spoiler: str, text: str, most: int) -> bool:
    """Say whether a status has too many grapheme clusters: any URL counts as 23, a mention without its server."""
    countable = spoiler + MENTION.sub(r"@\1", URL.sub("x" * CHARACTERS_PER_URL, text))
    return len(countable) > most and graphemes(countable) > most  # clusters are the fewer ones
