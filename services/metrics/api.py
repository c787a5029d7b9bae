"""What metrics answers: measurements of posts, followers of channels, sums of campaigns."""

import datetime as time
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Path, Query
from pydantic import AwareDatetime

from services.metrics import reports
from services.metrics.views import (
    Campaign,
    Channels,
    ChannelView,
    Days,
    FollowerHistory,
    FollowersOn,
    Measurements,
)
from shared import platforms
from shared.channels import Channel, RegistryFile
from shared.database import Sessions
from shared.http import Caller, Problem, require, service_app
from shared.process import Runtime

Reader = Annotated[Caller, Depends(require("metrics:read"))]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Name = Annotated[str, Path(pattern=r"^[a-z]+$", max_length=40)]
CampaignName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


def make_app(runtime: Runtime) -> FastAPI:
    """Return metrics' API."""
    app = service_app("Carillon metrics", "metrics", runtime.settings)
    _posts(app, runtime.sessions)
    _channels(app, runtime.sessions, RegistryFile(runtime.settings.config_dir))
    _sums(app, runtime.sessions)
    return app


def _posts(app: FastAPI, sessions: Sessions) -> None:
    @app.get("/v1/posts/{id}/measurements", responses={404: {"description": "No such post is public."}})
    async def read_measurements(
        id: UUID,  # noqa: A002 - the path's own word
        caller: Reader,
        after: AwareDatetime | None = None,
        limit: Limit = 100,
    ) -> Measurements:
        """Return what was measured of a public post, the oldest first."""
        async with sessions() as db:
            found = await reports.measurements(id, after, limit, db)
        if found is None:
            remedy = "Check the post's id; a post is known here once it is public."
            raise Problem(404, "not-found", f"There is no public post {id}.", remedy=remedy)
        return found


def _channels(app: FastAPI, sessions: Sessions, registry: RegistryFile) -> None:
    @app.get("/v1/channels")
    async def list_channels(caller: Reader) -> Channels:
        """Return every channel with its newest count of followers."""
        async with sessions() as db:
            latest = await reports.latest_followers(db)
        known = registry.current().channels.values()
        return Channels(channels=[_view(channel, latest.get(channel.id)) for channel in known])

    @app.get("/v1/channels/{brand}/{platform}/followers", responses={404: {"description": "No such channel."}})
    async def list_followers(
        brand: Name, platform: Name, caller: Reader, after: time.date | None = None, limit: Limit = 100
    ) -> FollowerHistory:
        """Return a channel's followers day by day, the oldest first."""
        channel = registry.current().channels.get(f"{brand}/{platform}")
        if channel is None:
            remedy = "GET /v1/channels lists them."
            raise Problem(404, "not-found", f"There is no channel {brand}/{platform}.", remedy=remedy)
        async with sessions() as db:
            found = await reports.followers(channel.id, after, limit + 1, db)
        return FollowerHistory(
            channel=channel.id,
            baseline=_baseline(channel),
            followers=found[:limit],
            next=found[limit - 1].day if len(found) > limit else None,
        )


def _sums(app: FastAPI, sessions: Sessions) -> None:
    @app.get("/v1/campaigns/{name}", responses={404: {"description": "No public post belongs to it."}})
    async def read_campaign(name: CampaignName, caller: Reader) -> Campaign:
        """Return what a campaign's public posts reached together, by their last measurements."""
        async with sessions() as db:
            found = await reports.campaign(name, db)
        if found is None:
            remedy = "Check the campaign's name; it is known here once a post of it is public."
            raise Problem(404, "not-found", f"No public post belongs to the campaign {name}.", remedy=remedy)
        return found

    @app.get("/v1/days")
    async def list_days(caller: Reader, after: time.date | None = None, limit: Limit = 100) -> Days:
        """Return how many posts were published, failed, held and so on, day by day (UTC)."""
        async with sessions() as db:
            return await reports.days(after, limit, db)


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
