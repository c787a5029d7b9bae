"""`/v1/uploads`: files of a caller's own; first the rights, then the bytes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.ingest.api.keys import response
from services.ingest.api.printable import printable
from services.ingest.uploads import Announcing, Uploads, UploadView
from shared.http.auth import Caller, require
from shared.http.idempotency import IdempotencyKey, checked

Writer = Annotated[Caller, Depends(require("posts:write"))]
BYTES = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"format": "binary"}}}}}


def routes(uploads: Uploads) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.post("/v1/uploads", dependencies=[Depends(printable)], status_code=201, response_model=UploadView)
    async def announce_upload(
        announcing: Announcing, request: Request, caller: Writer, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Announce a file with its rights (C43, C44); the answer says where to PUT the bytes."""
        return response(await uploads.announce(announcing, await request.body(), checked(idempotency_key), caller))

    @router.put("/v1/uploads/{upload_id}", openapi_extra=BYTES)
    async def send_upload(upload_id: UUID, request: Request, caller: Writer) -> UploadView:
        """Send the bytes of an announced file.

        A picture (JPEG, PNG, WebP, GIF, TIFF), a video (MP4, QuickTime, WebM), or captions (WebVTT).
        """
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return await uploads.receive(upload_id, await request.body(), declared, caller)

    @router.get("/v1/uploads/{upload_id}")
    async def read_upload(upload_id: UUID, caller: Annotated[Caller, Depends(require("posts:read"))]) -> UploadView:
        """Read what is known about an upload."""
        return await uploads.view(upload_id, caller)

    return router
