"""The forms of what metrics answers."""

import datetime as time
from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.channels import Stance


class View(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class Measurement(View):
    """What a platform said about a post at one moment."""

    measured_at: time.datetime
    age_seconds: int
    values: Mapping[str, int]
    """By metric; what the platform did not say is absent, never zero."""


class Measurements(View):
    """A public post and its measurements, the oldest first."""

    post: UUID
    channel: str
    external_id: str
    permalink: str | None
    parts: list[str]
    published_at: time.datetime
    campaign: str | None
    measured_next: time.datetime | None
    """Null when the post was measured for the last time."""
    measurements: list[Measurement]
    next: time.datetime | None
    """Give it as `after` to read on; null at the end."""


class FollowersOn(View):
    """How many followed a channel on a day."""

    day: time.date
    count: int


class ChannelView(View):
    """A channel with its newest count of followers and the one of the strategy's page."""

    id: str
    platform: str
    handle: str
    stance: Stance
    measurable: bool
    """Whether this version can measure the platform."""
    latest: FollowersOn | None
    baseline: FollowersOn | None


class Channels(View):
    """All channels of the registry."""

    channels: list[ChannelView]


class FollowerHistory(View):
    """A channel's counts, one a day, the oldest first."""

    channel: str
    baseline: FollowersOn | None
    followers: list[FollowersOn]
    next: time.date | None
    """Give it as `after` to read on; null at the end."""


class Sums(View):
    """What a number of posts reached together, by their last measurements."""

    posts: int
    measured: int
    """How many of them have been measured; the values are theirs."""
    values: Mapping[str, int]


class Campaign(Sums):
    """A campaign's sums, together and by channel."""

    campaign: str
    channels: Mapping[str, Sums]


class Day(View):
    """How often what happened on a day (UTC)."""

    day: time.date
    events: Mapping[str, int]


class Days(View):
    """Some days, the oldest first."""

    days: list[Day]
    next: time.date | None
    """Give it as `after` to read on; null at the end."""
