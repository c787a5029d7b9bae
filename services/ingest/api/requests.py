"""`/v1/requests`: one piece of content and the channels it is for."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import Counter

from services.ingest.accept import Door
from services.ingest.api.keys import IdempotencyKey, checked, response
from services.ingest.api.printable import check_printable
from services.ingest.views import RequestView, request_view
from shared.content import Asking
from shared.database import Sessions
from shared.http import Caller, require
from shared.mailbox import Mailbox

ACCEPTED = Counter(
    "carillon_ingest_requests_total", "Requests answered with 202, by whether it was the first time", ["replayed"]
)

HEADERS: dict[str, Any] = {
    "Location": {"description": "Where the request can be read.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {"description": "`true` when this is an earlier answer.", "schema": {"type": "string"}},
}


def routes(door: Door, mailbox: Mailbox, sessions: Sessions) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post(
        "/v1/requests",
        status_code=202,
        response_model=RequestView,
        responses={202: {"description": "Accepted: kept, and on its way.", "headers": HEADERS}},
    )
    async def request_posts(
        asking: Asking,
        request: Request,
        caller: Annotated[Caller, Depends(require("posts:write"))],
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Ask for posts: one for each channel, checked against its limits at once."""
        body = await request.body()
        check_printable(body)  # not as a dependency: on the busiest road each of those costs as much as the rendering
        answer = await door.accept(asking, body, checked(idempotency_key), caller)
        if not answer.replayed:
            mailbox.nudge()
        ACCEPTED.labels(str(answer.replayed).lower()).inc()
        return response(answer)

    @router.get("/v1/requests/{request_id}")
    async def read_request(request_id: UUID, caller: Annotated[Caller, Depends(require("posts:read"))]) -> RequestView:
        """Read a request and where its posts stand."""
        async with sessions() as db:
            return await request_view(db, request_id, caller)

    return router
