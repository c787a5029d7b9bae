"""`/v1/requests`: one piece of content and the channels it is for."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import Counter

from services.ingest.accept import Door
from services.ingest.api.body import read
from services.ingest.api.keys import IdempotencyKey, checked, response
from services.ingest.api.printable import printable
from services.ingest.preview import Preview
from services.ingest.views import RequestView, request_view
from shared.content import Asking
from shared.database import Sessions
from shared.http import Caller, require

ACCEPTED = Counter("carillon_ingest_requests_total", "Requests answered with 202, by whether again", ["replayed"])

HEADERS: dict[str, Any] = {
    "Location": {"description": "Where the request can be read.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {"description": "`true` when this is an earlier answer.", "schema": {"type": "string"}},
}
DOCUMENTED: dict[str, Any] = {
    "security": [{"token": []}],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{Asking.__name__}"}}},
    },
}


def routes(door: Door, sessions: Sessions) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    admitted = require("posts:write")

    # The busiest road: the framework's handling of dependencies would cost as much as all of the rendering.
    @router.post(
        "/v1/requests",
        status_code=202,
        response_model=RequestView,
        responses={202: {"description": "Accepted: kept, and on its way.", "headers": HEADERS}},
        openapi_extra=DOCUMENTED,
    )
    async def request_posts(request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Ask for posts: one for each channel, checked against its limits at once."""
        caller = await admitted(request)
        key = checked(idempotency_key)
        asking, body = await read(request, Asking)
        answer = await door.accept(asking, body, key, caller)
        ACCEPTED.labels(str(answer.replayed).lower()).inc()
        return response(answer)

    @router.post("/v1/previews", dependencies=[Depends(printable)])
    async def preview_posts(asking: Asking, caller: Annotated[Caller, Depends(require("posts:write"))]) -> Preview:
        """Show what a request would become: checked and rendered just so, and nothing is kept."""
        return await door.preview(asking, caller)

    @router.get("/v1/requests/{request_id}")
    async def read_request(request_id: UUID, caller: Annotated[Caller, Depends(require("posts:read"))]) -> RequestView:
        """Read a request and where its posts stand."""
        async with sessions() as db:
            return await request_view(db, request_id, caller)

    return router
