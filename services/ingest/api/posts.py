"""`/v1/posts`: one post, its history, and what may still be changed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.ingest.api.printable import printable
from services.ingest.change import Cancelling, Changes, Revising, find
from services.ingest.views import PostView, post_view
from shared.database import Sessions
from shared.http.auth import Caller, require
from shared.http.conditional import IfMatch, etag
from shared.mailbox import Mailbox

Reader = Annotated[Caller, Depends(require("posts:read"))]
Writer = Annotated[Caller, Depends(require("posts:write"))]


def routes(changes: Changes, mailbox: Mailbox, sessions: Sessions) -> APIRouter:
    """Return the routes."""
    router = APIRouter(dependencies=[Depends(printable)])

    @router.get("/v1/posts/{post_id}")
    async def read_post(post_id: UUID, caller: Reader, response: Response) -> PostView:
        """Read a post: what it says, where it stands, its numbers and its whole history.

        The ETag changes when the post is prepared, edited or cancelled, not when somebody says something about it.
        """
        async with sessions() as db:
            found = await find(db, post_id, caller)
        response.headers["ETag"] = etag(found.post.version)
        return post_view(found)

    @router.patch("/v1/posts/{post_id}", status_code=202)
    async def revise_post(
        post_id: UUID, revising: Revising, caller: Writer, response: Response, if_match: IfMatch = None
    ) -> PostView:
        """Edit or reschedule a post: its next revision is rendered and judged anew, and may come too late."""
        async with mailbox.transaction() as opened:
            found = await changes.revise(opened, post_id, if_match, revising, caller)
        response.headers["ETag"] = etag(found.post.version)
        return post_view(found)

    @router.post("/v1/posts/{post_id}/cancel", status_code=202)
    async def cancel_post(
        post_id: UUID,
        caller: Writer,
        response: Response,
        cancelling: Cancelling | None = None,
        if_match: IfMatch = None,
    ) -> PostView:
        """Take a post back; it shows `cancelling` until publisher has answered that it came in time."""
        reason = cancelling.reason if cancelling else None
        async with mailbox.transaction() as opened:
            found = await changes.cancel(opened, post_id, if_match, reason, caller)
        response.headers["ETag"] = etag(found.post.version)
        return post_view(found)

    return router
