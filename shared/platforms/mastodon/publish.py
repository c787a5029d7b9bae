"""Publishing on Mastodon: every part has an Idempotency-Key, which makes a repeat harmless for an hour.

Uploads have no key: one whose answer is lost is made again, and the orphan is dropped by the server within days.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, Pending, Progress, Published
from shared.payload import Payload, Rendition
from shared.platforms.mastodon.connect import call
from shared.platforms.mastodon.search import find as find
from shared.platforms.mastodon.status import body_of, key_of

PROCESSING = 2.0
"""Seconds after which an upload that is being processed is asked for again."""


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Upload what is missing, wait until all of it is ready, then post the missing parts one after the other."""
    parts: list[dict[str, str]] = list(attempt.resume.get("parts", []))
    ready = await _uploads(payload, len(parts), account, attempt, http, media, progress)
    uploads = ready.resume["media"]
    if ready.after:
        return ready
    for number in range(len(parts), len(payload.pieces)):
        if number or uploads:  # else nothing came between the claim and this call
            await progress({"parts": parts, "media": uploads})
        parts = [*parts, await _post(payload, number, parts, uploads, account, attempt, http)]
    return Published(parts[0]["id"], parts[0]["url"], tuple(part["id"] for part in parts))


async def _post(
    payload: Payload,
    number: int,
    parts: Sequence[Mapping[str, str]],
    uploads: Mapping[str, Sequence[Mapping[str, Any]]],
    account: Account,
    attempt: Attempt,
    http: Http,
) -> dict[str, str]:
    ids = [one["id"] for one in uploads.get(str(number), ())]
    body = body_of(payload, number, ids, parts[number - 1]["id"] if number else None)
    headers = {"Idempotency-Key": key_of(attempt, number)}
    path = "/api/v1/statuses"
    told = await call(account, http, "POST", path, operation="post_status", mutates=True, json=body, headers=headers)
    return {"id": str(told.json["id"]), "url": str(told.json.get("url") or "")}


async def _uploads(
    payload: Payload, first: int, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Pending:
    """Return the uploads by part, each kept before the next is made; `after` is 0 when all of them are ready."""
    parts = list(attempt.resume.get("parts", []))
    uploads = {number: list(made) for number, made in attempt.resume.get("media", {}).items()}
    waiting = False
    for number in range(first, len(payload.pieces)):
        made = uploads.get(str(number), [])
        for place, rendition in enumerate(payload.pieces[number].media):
            if place >= len(made):
                made = [*made, await _upload(rendition, account, http, media)]
                uploads[str(number)] = made
                await progress({"parts": parts, "media": uploads})
            elif not made[place]["ready"]:
                made[place] = {**made[place], "ready": await _ready(made[place]["id"], account, http)}
            waiting = waiting or not made[place]["ready"]
    return Pending({"parts": parts, "media": uploads}, PROCESSING if waiting else 0)


async def _upload(rendition: Rendition, account: Account, http: Http, media: Media) -> dict[str, Any]:
    content = await media.read(rendition.sha256)
    ending = rendition.type.partition("/")[2]
    answer = await call(
        account,
        http,
        "POST",
        "/api/v2/media",
        operation="upload",
        files={"file": (f"{rendition.sha256[:16]}.{ending}", content, rendition.type)},
        data={"description": rendition.alt},
        expected=(200, 202),
    )
    return {"id": str(answer.json["id"]), "ready": answer.status == 200}


async def _ready(media_id: str, account: Account, http: Http) -> bool:
    path = f"/api/v1/media/{media_id}"
    return (await call(account, http, "GET", path, operation="media", expected=(200, 206))).status == 200
