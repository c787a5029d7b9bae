"""How far a video is, read from its node: pure. Source: video-api/guides/reels-publishing."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from shared.platforms.facebook.work import whole_address

FIELDS = "status,published,post_id,permalink_url"
_DONE = frozenset({"complete", "completed"})  # the documentation has both
_BROKEN = frozenset({"error", "upload_failed", "expired"})
_PHASES = ("uploading_phase", "processing_phase", "publishing_phase")


class Stage(Enum):
    """How far it is."""

    UNFINISHED = auto()
    """Nobody has asked for it to be public, as far as can be seen."""
    PROCESSING = auto()
    DRAFT = auto()
    PUBLIC = auto()
    FAILED = auto()


def stage_of(told: Mapping[str, Any]) -> Stage:
    """Return how far a video is."""
    status = told.get("status") or {}
    uploading, processing, publishing = (status.get(name) or {} for name in _PHASES)
    if status.get("video_status") in _BROKEN or any(
        phase.get("status") == "error" or phase.get("publish_status") == "error"
        for phase in (uploading, processing, publishing)
    ):
        return Stage.FAILED
    if publishing.get("publish_status") == "published" or (
        not publishing and told.get("published") is True and status.get("video_status") == "ready"
    ):
        return Stage.PUBLIC
    if publishing.get("publish_status") == "draft" and processing.get("status") in _DONE:
        return Stage.DRAFT
    begun = {phase.get("status", "not_started") for phase in (processing, publishing)} != {"not_started"}
    return Stage.PROCESSING if begun or status.get("video_status") in {"processing", "ready"} else Stage.UNFINISHED


def why_failed(told: Mapping[str, Any]) -> str:
    """Return what Facebook says is wrong with a video."""
    status = told.get("status") or {}
    for phase in (status.get(name) or {} for name in _PHASES):
        errors = [*phase.get("errors", ()), *([phase["error"]] if phase.get("error") else ())]
        if errors:
            return str(errors[0].get("message", "no reason given"))[:200]
    return str(status.get("video_status", "no reason given"))


def parts_of(told: Mapping[str, Any], page: str) -> list[dict[str, str]]:
    """Return the public post of a video: Facebook may tell the post's number alone, or none (unconfirmed)."""
    number = str(told.get("post_id") or "")
    post_id = number if "_" in number else f"{page}_{number}" if number else str(told["id"])
    return [{"id": post_id, "url": whole_address(told.get("permalink_url"), post_id)}]
