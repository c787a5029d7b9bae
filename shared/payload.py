"""What a platform is given: the final form, rendered once, judged and sent unchanged."""

import hashlib
import json
from typing import Literal

from shared.content import Kind, Poll, Rights
from shared.model import Travelling


class Facet(Travelling):
    """A stretch of text that is more than text."""

    start: int
    """Offset in UTF-8 bytes, inclusive."""
    end: int
    """Offset in UTF-8 bytes, exclusive."""
    kind: Literal["link", "tag", "mention"]
    value: str
    """The address, the tag without `#`, or the handle without `@`."""


class Track(Travelling):
    """Captions of a video in one language, by the SHA-256 of their WebVTT."""

    language: str
    sha256: str


class Rendition(Travelling):
    """A medium in the form that fits its platform; the bytes are in the media store."""

    sha256: str
    type: str
    """The media type, such as `image/jpeg`."""
    size: int
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    codec: str | None = None
    """Of a video, as FFmpeg names it."""
    rate: float | None = None
    """Of a video: frames a second."""
    alt: str = ""
    captions: tuple[Track, ...] = ()
    rights: Rights | None = None
    commons: str | None = None
    """The Commons title it came from: policy looks it up again."""


class Card(Travelling):
    """The preview of a linked page, on platforms that let the author write it."""

    url: str
    title: str
    description: str = ""
    thumbnail: Rendition | None = None


class Piece(Travelling):
    """One post of a thread, or the only one."""

    text: str
    facets: tuple[Facet, ...] = ()
    media: tuple[Rendition, ...] = ()
    card: Card | None = None
    poll: Poll | None = None


class Payload(Travelling):
    """A post as its platform gets it; whatever is not in here is not sent.

    Outside the payload, and so outside its hash, are record keys, `createdAt` and the ids of uploads.
    """

    channel: str
    platform: str
    kind: Kind
    pieces: tuple[Piece, ...]
    title: str | None = None
    language: str = "en"
    content_warning: str | None = None
    refers_to: str | None = None
    first_comment: str | None = None
    """Said below the post by the account itself: what the caller wants there, and a credit that has no room above."""

    def canonical(self) -> bytes:
        """Return its canonical JSON, without what is as by default."""
        return canonical(self.model_dump(mode="json", exclude_defaults=True))

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
        return digest_of(self.canonical())


def digest_of(canonical: bytes) -> str:
    """Return the hash of a payload from its canonical JSON."""
    return hashlib.sha256(canonical).hexdigest()


# Made once: `json.dumps` with any option makes one for each call.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: object) -> bytes:
    """Return JSON that is the same for the same value: keys sorted, no blanks, UTF-8.

    Payloads hold no fractions but `seconds`, which Python writes in the shortest form that reads back the same.
    """
    return _ENCODER.encode(value).encode()
