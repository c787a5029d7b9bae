"""A part of a post as the body of `POST /api/v1/statuses`, its key, and how to know it again: pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shared.adapter.contract import Attempt
from shared.content import Kind
from shared.payload import Payload

_CHINESE = {"zh-hant": "zh-TW", "zh-hans": "zh-CN", "zh-tw": "zh-TW", "zh-cn": "zh-CN", "zh-hk": "zh-HK"}


def key_of(attempt: Attempt, number: int) -> str:
    """Return the Idempotency-Key of a thread's part, the same for every try of the post."""
    return str(uuid5(NAMESPACE_URL, f"carillon:mastodon:{attempt.key}:{number}"))


def body_of(
    payload: Payload, number: int, media_ids: Sequence[str], reply_to: str | None, quoted: str | None = None
) -> dict[str, Any]:
    """Return the status of one part; the warning covers every part, as Mastodon's own clients do it."""
    piece = payload.pieces[number]
    body: dict[str, Any] = {"status": piece.text, "visibility": "public", "language": language_of(payload.language)}
    if media_ids:
        body["media_ids"] = list(media_ids)
    if reply_to:
        body["in_reply_to_id"] = reply_to
    if quoted:
        body["quoted_status_id"] = quoted
    if payload.content_warning:
        body |= {"spoiler_text": payload.content_warning, "sensitive": True}
    if piece.poll:
        poll = piece.poll
        body["poll"] = {"options": list(poll.options), "expires_in": poll.seconds, "multiple": poll.multiple}
    return body


def about(payload: Payload, number: int, subject: str | None, parts: Sequence[Mapping[str, str]]) -> list[str | None]:
    """Return what a part replies to and what it quotes; the first part of a post may be about somebody else's."""
    if number:
        return [parts[number - 1]["id"], None]
    return [subject if payload.kind is kind else None for kind in (Kind.REPLY, Kind.QUOTE)]


def edit_of(payload: Payload, media_ids: Sequence[str]) -> dict[str, Any]:
    """Return what changes a status to the payload's first text; media that are not named again would be dropped."""
    body = body_of(payload, 0, media_ids, None)
    del body["visibility"]
    return {"media_ids": list(media_ids), "spoiler_text": "", **body}


def language_of(tag: str) -> str:
    """Return a language as Mastodon lists it: ISO 639 without region, but for the written forms of Chinese."""
    return _CHINESE.get(tag.lower(), tag.partition("-")[0])


def looks_like(
    status: Mapping[str, Any],
    payload: Payload,
    number: int,
    media_ids: Sequence[str],
    reply_to: str | None,
    quoted: str | None = None,
) -> bool:
    """Say whether a listed status may be a part: all but its text, which is asked for then."""
    piece = payload.pieces[number]
    options = [option["title"] for option in (status.get("poll") or {}).get("options", [])]
    return (
        status.get("in_reply_to_id") == reply_to
        and _quotes(status, quoted)
        and sorted(one["id"] for one in status.get("media_attachments", [])) == sorted(media_ids)
        and (status.get("spoiler_text") or "").strip() == (payload.content_warning or "").strip()
        and options == list(piece.poll.options if piece.poll else ())
    )


def _quotes(status: Mapping[str, Any], quoted: str | None) -> bool:
    """Say whether the quote is the one that is meant; one that its author must agree to first is shown without id."""
    quote = status.get("quote")
    if not quote or not quoted:
        return not quote and not quoted
    told = (quote.get("quoted_status") or {}).get("id") or quote.get("quoted_status_id")
    return told in (None, quoted)
