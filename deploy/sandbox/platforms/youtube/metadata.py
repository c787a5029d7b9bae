"""What may be said of a video: title, description, tags, category and visibility (v3/docs/videos)."""

from typing import Any

from deploy.sandbox.platforms.youtube.errors import bad

TITLE = 100
DESCRIPTION_BYTES = 5_000
TAGS = 500
PRIVACY = ("public", "unlisted", "private")


def check_snippet(snippet: Any) -> None:
    """Raise 400 for a snippet that YouTube would not take."""
    if not isinstance(snippet, dict):
        raise bad("invalidVideoMetadata", "The request metadata is invalid.")
    title, description = snippet.get("title"), snippet.get("description", "")
    if not isinstance(title, str) or not title.strip() or len(title) > TITLE or _bracketed(title):
        raise bad("invalidTitle", "The request metadata specifies an invalid or empty video title.")
    if not isinstance(description, str) or len(description.encode()) > DESCRIPTION_BYTES or _bracketed(description):
        raise bad("invalidDescription", "The request metadata specifies an invalid video description.")
    tags = snippet.get("tags", [])
    if not isinstance(tags, list) or _length(tags) > TAGS:
        raise bad("invalidTags", "The request metadata specifies invalid video keywords.")
    category = snippet.get("categoryId", "22")
    if not isinstance(category, str) or not category.isdecimal():
        raise bad("invalidCategoryId", "The snippet.categoryId property specifies an invalid category ID.")


def check_status(status: Any) -> None:
    """Raise 400 for a status that YouTube would not take."""
    if status is None:
        return
    if not isinstance(status, dict) or status.get("privacyStatus", "public") not in PRIVACY:
        raise bad("invalidVideoMetadata", "The request metadata is invalid.")
    if "publishAt" in status and status.get("privacyStatus") != "private":
        raise bad("invalidPublishAt", "The request metadata specifies an invalid scheduled publishing time.")


def _bracketed(text: str) -> bool:
    return "<" in text or ">" in text


def _length(tags: list[Any]) -> int:
    """Commas between tags count, and so do the quotes around one with a space."""
    return sum(len(str(tag)) + (2 if " " in str(tag) else 0) for tag in tags) + max(0, len(tags) - 1)
