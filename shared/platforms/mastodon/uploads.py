"""Media on Mastodon: uploaded whole, processed for a while, then ready to be posted.

Uploads have no key: one whose answer is lost is made again, and the orphan is dropped by the server within days.
"""

from collections.abc import Mapping
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, Pending, Progress
from shared.payload import Payload, Rendition
from shared.platforms.mastodon.connect import call

PROCESSING = 2.0
"""Seconds after which an upload that is being processed is asked for again."""
MOST_SENT = 64_000_000
"""Bytes after which one try stops for the next to go on, so that none takes too long."""


async def uploads(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Pending:
    """Return what is uploaded, by part, each kept before the next is made; `after` is 0 when all of it is ready."""
    resume = dict(attempt.resume)
    made = {number: list(some) for number, some in resume.get("media", {}).items()}
    waiting, sent = False, 0
    for number in range(len(resume.get("parts", [])), len(payload.pieces)):
        mine = made.get(str(number), [])
        for place, rendition in enumerate(payload.pieces[number].media):
            if place < len(mine):
                mine[place] = await _seen(mine[place], account, http)
            elif sent and sent + rendition.size > MOST_SENT:
                return Pending({**resume, "media": made}, PROCESSING)
            else:
                sent += rendition.size
                mine = made[str(number)] = [*mine, await _upload(rendition, account, http, media)]
                await progress({**resume, "media": made})
            waiting = waiting or not mine[place]["ready"]
    return Pending({**resume, "media": made}, PROCESSING if waiting else 0)


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


async def _seen(upload: Mapping[str, Any], account: Account, http: Http) -> dict[str, Any]:
    """Return an upload, asked for again if it was not ready; one that could not be processed is Rejected (422)."""
    if upload["ready"]:
        return dict(upload)
    path = f"/api/v1/media/{upload['id']}"
    answer = await call(account, http, "GET", path, operation="media", expected=(200, 206))
    return {**upload, "ready": answer.status == 200}
