"""Publishing on Mastodon: every part has an Idempotency-Key, which makes a repeat harmless for an hour.

A boost needs no key: there is one by an account of a status, and a second call returns it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, Pending, Progress, Published
from shared.adapter.errors import Rejected
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.mastodon.connect import call
from shared.platforms.mastodon.search import find as find
from shared.platforms.mastodon.search import recent as recent
from shared.platforms.mastodon.status import about, body_of, edit_of, key_of
from shared.platforms.mastodon.subject import subject_of
from shared.platforms.mastodon.uploads import uploads


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Upload what is missing, wait until all of it is ready, then post the missing parts one after the other."""
    subject = await subject_of(payload, account, attempt.resume, http)
    if payload.kind is Kind.REPOST:
        return await _boost(payload, str(subject), account, http, progress)
    parts: list[dict[str, str]] = list(attempt.resume.get("parts", []))
    ready = await uploads(payload, account, attempt, http, media, progress)
    if ready.after:
        return ready
    kept = {**ready.resume, **({"subject": subject} if subject else {})}
    for number in range(len(parts), len(payload.pieces)):
        if number or kept["media"] or subject:  # else nothing came between the claim and this call
            await progress({**kept, "parts": parts})
        made = [one["id"] for one in kept["media"].get(str(number), ())]
        body = body_of(payload, number, made, *about(payload, number, subject, parts))
        parts = [*parts, await _post(body, key_of(attempt, number), account, http)]
    return _published(parts)


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Delete statuses and boosts, in the order given; what is gone already is fine, so a repeat does no harm."""
    for external_id in external_ids:
        path = f"/api/v1/statuses/{external_id}"
        await call(account, http, "DELETE", path, operation="delete_status", expected=(200, 404))


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Change a status's text, warning and language; its media stay. The same again changes nothing."""
    path = f"/api/v1/statuses/{external_id}"
    status = (await call(account, http, "GET", path, operation="status")).json
    if status.get("poll"):
        raise Rejected("mastodon: an edit could cost a poll its votes; change it by hand, on the instance's own page")
    body = edit_of(payload, [one["id"] for one in status.get("media_attachments", [])])
    edited = (await call(account, http, "PUT", path, operation="edit_status", json=body)).json
    return _published([_known(edited)])


async def _post(body: Mapping[str, Any], key: str, account: Account, http: Http) -> dict[str, str]:
    headers = {"Idempotency-Key": key}
    path = "/api/v1/statuses"
    told = await call(account, http, "POST", path, operation="post_status", mutates=True, json=body, headers=headers)
    return _known(told.json)


async def _boost(payload: Payload, subject: str, account: Account, http: Http, progress: Progress) -> Published:
    if any(piece.text or piece.media for piece in payload.pieces):
        raise Rejected("mastodon: a boost says nothing of its own; leave text and media out, or make it a quote")
    await progress({"subject": subject})
    path = f"/api/v1/statuses/{subject}/reblog"
    told = await call(account, http, "POST", path, operation="reblog", mutates=True, json={"visibility": "public"})
    return _published([_known(told.json)])


def _known(status: Mapping[str, Any]) -> dict[str, str]:
    return {"id": str(status["id"]), "url": str(status.get("url") or "")}


def _published(parts: Sequence[Mapping[str, str]]) -> Published:
    return Published(parts[0]["id"], parts[0]["url"] or None, tuple(part["id"] for part in parts))
