"""What a platform declares about itself, as data: its limits, kinds, metric names, errors and promises."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.adapter.errors import PlatformError
from shared.adapter.form import Field, Permalink
from shared.content import Kind


class Unit(StrEnum):
    """In what a platform counts a text."""

    GRAPHEMES = "graphemes"
    UTF16 = "UTF-16 code units"
    UTF8 = "UTF-8 bytes"
    CODE_POINTS = "code points"
    WEIGHTED = "weighted characters"
    EMOJI_BYTES = "characters, emoji in UTF-8 bytes"


@dataclass(frozen=True, slots=True)
class TextLimit:
    """How much text a post may hold; an address counts `per_url` where the platform shortens it."""

    most: int
    unit: Unit
    per_url: int | None = None
    bare_domains: bool = False
    """Whether `wikipedia.org` alone is an address too, and addresses end where X ends them."""
    short_mentions: bool = False
    """Whether `@user@domain` counts as `@user` only."""
    kinds: frozenset[Kind] | None = None
    """Of which kinds of posts it holds; None: of all."""
    without: str = ""
    """Characters that the text must not have."""

    def holds(self, kind: Kind) -> bool:
        """Say whether the limit is one of posts of this kind."""
        return self.kinds is None or kind in self.kinds


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
    width: int | None = None
    """The width at the most; wider pictures are scaled down."""
    alt: int = 10_000
    """Longest alternative text, in graphemes; 0 where the platform has no field for it."""
    ratio: tuple[float, float] | None = None
    """Width by height, at the least and at the most; other pictures get bars at their sides, nothing is cropped."""


@dataclass(frozen=True, slots=True)
class VideoLimit:
    """Which video a post of some kind may carry; it is sent as it is, so one that does not fit is refused."""

    bytes: int
    types: tuple[str, ...]
    shortest: timedelta
    longest: timedelta
    codecs: tuple[str, ...] = ("h264",)
    """As FFmpeg names them."""
    ratio: tuple[float, float] | None = None
    """Width by height, at the least and at the most."""
    sides: tuple[int, int] | None = None
    """The shorter side at the least, the longer side at the most, in pixels."""
    rate: tuple[float, float] | None = None
    """Frames a second, at the least and at the most."""
    most: int = 1
    alt: int = 0
    """Longest alternative text, in graphemes; 0 where the platform has no field for it."""
    least: int = 0
    """Bytes, at the least."""


@dataclass(frozen=True, slots=True)
class Midnight:
    """A quota that is full again at the next midnight in `zone`."""

    zone: str


@dataclass(frozen=True, slots=True)
class PollLimit:
    """Which polls a platform takes."""

    options: int
    option: int
    """Longest answer, in `unit`."""
    shortest: timedelta
    longest: timedelta
    unit: Unit = Unit.GRAPHEMES
    multiple: bool = False
    """Whether a reader may choose several answers."""


@dataclass(frozen=True, slots=True)
class CaptionLimit:
    """Which captions a video may have; each file is of a language of its own."""

    most: int
    bytes: int
    """Of one file."""


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
    app: bool = False
    """Whether it is a quota of the app, for all its accounts together."""


@dataclass(frozen=True, slots=True)
class Grants:
    """How long a platform's grants last, and what renews them; the token endpoint's answers name the rest."""

    app: bool = True
    """Whether the platform lets in applications that are registered with it only."""
    refresh_token: bool = True
    """Whether it takes a refresh token to renew a grant; else the access token renews itself, or names no end."""
    youngest: timedelta = timedelta(0)
    """How old an access token must be before it can be renewed."""
    consent: timedelta | None = None
    """How long after their consent the owner must be asked again, whatever was renewed; None: never."""


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
    errors: Mapping[tuple[int | None, str | None], type[PlatformError]]
    """(HTTP status or None for any, the platform's code or None for any) → what it means for us."""
    codes: tuple[str, ...] = ("error.code", "error", "code")
    """Where an answer keeps the platform's code, the most exact first: `error.errors.0.reason`, or two of them joined,
    as in `error.code/error.error_subcode`."""
    waits: Mapping[str, timedelta | Midnight] = field(default_factory=dict)
    """By code: how long to wait where the answer itself does not say."""
    of_app: frozenset[str] = frozenset()
    """The codes of waits that are for the app, with all its accounts."""
    lag: timedelta = timedelta(seconds=30)
    """How long after a call a look-up may still not show what it made."""
    version: str = ""
    """The version of the API that this folder speaks; an account may name a newer one."""
    title: TextLimit | None = None
    """None where posts have no title."""
    title_needed: bool = False
    comment: TextLimit | None = None
    """How long the first comment may be; None where none can be made."""
    videos: Mapping[Kind, VideoLimit] = field(default_factory=dict)
    """By the kind of post: video, reel, story, and carousel where pictures and videos may be mixed."""
    pulls: bool = False
    """Whether the platform fetches media itself, from an address that is public (`Media.address`)."""
    quotas: bool = False
    """Whether the platform can be asked how much of its quota an account has used (`Connector.quota`)."""
    deletes: bool = True
    """Whether a post can be taken down over the API."""
    edits: bool = False
    """Whether the text of a public post can be changed over the API."""
    replies: bool = True
    """Whether replies and mentions can be read over the API."""
    thread: int = 1
    """How many posts a thread may have."""
    tags: int | None = None
    tag: int | None = None
    """Longest hashtag, in graphemes."""
    mentions: int | None = None
    links: int | None = None
    """How many different addresses a post may lead to."""
    poll: PollLimit | None = None
    captions: CaptionLimit | None = None
    """None where videos take no captions."""
    subject: Permalink | None = None
    """The posts that one may reply to, repost or quote; None where no kind is about another post."""
    lacks: Mapping[Kind, frozenset[Field]] = field(default_factory=dict)
    """What posts of a kind cannot have here, though posts of other kinds may."""
    ratios: Mapping[Kind, tuple[float, float]] = field(default_factory=dict)
    """Width by height of a picture, where a kind of post takes other shapes than `images` says."""
    card: bool = False
    """Whether the author writes the link's card; otherwise the platform fetches it."""
    thumbnail: ImageLimit | None = None
    """What the picture on such a card must fit."""
    credit: CreditPlace = CreditPlace.TEXT
    warning: WarningPlace = WarningPlace.TEXT
    grants: Grants = field(default_factory=Grants)

    def pictures(self, kind: Kind) -> ImageLimit | None:
        """Return what the pictures of such a post must fit."""
        ratio = self.ratios.get(kind)
        return replace(self.images, ratio=ratio) if self.images and ratio else self.images

    def comments(self, kind: Kind) -> bool:
        """Say whether such a post can have a first comment."""
        return self.comment is not None and Field.COMMENT not in self.lacks.get(kind, ())

    def stood_in(self, base_url: str | None) -> "Spec":
        """Return the spec of a platform for which something at `base_url` stands in: posts have addresses there too."""
        if base_url is None or self.subject is None:
            return self
        return replace(self, subject=replace(self.subject, stand_in=base_url))

    def adjusted(self, limits: Mapping[str, int]) -> "Spec":
        """Return the spec with the limits that an account or instance has of its own.

        Keys: text, per_url, images, image_bytes, image_pixels, image_side, alt, poll_options, poll_option,
        poll_shortest, poll_longest, video_longest (seconds), video_bytes, thread, tags, tag. Raises ValueError for a
        key that is none of these.
        """
        if not limits:
            return self
        if unknown := sorted(set(limits) - ADJUSTABLE):
            raise ValueError(
                f"{self.name} has no limit {', '.join(unknown)}; there are {', '.join(sorted(ADJUSTABLE))}"
            )
        first = replace(self.text[0], **_picked(limits, {"text": "most", "per_url": "per_url"}))
        images = self.images and replace(self.images, **_picked(limits, _IMAGE_KEYS))
        poll = self.poll and replace(self.poll, **_picked(limits, _POLL_KEYS), **_spans(limits))
        own = _picked(limits, {"thread": "thread", "tags": "tags", "tag": "tag"})
        videos = {kind: replace(limit, **self._video(limit, limits)) for kind, limit in self.videos.items()}
        return replace(self, text=(first, *self.text[1:]), images=images, poll=poll, videos=videos, **own)

    def _video(self, limit: VideoLimit, limits: Mapping[str, int]) -> dict[str, Any]:
        """A form that is shorter than the others by its nature, as a Short or a story is, is not made longer."""
        own = _picked(limits, {"video_bytes": "bytes"})
        if "video_longest" in limits:
            longest = timedelta(seconds=limits["video_longest"])
            by_nature = limit.longest < max(one.longest for one in self.videos.values())
            own["longest"] = min(limit.longest, longest) if by_nature else longest
        return own


_IMAGE_KEYS = {
    "images": "most",
    "image_bytes": "bytes",
    "image_pixels": "pixels",
    "image_side": "side",
    "alt": "alt",
}
_POLL_KEYS = {"poll_options": "options", "poll_option": "option"}
_SPAN_KEYS = {"poll_shortest": "shortest", "poll_longest": "longest"}
_VIDEO_KEYS = {"video_longest", "video_bytes"}
_OWN_KEYS = {"text", "per_url", "thread", "tags", "tag"}
ADJUSTABLE = frozenset({*_OWN_KEYS, *_IMAGE_KEYS, *_POLL_KEYS, *_SPAN_KEYS, *_VIDEO_KEYS})
"""The keys of limits that an account or instance may have of its own."""


def _picked(limits: Mapping[str, int], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: limits[key] for key, ours in names.items() if key in limits}


def _spans(limits: Mapping[str, int]) -> dict[str, Any]:
    return {ours: timedelta(seconds=limits[key]) for key, ours in _SPAN_KEYS.items() if key in limits}
