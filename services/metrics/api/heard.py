"""What others say to our channels."""

from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import AwareDatetime

from services.metrics import reports
from services.metrics.api.asked import Limit, Reader
from services.metrics.views import HeardPage
from shared.channels import RegistryFile
from shared.database import Sessions
from shared.http.translate import invalid

ChannelName = Annotated[str | None, Query(pattern=r"^[a-z]+/[a-z]+$", max_length=80)]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")]


def add_to(app: FastAPI, sessions: Sessions, registry: RegistryFile) -> None:
    """Add the address of what was heard."""

    @app.get("/v1/heard")
    async def list_heard(
        caller: Reader,
        channel: ChannelName = None,
        since: AwareDatetime | None = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> HeardPage:
        """Return replies, mentions and quotes in the order in which they were heard; `since` is when they were said."""
        if channel and channel not in registry.current().channels:
            remedy = "GET /v1/channels lists them."
            raise invalid([{"pointer": "query/channel", "detail": f"There is no channel {channel}.", "remedy": remedy}])
        async with sessions() as db:
            return await reports.heard(channel, since, cursor, limit, db)
