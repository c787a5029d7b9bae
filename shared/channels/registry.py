"""What a channel is, and the registry that holds them all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.channels.strategy import Strategy
from shared.content import Audience, ChannelId, Line, Slug, WebAddress, Zone
from shared.model import Asked

NO_SPACING = timedelta(0)


class Stance(StrEnum):
    """Whether a channel is used (C12)."""

    ON = "on"
    LIMITED = "limited"
    """A person reviews every post."""
    OFF = "off"
    """Every post is refused."""


class OwnerRole(Asked):
    """A role that answers for channels (C4, C8, C11); who fills it is none of this file's business."""

    team: Line
    zone: Zone | None = None


class Followers(Asked):
    """How many followed a channel on a day."""

    count: NonNegativeInt
    on: date
    source: WebAddress


class QuietHours(Asked):
    """Hours of the channel's day in which only crises and corrections go out; they may span midnight."""

    start: time
    end: time

    def contain(self, moment: time) -> bool:
        """Tell whether a time of the channel's day is quiet; `start` is, `end` no longer."""
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


class Quota(Asked):
    """How many posts an account may publish in a stretch of time."""

    posts: PositiveInt
    per: Annotated[timedelta, Field(ge=timedelta(seconds=1))]


class Channel(Asked):
    """One account of one brand on one platform: `wikipedia/bluesky`."""

    id: ChannelId
    handle: Annotated[Line, Field(pattern=r"^[^@\s]+$")]
    """The account's name on its platform, without @."""
    base_url: WebAddress
    """Where the platform's API is."""
    audience: Audience
    owners: tuple[Slug, ...] = Field(min_length=1)
    """Roles of `Registry.owners`."""
    stance: Stance
    zone: Zone
    spacing: timedelta = Field(default=NO_SPACING, ge=NO_SPACING)
    """Least time between two posts."""
    quiet: QuietHours | None = None
    pace: tuple[Quota, ...] = ()
    """What the account may publish, where it differs from what the platform says of all."""
    followers: Followers | None = None
    """As the strategy's page counted them; metrics counts anew every day."""
    shared_with: tuple[Slug, ...] = ()
    """Roles that post there too: not every post on the channel is ours (C8)."""
    limits: Mapping[str, PositiveInt] = Field(default_factory=dict)
    """What the account or its instance allows, where it differs from the platform's spec."""

    @property
    def brand(self) -> str:
        """The first half of the id: `wikipedia`."""
        return self.id.partition("/")[0]

    @property
    def platform(self) -> str:
        """The second half of the id: `bluesky`."""
        return self.id.partition("/")[2]

    def is_quiet_at(self, moment: datetime) -> bool:
        """Tell whether an aware moment falls into the channel's quiet hours."""
        return self.quiet is not None and self.quiet.contain(moment.astimezone(ZoneInfo(self.zone)).time())


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that `config/` says, as one value that never changes; a changed file makes another one."""

    channels: Mapping[str, Channel]
    """By id, in the order of the file."""
    owners: Mapping[str, OwnerRole]
    strategy: Strategy
    digest: str
    """SHA-256 of the files, as 64 hexadecimal digits: the same on every process that read the same files."""
    files: tuple[Path, ...]
    """What was read."""
