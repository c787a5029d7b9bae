"""The channels: their followers day by day, who these are, and the table of the strategy's page."""

import datetime as time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Path, Response

from services.metrics import reports
from services.metrics.api.asked import Limit, Reader
from services.metrics.table import FORMS, channel_table
from services.metrics.views import (
    Channels,
    ChannelTable,
    ChannelView,
    FollowerHistory,
    FollowersOn,
    PeopleHistory,
)
from shared import platforms
from shared.channels import Channel, RegistryFile
from shared.database import Sessions
from shared.http.problems import Problem, documented
from shared.http.translate import invalid

Name = Annotated[str, Path(pattern=r"^[a-z]+$", max_length=40)]
Format = Literal["wikitext", "csv", "json"]
WRITTEN: dict[str, Any] = {media_type: {"schema": {"type": "string"}} for _, media_type in FORMS.values()}
EARLIEST = "Pacific/Kiritimati"
"""Where every day begins first."""


def add_to(app: FastAPI, sessions: Sessions, registry: RegistryFile) -> None:
    """Add the addresses of channels."""
    _lists(app, sessions, registry)
    _table(app, sessions, registry)
    _histories(app, sessions, registry)


def _lists(app: FastAPI, sessions: Sessions, registry: RegistryFile) -> None:
    @app.get("/v1/channels")
    async def list_channels(caller: Reader) -> Channels:
        """Return every channel with its newest count of followers."""
        async with sessions() as db:
            latest = await reports.latest_followers(db)
        known = registry.current().channels.values()
        return Channels(channels=[_view(channel, latest.get(channel.id)) for channel in known])


def _table(app: FastAPI, sessions: Sessions, registry: RegistryFile) -> None:
    @app.get("/v1/channels/table", response_model=ChannelTable, responses={200: {"content": WRITTEN}})
    async def read_channel_table(
        caller: Reader,
        format: Format = "json",  # noqa: A002 - the question's own word
        as_of: time.date | None = None,
    ) -> ChannelTable | Response:
        """Return the channel table of the strategy's page as it was on a day, today if none is given."""
        latest_day = time.datetime.now(ZoneInfo(EARLIEST)).date()
        if as_of and as_of > latest_day:
            detail = f"{as_of} has not come yet."
            raise invalid(
                [{"pointer": "query/as_of", "detail": detail, "remedy": f"Give {latest_day} or a day before."}]
            )
        async with sessions() as db:
            counted = await reports.latest_followers(db, as_of)
        found = channel_table(registry.current(), counted, as_of or time.datetime.now(time.UTC).date())
        if format == "json":
            return found
        written, media_type = FORMS[format]
        return Response(written(found), media_type=media_type)


def _histories(app: FastAPI, sessions: Sessions, registry: RegistryFile) -> None:
    @app.get("/v1/channels/{brand}/{platform}/followers", responses=documented(404))
    async def list_followers(
        brand: Name, platform: Name, caller: Reader, after: time.date | None = None, limit: Limit = 100
    ) -> FollowerHistory:
        """Return a channel's followers day by day, the oldest first."""
        channel = _known(f"{brand}/{platform}", registry)
        async with sessions() as db:
            found = await reports.followers(channel.id, after, limit + 1, db)
        return FollowerHistory(
            channel=channel.id,
            baseline=_baseline(channel),
            followers=found[:limit],
            next=found[limit - 1].day if len(found) > limit else None,
        )

    @app.get("/v1/channels/{brand}/{platform}/people", responses=documented(404))
    async def list_people(
        brand: Name, platform: Name, caller: Reader, after: time.date | None = None, limit: Limit = 100
    ) -> PeopleHistory:
        """Return who follows a channel by country and age, about once a week, the oldest first."""
        channel = _known(f"{brand}/{platform}", registry)
        async with sessions() as db:
            found = await reports.people(channel.id, after, limit + 1, db)
        return PeopleHistory(
            channel=channel.id, people=found[:limit], next=found[limit - 1].day if len(found) > limit else None
        )


def _known(name: str, registry: RegistryFile) -> Channel:
    if channel := registry.current().channels.get(name):
        return channel
    raise Problem(404, "not-found", f"There is no channel {name}.", remedy="GET /v1/channels lists them.")


def _view(channel: Channel, latest: FollowersOn | None) -> ChannelView:
    return ChannelView(
        id=channel.id,
        platform=channel.platform,
        handle=channel.handle,
        stance=channel.stance,
        measurable=channel.platform in platforms.specs(),
        latest=latest,
        baseline=_baseline(channel),
    )


def _baseline(channel: Channel) -> FollowersOn | None:
    counted = channel.followers
    return FollowersOn(day=counted.on, count=counted.count) if counted else None
