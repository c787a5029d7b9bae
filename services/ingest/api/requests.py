"""`/v1/requests`: one piece of content and the channels it is for."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import Counter

from services.ingest.accept import Door
from services.ingest.api.body import read
from services.ingest.api.direct import Direct
from services.ingest.api.keys import response
from services.ingest.api.printable import printable
from services.ingest.preview import Preview
from services.ingest.views import RequestView, request_view
from shared.content import Asking
from shared.database import Sessions
from shared.http.auth import Caller, require
from shared.http.idempotency import NAME, PARAMETER, checked

ACCEPTED = Counter("carillon_ingest_requests_total", "Requests answered with 202, by whether again", ["replayed"])
ANEW, AGAIN = ACCEPTED.labels("false"), ACCEPTED.labels("true")

HEADERS: dict[str, Any] = {
    "Location": {"description": "Where the request can be read.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {"description": "`true` when this is an earlier answer.", "schema": {"type": "string"}},
}
DOCUMENTED: dict[str, Any] = {
    "security": [{"token": []}],
    "parameters": [PARAMETER],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{Asking.__name__}"}}},
    },
}


def add_requests(router: APIRouter, door: Door) -> None:
    """Add `POST /v1/requests` to the application's own router: an included one would be searched twice."""
    admitted = require("posts:write")

    async def request_posts(request: Request) -> Response:
        """Ask for posts: one for each channel, checked against its limits at once."""
        caller = await admitted(request)
        key = checked(request.headers.get(NAME))
        asking, body = await read(request, Asking)
        answer = await door.accept(asking, body, key, caller)
        (AGAIN if answer.replayed else ANEW).inc()
        return response(answer)

    router.add_api_route(
        "/v1/requests",
        request_posts,
        methods=["POST"],
        status_code=202,
        response_model=RequestView,
        responses={202: {"description": "Accepted: kept, and on its way.", "headers": HEADERS}},
        openapi_extra=DOCUMENTED,
        route_class_override=Direct,
    )


def routes(door: Door, sessions: Sessions) -> APIRouter:
    """Return the other routes."""
    router = APIRouter()

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
