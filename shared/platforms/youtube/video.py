"""A video as the API has it: what we say of it, how it fares, and where people find it."""

from collections.abc import Mapping
from typing import Any

from shared.adapter.contract import Account, Http, Published
from shared.adapter.errors import Rejected, TryLater
from shared.payload import Payload
from shared.platforms.youtube.connect import listed

_MUTABLE = ("title", "description", "categoryId", "tags", "defaultLanguage", "defaultAudioLanguage")
"""Of a snippet, what an update sets (v3/docs/videos/update); what it leaves out is deleted."""


def metadata_of(payload: Payload) -> dict[str, Any]:
    """Return the body of `videos.insert`; audience, category and licence are as the channel has them by default.

    Every video is public, on a channel for an internal audience (C9) too: no clause says otherwise, and policy asks a
    person where post and channel are for different people.
    """
    snippet = {
        "title": payload.title or "",
        "description": payload.pieces[0].text,
        "defaultLanguage": payload.language,
    }
    return {"snippet": snippet, "status": {"privacyStatus": "public"}}


def changed(snippet: Mapping[str, Any], payload: Payload) -> dict[str, Any]:
    """Return the snippet that an update sends: as it was read, with the payload's text and title."""
    kept = {name: snippet[name] for name in _MUTABLE if name in snippet}
    return {**kept, "title": payload.title or kept["title"], "description": payload.pieces[0].text}


async def processed(video: str, account: Account, http: Http) -> bool:
    """Say whether a video can be watched; raises Rejected for one that never will be."""
    items = (await listed(account, http, "videos", part="status,processingDetails", id=video)).get("items") or []
    if not items:
        raise TryLater(f"youtube: the video {video} is not listed, or no longer")
    status, details = items[0].get("status") or {}, items[0].get("processingDetails") or {}
    upload, processing = status.get("uploadStatus"), details.get("processingStatus")
    if upload in {"failed", "rejected", "deleted"} or processing in {"failed", "terminated"}:
        why = (
            status.get("failureReason")
            or status.get("rejectionReason")
            or details.get("processingFailureReason")
            or processing
        )
        raise Rejected(f"youtube: the video {video} is {upload}: {why}; remove it in YouTube Studio, mend the file")
    return upload == "processed"


def part_of(video: str) -> dict[str, str]:
    """Return what is kept of a public video; the form of its address is unconfirmed, yet as old as YouTube."""
    return {"id": video, "url": f"https://www.youtube.com/watch?v={video}"}


def published(part: Mapping[str, str]) -> Published:
    """Return the outcome of a post that is public."""
    return Published(part["id"], part["url"], (part["id"],))
