"""Uploading to X, step by step: what is done is kept before the next step, so that a new try goes on from there.

A picture goes in one call, a film in segments that X joins and processes. Nobody sees an upload until a post names it,
so that a step whose answer is lost is made again.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Answer, Http, Media
from shared.adapter.errors import Rejected
from shared.payload import Rendition
from shared.platforms.x.connect import call

SEGMENT = 4 * 1024 * 1024
"""Bytes; 5 MB is the most that version 1.1 took, version 2 names no limit (unconfirmed)."""
EARLIER = 600.0
"""Seconds before its end from which an upload is not used any more."""
_PATIENCE = 5.0

Upload = dict[str, Any]
"""As JSON: `id`, media `key`, `until` (its end, in seconds since 1970), the `next` step, and in `after` how many
seconds that has to wait; for a film also how many segments were `sent`."""


async def step(made: Upload | None, rendition: Rendition, account: Account, http: Http, media: Media) -> Upload:
    """Do the next step of an upload and return where it stands; `next` is `ready` when a post may name it."""
    if made is None or _over(made):
        begin = _begin if rendition.type.startswith("video/") else _picture
        return await begin(rendition, account, http, media)
    return await _STEPS[made["next"]](made, rendition, account, http, media)


def usable(made: Upload) -> bool:
    """Say whether a post may name an upload now."""
    return str(made["next"]) == "ready" and not _over(made)


async def _picture(rendition: Rendition, account: Account, http: Http, media: Media) -> Upload:
    file = (_name(rendition), await media.read(rendition.sha256), rendition.type)
    form = {"media_category": "tweet_image"}
    answer = await call(account, http, "POST", "/2/media/upload", operation="upload", files={"media": file}, data=form)
    return {**_told(answer), "next": "describe" if rendition.alt else "ready"}


async def _describe(made: Upload, rendition: Rendition, account: Account, http: Http, _: Media) -> Upload:
    body = {"id": made["id"], "metadata": {"alt_text": {"text": rendition.alt}}}
    await call(account, http, "POST", "/2/media/metadata", operation="describe", json=body)
    return {**made, "next": "ready"}


async def _begin(rendition: Rendition, account: Account, http: Http, _: Media) -> Upload:
    body = {"media_type": rendition.type, "total_bytes": rendition.size, "media_category": "tweet_video"}
    answer = await call(account, http, "POST", "/2/media/upload/initialize", operation="begin_upload", json=body)
    return {**_told(answer), "next": "append", "sent": 0}


async def _append(made: Upload, rendition: Rendition, account: Account, http: Http, media: Media) -> Upload:
    start = made["sent"] * SEGMENT
    content = await media.part(rendition.sha256, start, min(start + SEGMENT, rendition.size))
    path, form = f"/2/media/upload/{made['id']}/append", {"segment_index": str(made["sent"])}
    files = {"media": (_name(rendition), content, "application/octet-stream")}
    await call(account, http, "POST", path, operation="append", files=files, data=form, expected=(200, 201, 204))
    sent = made["sent"] + 1
    return {**made, "sent": sent, "next": "finalize" if sent * SEGMENT >= rendition.size else "append"}


async def _finalize(made: Upload, _: Rendition, account: Account, http: Http, __: Media) -> Upload:
    """Have X join the segments; where it refuses, an earlier call may have done it, and the state tells."""
    path = f"/2/media/upload/{made['id']}/finalize"
    answer = await call(account, http, "POST", path, operation="finalize", expected=(200, 201, 400))
    return {**made, "next": "ask", "after": 0} if answer.status == 400 else _processed(made, answer)


async def _ask(made: Upload, _: Rendition, account: Account, http: Http, __: Media) -> Upload:
    params = {"command": "STATUS", "media_id": made["id"]}
    return _processed(
        made, await call(account, http, "GET", "/2/media/upload", operation="upload_status", params=params)
    )


_STEPS: Mapping[str, Callable[[Upload, Rendition, Account, Http, Media], Awaitable[Upload]]] = {
    "describe": _describe,
    "append": _append,
    "finalize": _finalize,
    "ask": _ask,
}


def _processed(made: Upload, answer: Answer) -> Upload:
    told = answer.json.get("data") or {}
    info = told.get("processing_info") or {}
    state = info.get("state", "succeeded")
    if state == "failed":
        why = (info.get("error") or {}).get("message") or "no reason given"
        raise Rejected(f"x: the video could not be processed: {str(why)[:120]}; give another form of it")
    known = {**made, "until": _until(told) or made["until"], "after": 0}
    if state == "succeeded":
        return {**known, "next": "ready"}
    return {**known, "next": "ask", "after": float(info.get("check_after_secs") or _PATIENCE)}


def _told(answer: Answer) -> Upload:
    told = answer.json["data"]
    return {"id": str(told["id"]), "key": str(told.get("media_key") or ""), "until": _until(told)}


def _until(told: Mapping[str, Any]) -> float:
    """Return when an upload ends; 0 where X does not say."""
    seconds = told.get("expires_after_secs")
    return datetime.now(UTC).timestamp() + float(seconds) if isinstance(seconds, int | float) else 0.0


def _over(made: Upload) -> bool:
    until = float(made["until"])
    return 0 < until < datetime.now(UTC).timestamp() + EARLIER


def _name(rendition: Rendition) -> str:
    return f"{rendition.sha256[:16]}.{rendition.type.partition('/')[2]}"
