"""Files of a caller's own: announced with their rights, then sent; kept under their SHA-256."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from services.ingest.accept import FIRST, again, is_team
from services.ingest.change import not_found
from services.ingest.kept import Answer
from services.ingest.originals import keep
from services.ingest.settings import IngestSettings
from services.ingest.sniff import UnknownFileError, sniff
from services.ingest.tables import Asset, Upload
from shared.content import Owner, Rights
from shared.database import Sessions
from shared.http.auth import Caller
from shared.http.problems import Problem
from shared.http.translate import invalid
from shared.media import MediaStore
from shared.model import Asked, Travelling

ANNOUNCE = text(
    """
    WITH gate AS (
        INSERT INTO idempotency (tool, key, body_hash, status, location, answer)
        VALUES (:tool, :key, :body_hash, :status, :location, :answer) ON CONFLICT DO NOTHING RETURNING 1
    ), announced AS (
        INSERT INTO upload (id, tool, rights, expires_at)
        SELECT :id, :tool, cast(:rights AS jsonb), :expires_at FROM gate
    )
    SELECT count(*) FROM gate
    """
)


class Announcing(Asked):
    """The body of `POST /v1/uploads`."""

    rights: Rights
    """On whose word the file may be used (C43, C44): a licence, a permission, or the Foundation's own."""


class UploadView(Travelling):
    """A file of a caller's own."""

    id: UUID
    url: str
    """Where its bytes are PUT."""
    expires_at: datetime
    """Until then its bytes may be sent."""
    rights: Rights
    sha256: str | None = None
    """None until the bytes are there."""
    type: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None


class Uploads:
    """Takes files in."""

    def __init__(self, sessions: Sessions, media: MediaStore, settings: IngestSettings) -> None:
        self._sessions = sessions
        self._media = media
        self._settings = settings

    async def announce(self, asked: Announcing, body: bytes, key: str, caller: Caller) -> Answer:
        """Keep the rights and return where to send the bytes; raises Problem (422) when they are no ground."""
        if not _is_ground(asked.rights):
            raise invalid([NO_GROUND])
        made = uuid4()
        until = datetime.now(UTC) + timedelta(hours=self._settings.upload_hours)
        view = UploadView(id=made, url=f"/v1/uploads/{made}", expires_at=until, rights=asked.rights)
        answer = Answer(201, view.url, view.model_dump_json().encode())
        body_hash = hashlib.sha256(body).digest()
        values = {
            "tool": caller.tool,
            "key": key,
            "body_hash": body_hash,
            "status": answer.status,
            "location": answer.location,
            "answer": answer.body,
            "id": made,
            "rights": json.dumps(asked.rights.model_dump(mode="json", exclude_defaults=True)),
            "expires_at": until,
        }
        async with self._sessions.begin() as db:
            if (await db.execute(ANNOUNCE, values)).scalar_one():
                return answer
            row = (await db.execute(FIRST, {"tool": caller.tool, "key": key})).one()
            return again(row.body_hash, body_hash, Answer(row.status, row.location, row.answer))

    async def receive(self, upload_id: UUID, content: bytes, declared: str, caller: Caller) -> UploadView:
        """Keep the bytes; the same again changes nothing. Raises Problem: 404, 409, 410, 415, 422."""
        await self.view(upload_id, caller)
        try:
            known = await sniff(content)
        except UnknownFileError as error:
            raise Problem(
                415, "unsupported-media-type", f"Of this upload, {error}.", remedy="Send such a file."
            ) from error
        if declared not in {"", "application/octet-stream", known.type}:
            raise Problem(
                415,
                "unsupported-media-type",
                f"The file is {known.type}, by its bytes; the Content-Type says otherwise.",
                remedy=f"Send Content-Type: {known.type}, or application/octet-stream.",
            )
        stored = await self._media.put(content, known.type)
        original = known.original(stored)
        async with self._sessions.begin() as db:
            upload = await db.get(Upload, upload_id, with_for_update=True)
            if upload is None:
                raise not_found("upload", upload_id)
            if upload.sha256 is None and upload.expires_at <= datetime.now(UTC):
                raise Problem(410, "expired", "The upload waited too long for its bytes.", remedy="Announce it again.")
            if upload.sha256 not in {None, original.sha256}:
                raise Problem(409, "other-bytes", "The upload has other bytes.", remedy="Announce another upload.")
            await keep(db, original)
            upload.sha256 = original.sha256
        return await self.view(upload_id, caller)

    async def view(self, upload_id: UUID, caller: Caller) -> UploadView:
        """Return an upload that the caller may see; raises Problem (404) otherwise."""
        async with self._sessions() as db:
            upload = await db.get(Upload, upload_id)
            if upload is None or not (is_team(caller) or upload.tool == caller.tool):
                raise not_found("upload", upload_id)
            asset = await db.get(Asset, upload.sha256) if upload.sha256 else None
        file = {name: getattr(asset, name, None) for name in ("sha256", "type", "size", "width", "height", "seconds")}
        rights = Rights.model_validate(upload.rights)
        return UploadView(
            id=upload.id, url=f"/v1/uploads/{upload.id}", expires_at=upload.expires_at, rights=rights, **file
        )


NO_GROUND = {
    "pointer": "/rights",
    "detail": "Nothing in it says why the file may be used.",
    "remedy": "Give 'license', 'permission', or 'owner': 'wmf' for what the Foundation owns.",
}


def _is_ground(rights: Rights) -> bool:
    return bool(rights.license or rights.permission or rights.owner is Owner.WMF)
