"""What a caller asks for: one piece of content, and all that is known about it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, AnyHttpUrl, AwareDatetime, Field, StringConstraints, model_validator

from shared.model import Asked

Text = Annotated[str, StringConstraints(min_length=1, max_length=40_000)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z]+$")]
Region = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|[0-9]{3})$")]
LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")


def _language(value: str) -> str:
    if not LANGUAGE.match(value):
        raise ValueError("is not a language tag; write it as BCP 47 does, such as 'en', 'pt-BR' or 'zh-Hant'")
    return value


def _web_address(value: str) -> str:
    """Check an address and keep it as the caller wrote it: no slash added, nothing re-encoded."""
    AnyHttpUrl(value)
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # reads a folder of files, so once


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("is not an IANA time zone; write one such as 'Europe/Athens' or 'America/Sao_Paulo'")
    return value


Language = Annotated[str, AfterValidator(_language)]
WebAddress = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(_web_address)]
Zone = Annotated[str, AfterValidator(_zone)]
# Bounds, because a moment near the end of the calendar cannot be told in every zone.
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]


class Kind(StrEnum):
    """The form that a post takes on its platform."""

    POST = "post"
    IMAGE = "image"
    CAROUSEL = "carousel"
    VIDEO = "video"
    REEL = "reel"
    STORY = "story"
    THREAD = "thread"
    POLL = "poll"
    REPLY = "reply"
    REPOST = "repost"
    QUOTE = "quote"
    LIVESTREAM = "livestream"


class Tier(StrEnum):
    """How long the content holds its reader (C26–C29)."""

    BITE = "bite"
    SNACK = "snack"
    MEAL = "meal"


class Audience(StrEnum):
    """Whom a channel or a post is for (C9, C10, C17)."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Priority(StrEnum):
    """Who goes first when several posts are due: corrections and crises before the rest."""

    CRISIS = "crisis"
    CORRECTION = "correction"
    NORMAL = "normal"


class Owner(StrEnum):
    """On whose word a medium may be used (C43, C44)."""

    COMMONS = "commons"
    WMF = "wmf"
    PERMISSION = "permission"
    OTHER = "other"


class Permission(Asked):
    """An author's written permission (C44)."""

    author: Line
    scope: Line
    granted_on: datetime
    evidence: Line
    """Where the writing is kept: a ticket number or an archive id, never the letter itself."""


class Rights(Asked):
    """Why a medium may be used, and whom to thank (C43, C44; credit as title, author, source, licence)."""

    owner: Owner = Owner.OTHER
    title: Line | None = None
    author: Line | None = None
    source: WebAddress | None = None
    license: Line | None = None
    """The licence as Commons spells it: `cc-by-sa-4.0`, `cc0`, `pd`."""
    license_name: Line | None = None
    license_url: WebAddress | None = None
    attribution_required: bool = True
    restrictions: tuple[str, ...] = ()
    deletion_pending: bool = False
    permission: Permission | None = None


class Captions(Asked):
    """Subtitles of a video in one language, as WebVTT in the media store."""

    language: Language
    asset: Sha256


class Media(Asked):
    """A picture, video or sound: one of `commons`, `asset` or `upload` says where it is."""

    commons: Annotated[str, StringConstraints(pattern=r"^File:.{1,240}$")] | None = None
    """The title on Wikimedia Commons, such as `File:Eileen Collins.jpg`."""
    asset: Sha256 | None = None
    """The SHA-256 of bytes that the media store has."""
    upload: UUID | None = None
    """The id that `POST /v1/uploads` answered."""
    alt: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    """What the picture shows, for who cannot see it. Policy refuses media without it (C23)."""
    captions: tuple[Captions, ...] = ()
    """Of a video, one file for each language; refused where the platform takes none, for they would be lost."""
    credit: Line | None = None
    """The credit line, where the one composed from `rights` would not do."""
    rights: Rights | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.commons, self.asset, self.upload)) != 1:
            raise ValueError("give exactly one of 'commons', 'asset' and 'upload'")
        return self


class Part(Asked):
    """One post of a thread."""

    text: Text
    media: tuple[Media, ...] = Field(default=(), max_length=20)


class Link(Asked):
    """The page that the post leads to, and the card that shows it."""

    url: WebAddress
    title: Line | None = None
    description: Line | None = None
    thumbnail: Media | None = None


class Source(Asked):
    """Where a claim of the post can be checked (C25)."""

    url: WebAddress
    revision: int | None = Field(default=None, ge=1)
    """The wiki page's revision, so that the source stays what it was."""
    note: Line | None = None


class Poll(Asked):
    """A question with answers to choose from."""

    options: tuple[Line, ...] = Field(min_length=2, max_length=10)
    seconds: int = Field(default=86_400, ge=300, le=2_629_746)
    multiple: bool = False


class Content(Asked):
    """What is to be said: a text or a thread, with what belongs to it."""

    title: Line | None = None
    """What a video or a set of pictures is called, on the platforms that show a title."""
    text: Text | None = None
    thread: tuple[Part, ...] | None = Field(default=None, min_length=2, max_length=50)
    media: tuple[Media, ...] = Field(default=(), max_length=50)
    link: Link | None = None
    poll: Poll | None = None
    kind: Kind | None = None
    """Left out, it follows from what is there."""
    first_comment: Text | None = None
    """Said below the post by the account itself; refused where the platform, or the kind of post, takes none."""
    refers_to: WebAddress | None = None
    """The address, on the channel's own platform, of the post that is replied to, reposted or quoted; refused for other
    kinds. Where channels of several platforms are asked for, their variants name it."""
    content_warning: Line | None = None
    language: Language = "en"
    sources: tuple[Source, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is not None and self.thread is not None:
            raise ValueError("give 'text' or 'thread', not both; the first part of a thread is its opening text")
        if self.text is None and self.thread is None and not self.media and self.kind is not Kind.REPOST:
            raise ValueError("there is nothing to say: give 'text', 'thread' or 'media'")
        return self


class Variant(Asked):
    """What one channel, platform or language says differently; what is left out stays as in the content."""

    title: Line | None = None
    text: Text | None = None
    thread: tuple[Part, ...] | None = Field(default=None, min_length=2, max_length=50)
    media: tuple[Media, ...] | None = Field(default=None, max_length=50)
    link: Link | None = None
    poll: Poll | None = None
    kind: Kind | None = None
    first_comment: Text | None = None
    refers_to: WebAddress | None = None
    content_warning: Line | None = None


class Target(Asked):
    """One post that is wanted: a channel and, where it differs, the language."""

    channel: ChannelId
    language: Language | None = None


class Experiment(Asked):
    """Which arm of which experiment a post belongs to (C32)."""

    name: Slug
    arm: Slug


class About(Asked):
    """What a post is for; it travels with every event so that whoever measures can tell."""

    tier: Tier | None = None
    campaign: Slug | None = None
    objective: Slug | None = None
    regions: tuple[Region, ...] = ()
    """ISO 3166 countries (`BR`) or UN M49 regions (`419`)."""
    audience: Audience = Audience.PUBLIC
    hook: Line | None = None
    """The current event that makes it timely (C22)."""
    experiment: Experiment | None = None
    priority: Priority = Priority.NORMAL
    labels: Mapping[Slug, Line] = Field(default_factory=dict, max_length=20)


class Timing(Asked):
    """When a post may go out; without `publish_at` it goes as soon as it is approved."""

    publish_at: Moment | None = None
    zone: Zone | None = None
    """The zone in which `publish_at` was meant; kept, and checked against the offset."""
    not_after: Moment | None = None
    """From here on the post is expired, not late."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.zone and self.publish_at is None:
            raise ValueError("'zone' needs 'publish_at'")
        if self.zone and self.publish_at and _offset_in(self.zone, self.publish_at) != self.publish_at.utcoffset():
            raise ValueError(f"'publish_at' has another offset than {self.zone} at that time; correct one of them")
        if self.publish_at and self.not_after and self.not_after <= self.publish_at:
            raise ValueError("'not_after' must be later than 'publish_at'")
        return self


def _offset_in(zone: str, moment: datetime) -> timedelta | None:
    return moment.astimezone(ZoneInfo(zone)).utcoffset()


class Asking(Asked):
    """The body of `POST /v1/requests`: one piece of content and the channels it is for."""

    content: Content
    channels: tuple[Target, ...] = Field(min_length=1, max_length=50)
    variants: Mapping[str, Variant] = Field(default_factory=dict, max_length=100)
    """By language (`pt`), platform (`bluesky`) or channel (`wikipedia/bluesky`); the more exact one wins."""
    about: About = About()
    timing: Timing = Timing()
    after: UUID | None = None
    """The post that must be public before this one."""
    requested_by: Line | None = None
    """The person behind the call; the tool is known by its token. Kept apart, and erased after a time."""

    @model_validator(mode="after")
    def _no_target_twice(self) -> Self:
        wanted = [(t.channel, t.language or self.content.language) for t in self.channels]
        if len(set(wanted)) != len(wanted):
            raise ValueError("'channels' names one channel and language twice; one post each is enough")
        return self


def for_target(asking: Asking, target: Target) -> Content:
    """Return the content as one target says it: base, then language, then platform, then channel."""
    language = target.language or asking.content.language
    changes: dict[str, object] = {"language": language}
    for key in (language, target.channel.split("/")[1], target.channel):
        if variant := asking.variants.get(key):
            said = variant.model_dump(exclude_none=True, exclude_unset=True).keys()
            changes |= {name: getattr(variant, name) for name in said}
            changes |= {"thread": None} if "text" in said else {"text": None} if "thread" in said else {}
    return asking.content.model_copy(update=changes)
