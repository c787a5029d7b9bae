"""The shape that every platform fits: a spec, which is data, and a few calls."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from shared.adapter.errors import PlatformError
from shared.content import Kind
from shared.payload import Payload

# ---- what a spec says ------------------------------------------------------------------------------------------------


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


class CreditPlace(StrEnum):
    """Where the credit of a medium goes."""

    TEXT = "text"
    ALT = "alt"
    COMMENT = "first comment"


@dataclass(frozen=True, slots=True)
class Safe:
    """The platform itself makes a repeated call harmless, for `within` (None: for ever)."""

    within: timedelta | None = None


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
    credit: CreditPlace = CreditPlace.TEXT
    warning_counts: bool = False
    """Whether the content warning counts as text."""


# ---- what a call takes and gives -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """Who posts: the account of one channel and where its platform is; never logged, for it holds secrets."""

    channel: str
    handle: str
    base_url: str
    secrets: Mapping[str, str] = field(repr=False)
    """What the platform needs to let us in: `identifier` and `password`, or `access_token`."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """Limits that the account or its instance overrides, from `config/channels.yaml`."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at publishing: all that must be the same when it is tried again."""

    post: UUID
    revision: int
    created_at: datetime
    """Fixed at the first claim, so that a repeated call says the same."""
    key: str
    """The same for every try of this post and revision: record keys and idempotency keys derive from it."""
    resume: Mapping[str, Any] = field(default_factory=dict)
    """What earlier tries got done, as JSON: ids of uploads, parts of a thread that are already public."""


@dataclass(frozen=True, slots=True)
class Published:
    """The post is public."""

    external_id: str
    permalink: str | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """The platform is still at it: ask again in `after` seconds, with `resume`."""

    resume: Mapping[str, Any]
    after: float


class NotFound:
    """A look-up that worked and found nothing."""


class Media(Protocol):
    """Where renditions are read from."""

    async def read(self, sha256: str) -> bytes:
        """Return the bytes; raises FileNotFoundError."""


class Http(Protocol):
    """The door to a platform: one client a worker, its failures named by remedy (`shared.adapter.client`)."""

    async def call(
        self,
        method: str,
        url: str,
        *,
        mutates: bool,
        json: object | None = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Sequence[int] = (200,),
    ) -> "Answer":
        """Call once and return the answer; raises PlatformError as the spec's table and the phase of failure say."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform answered, already known to be one of the expected statuses."""

    status: int
    json: Any
    headers: Mapping[str, str]


Progress = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Persist `resume` before the next call that makes something public; raises when the fence no longer holds."""


class Publisher(Protocol):
    """`publish.py`: what publisher calls, and nobody else."""

    async def publish(
        self, payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
    ) -> Published | Pending:
        """Make the payload public, going on from `attempt.resume`; raises PlatformError."""

    async def find(self, payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | NotFound:
        """Look whether an earlier try made it; raises PlatformError."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one published post under our names; what the platform does not say is absent."""

    external_id: str
    values: Mapping[str, int]


class Measurer(Protocol):
    """`measure.py`: what metrics calls, and nobody else."""

    async def measure(self, external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
        """Return the figures of those posts that the platform knows; a missing post is left out."""

    async def followers(self, account: Account, http: Http) -> int:
        """Return how many follow the account now."""
