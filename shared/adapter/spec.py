"""What a platform declares about itself, as data: its limits, kinds, metric names, errors and promises."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.adapter.errors import PlatformError
from shared.content import Kind


class Unit(StrEnum):
    """In what a platform counts a text."""

    GRAPHEMES = "graphemes"
    UTF16 = "UTF-16 code units"
    UTF8 = "UTF-8 bytes"
    CODE_POINTS = "code points"
    WEIGHTED = "weighted characters"


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How much text a post may hold; an address counts `per_url` where the platform shortens it."""

    most: int
    unit: Unit
    per_url: int | None = None
    short_mentions: bool = False
    """Whether `@user@domain` counts as `@user` only."""


@dataclass(frozen=True, slots=True)
class ImageLimit:
    """Which images a post may carry."""

    most: int
    bytes: int
    types: tuple[str, ...]
    pixels: int | None = None
    """Width times height, at the most."""
    side: int | None = None
    """The longer side, at the most; larger pictures are scaled down."""
    alt: int = 10_000
    """Longest alternative text, in graphemes."""


@dataclass(frozen=True, slots=True)
class PollLimit:
    """Which polls a platform takes."""

    options: int
    option: int
    """Longest answer, in graphemes."""
    shortest: timedelta
    longest: timedelta


class WarningPlace(StrEnum):
    """Where a content warning is said."""

    FIELD = "field"
    """In a field of its own, which does not count as text."""
    COUNTED = "counted field"
    """In a field of its own, which counts as text."""
    TEXT = "text"
    """At the head of the text: the platform has no field for it."""


class CreditPlace(StrEnum):
    """Where the credit of a medium goes."""

    TEXT = "text"
    ALT = "alt"
    COMMENT = "first comment"


@dataclass(frozen=True, slots=True)
class Safe:
    """The platform itself makes a repeated call harmless, for `within` (None: for ever)."""

    within: timedelta | None = None

    def covers(self, since: datetime, now: datetime) -> bool:
        """Say whether a call first made at or after `since` may still be repeated unseen."""
        return self.within is None or now - since < self.within


class Repeat(StrEnum):
    """Whether a call whose outcome is unknown can be looked up, where it cannot be repeated safely."""

    FINDABLE = "findable"
    UNSAFE = "unsafe"


class Absence(StrEnum):
    """Whether a look-up that found nothing proves that nothing is there."""

    PROVES = "proves"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Pace:
    """How many posts an account may publish in a stretch of time."""

    posts: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Spec:
    """A platform as data; its page of documentation is named beside each figure in the platform's `spec.py`."""

    name: str
    text: tuple[TextLimit, ...]
    """All of them hold."""
    kinds: frozenset[Kind]
    images: ImageLimit | None
    repeat: Safe | Repeat
    absence: Absence
    pace: tuple[Pace, ...]
    metrics: Mapping[str, str]
    """The platform's name of a figure → ours: views, likes, comments, shares, quotes, saves."""
    errors: Mapping[tuple[int, str | None], type[PlatformError]]
    """(HTTP status, the platform's code or None for any) → what it means for us."""
    thread: int = 1
    """How many posts a thread may have."""
    tags: int | None = None
    tag: int | None = None
    """Longest hashtag, in graphemes."""
    poll: PollLimit | None = None
    card: bool = False
    """Whether the author writes the link's card; otherwise the platform fetches it."""
    thumbnail: ImageLimit | None = None
    """What the picture on such a card must fit."""
    credit: CreditPlace = CreditPlace.TEXT
    warning: WarningPlace = WarningPlace.TEXT

    def adjusted(self, limits: Mapping[str, int]) -> "Spec":
        """Return the spec with the limits that an account or instance has of its own.

        Keys: text, per_url, images, image_bytes, image_pixels, image_side, alt, poll_options, poll_option,
        poll_shortest, poll_longest (seconds), thread, tags, tag. Raises ValueError for a key that is none of these.
        """
        if not limits:
            return self
        if unknown := sorted(set(limits) - _ADJUSTABLE):
            raise ValueError(
                f"{self.name} has no limit {', '.join(unknown)}; there are {', '.join(sorted(_ADJUSTABLE))}"
            )
        first = replace(self.text[0], **_picked(limits, {"text": "most", "per_url": "per_url"}))
        images = self.images and replace(self.images, **_picked(limits, _IMAGE_KEYS))
        poll = self.poll and replace(self.poll, **_picked(limits, _POLL_KEYS), **_spans(limits))
        own = _picked(limits, {"thread": "thread", "tags": "tags", "tag": "tag"})
        return replace(self, text=(first, *self.text[1:]), images=images, poll=poll, **own)


_IMAGE_KEYS = {
    "images": "most",
    "image_bytes": "bytes",
    "image_pixels": "pixels",
    "image_side": "side",
    "alt": "alt",
}
_POLL_KEYS = {"poll_options": "options", "poll_option": "option"}
_SPAN_KEYS = {"poll_shortest": "shortest", "poll_longest": "longest"}
_ADJUSTABLE = frozenset({"text", "per_url", "thread", "tags", "tag", *_IMAGE_KEYS, *_POLL_KEYS, *_SPAN_KEYS})


def _picked(limits: Mapping[str, int], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: limits[key] for key, ours in names.items() if key in limits}


def _spans(limits: Mapping[str, int]) -> dict[str, Any]:
    return {ours: timedelta(seconds=limits[key]) for key, ours in _SPAN_KEYS.items() if key in limits}
