"""What became of public posts: measurements, sums by campaign and by day."""

import datetime as time
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Path
from pydantic import AwareDatetime

from services.metrics import reports
from services.metrics.api.asked import Limit, Reader
from services.metrics.views import Campaign, Days, Measurements
from shared.database import Sessions
from shared.http.problems import Problem, documented

CampaignName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


def add_to(app: FastAPI, sessions: Sessions) -> None:
    """Add the addresses of posts and sums."""
    _posts(app, sessions)
    _sums(app, sessions)


def _posts(app: FastAPI, sessions: Sessions) -> None:
    @app.get("/v1/posts/{id}/measurements", responses=documented(404))
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


def _sums(app: FastAPI, sessions: Sessions) -> None:
    @app.get("/v1/campaigns/{name}", responses=documented(404))
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
