"""What became of a post that was handed over: asked for by its publish_id, which tells until the post is public."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.answers import failure_of
from shared.adapter.contract import Account, Http, Pending, Published
from shared.adapter.errors import PlatformError, Rejected, Uncertain
from shared.payload import Payload
from shared.platforms.tiktok.calls import call
from shared.platforms.tiktok.spec import SPEC

PATIENCE = timedelta(hours=3)
"""How long the id of a post that is complete is waited for. It is told after moderation: usually within a minute, at
times after hours (content-posting-api-reference-get-video-status)."""
SHORTEST, LONGEST = 2.0, 300.0
"""Seconds between two questions; 30 a minute are allowed for each account."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It is certain that the post will never be public."""

    error: PlatformError


class Unsent:
    """The video is not whole: chunks are missing."""


async def look(
    resume: Mapping[str, Any], payload: Payload, account: Account, http: Http
) -> Published | Pending | Failed | Unsent:
    """Ask what became of the post. Raises Uncertain where it was handed over and nothing can be learned now."""
    path, body = "/post/publish/status/fetch/", {"publish_id": resume["publish_id"]}
    try:
        told = await call(account, http, "POST", path, operation="status", json=body)
    except PlatformError as error:
        if resume.get("complete"):
            return _without_id(resume)
        if resume.get("parts"):
            raise Uncertain(error.reason) from error
        raise
    status = told.get("status")
    if status == "FAILED":
        return Failed(_why(str(told.get("fail_reason") or "")))
    if status == "SEND_TO_USER_INBOX":
        return Failed(Rejected("tiktok: the post waits as a draft in the account's inbox; publish it in the app"))
    if status == "PROCESSING_UPLOAD" and _is_short(told, resume, payload):
        return Unsent()
    resume = handed(resume)
    if status != "PUBLISH_COMPLETE":
        return Pending(resume, _pause(resume))
    if ids := told.get("publicaly_available_post_id"):  # so spelt
        return Published(str(ids[0]), await permalink(str(ids[0]), account, http), (str(ids[0]),))
    return _without_id({**resume, "complete": True})


def handed(resume: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a post that TikTok has whole: it is public, or will be, whatever becomes of us."""
    now = datetime.now(UTC).isoformat()
    return {"handed": now, **resume, "parts": [resume["publish_id"]]}


async def permalink(post_id: str, account: Account, http: Http) -> str | None:
    """Return the address of a post; None where it cannot be learned now, which must not fail the post."""
    body = {"filters": {"video_ids": [post_id]}}
    try:
        told = await call(
            account,
            http,
            "POST",
            "/video/query/",
            operation="permalink",
            params={"fields": "id,share_url"},
            json=body,
        )
    except PlatformError:
        return None  # counted by the client, and no reason to doubt the post
    return next((address_of(one) for one in told.get("videos") or ()), None)


def address_of(video: Mapping[str, Any]) -> str | None:
    """Return the address of a listed post, without what is added to it to count who shared it."""
    return str(video.get("share_url") or "").partition("?")[0] or None


def _is_short(told: Mapping[str, Any], resume: Mapping[str, Any], payload: Payload) -> bool:
    size = sum(one.size for one in payload.pieces[0].media)
    if resume.get("sent") == size:
        return False
    held = told.get("uploaded_bytes")
    return held < size if isinstance(held, int) else not resume.get("parts")


def _why(reason: str) -> PlatformError:
    """Return what a fail reason means; one that nobody knows is no reason to try the same again."""
    return failure_of(SPEC, "status", 200, {"error": {"code": reason, "message": "FAILED"}}, {}, False)


def _without_id(resume: Mapping[str, Any]) -> Published | Pending:
    """Wait for the public id, and after hours go without: the post is public, and known by its publish_id."""
    if _age(resume) < PATIENCE:
        return Pending(resume, _pause(resume))
    publish_id = str(resume["publish_id"])
    return Published(publish_id, None, (publish_id,))


def _pause(resume: Mapping[str, Any]) -> float:
    return min(max(SHORTEST, _age(resume).total_seconds() / 4), LONGEST)


def _age(resume: Mapping[str, Any]) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(resume["handed"])
