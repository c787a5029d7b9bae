"""The forms of what metrics answers."""

import datetime as time
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from shared.channels import Stance


class View(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class Measurement(View):
    """What a platform said about a post at one moment."""

    measured_at: time.datetime
    age_seconds: int
    values: Mapping[str, int]
    """By metric, paid and unpaid together; what the platform did not say is absent, never zero."""
    organic: Mapping[str, int] = Field(default_factory=dict)
    """The unpaid share of the values, where the platform tells it apart."""
    awaited: list[str] = Field(default_factory=list)
    """Metrics that the platform has for the post, but had not yet; they are asked for again at the next age."""


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


class PeopleOn(View):
    """Who followed a channel on a day, as counts; a platform may say one of the two only, and not of everybody."""

    day: time.date
    countries: Mapping[str, int]
    """By ISO 3166 code."""
    ages: Mapping[str, int]
    """By span, such as `25-34`."""


class PeopleHistory(View):
    """Who followed a channel, about once a week, the oldest first; empty where the platform does not say."""

    channel: str
    people: list[PeopleOn]
    next: time.date | None
    """Give it as `after` to read on; null at the end."""


class TableCell(View):
    """What the channel table says of one channel."""

    username: str
    followers: int | None
    """Null where nobody had counted them by then."""
    counted_on: time.date | None
    notes: list[str]
    """What a footnote says."""


class TableRow(View):
    """A platform's line of the channel table."""

    platform: str
    name: str
    channels: Mapping[str, TableCell | None]
    """By brand; null where the brand has no channel there."""


class ChannelTable(View):
    """The channel table of the strategy's page, as it was on a day."""

    as_of: time.date
    brands: Mapping[str, str]
    """Brand → the heading of its columns, in the page's order."""
    rows: list[TableRow]


class HeardView(View):
    """Something that somebody said to our channels."""

    platform: str
    id: str
    """The platform's id; once erased, a hash of it."""
    channels: list[str]
    """Those of ours that it was said to."""
    kind: Literal["reply", "mention", "quote"]
    text: str | None
    """Null once it is erased, as are author and permalink."""
    author: str | None
    """Their handle or name, as the platform shows it."""
    at: time.datetime
    permalink: str | None
    to: str | None = Field(validation_alias=AliasChoices("to_id", "to"))
    """The platform's id of our post that it is about, where the platform says which."""
    erased_at: time.datetime | None


class HeardPage(View):
    """Some of what was heard, in the order in which it was heard."""

    heard: list[HeardView]
    next: str | None
    """Give it as `cursor` to read on; null at the end."""


class Sums(View):
    """What a number of posts reached together, by their last measurements."""

    posts: int
    measured: int
    """How many of them have been measured; the values are theirs."""
    values: Mapping[str, int]


class Campaign(Sums):
    """A campaign's sums, together and by channel; means, such as `watched_mean`, are left out: they have no sum."""

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
