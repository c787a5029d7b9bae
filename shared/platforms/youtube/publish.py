"""Publishing on YouTube: a video is sent to a session, then processed; captions and the first comment come after it.

The session's address is kept before a byte is sent. The video is public with the last chunk; a lost answer to that one
is asked of the session.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, NotFound, Pending, Progress, Published
from shared.adapter.errors import Rejected, TryLater
from shared.payload import Payload, Rendition
from shared.platforms.youtube.connect import api, call, listed
from shared.platforms.youtube.extras import extras, missing, unfinished
from shared.platforms.youtube.search import made_before
from shared.platforms.youtube.search import recent as recent
from shared.platforms.youtube.session import CHUNK, Received, asked, opened, put
from shared.platforms.youtube.video import changed, metadata_of, part_of, processed, published

AT_ONCE = 8 * CHUNK
"""Bytes after which a try rests, so that the claim is renewed."""
PROCESSING = 5.0
"""Seconds after which a video that is being processed is asked for again; each look costs one unit of the quota."""


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Upload the video, wait until it is processed, then add what belongs to it."""
    resume = attempt.resume
    if not resume.get("parts"):
        return await _upload(payload, account, attempt, http, media, progress)
    part = resume["parts"][0]
    try:
        if not await processed(part["id"], account, http):
            return Pending(resume, PROCESSING)
    except Rejected:
        await progress({})  # nobody sees what could not be processed
        raise
    unsaid = await extras(payload, resume, account, http, media, progress)
    return unsaid if isinstance(unsaid, Pending) else published(part, unsaid)


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Ask the session what became of the upload; where it is gone, look through the channel's uploads.

    There: the title, a time since the attempt began, and the size of the file. Raises Uncertain where two videos fit.
    """
    video = await made_before(payload, account, attempt, http)
    if video is None:
        return NotFound()
    resume = {**attempt.resume, "parts": [part_of(video)]}
    try:
        finished = not unfinished(payload, resume) and await processed(video, account, http)
    except Rejected:
        finished = False  # publish says so, and forgets the upload
    return published(part_of(video), missing(resume)) if finished else Pending(resume, 0)


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Delete videos; one that is gone is fine."""
    for video in external_ids:
        await call(
            account,
            http,
            "DELETE",
            api(account, "videos"),
            operation="delete_video",
            mutates=True,
            params={"id": video},
            expected=(200, 204, 404),
        )


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Change description and title; everything else of the snippet is sent as it is, for an update replaces it all."""
    items = (await listed(account, http, "videos", part="snippet", id=external_id)).get("items") or []
    if not items:
        raise Rejected(f"youtube: there is no video {external_id} to change")
    body = {"id": external_id, "snippet": changed(items[0]["snippet"], payload)}
    path, params = api(account, "videos"), {"part": "snippet"}
    await call(account, http, "PUT", path, operation="update_video", mutates=True, params=params, json=body)
    return published(part_of(external_id))


# ---- the upload ------------------------------------------------------------------------------------------------------


async def _upload(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Pending:
    """Send what the session has not got; the outcome says whether the video is there, or more is to be sent."""
    film = _film(payload)
    session, received = attempt.resume.get("session"), Received()
    if session is None:
        session = await _session(payload, film, account, http)
        await progress({"session": session})
    else:
        received = await asked(session, film.size, account, http)
    if received.gone:
        video = await made_before(payload, account, attempt, http)
        return _there(video) if video else Pending({}, 0)
    resume = {**attempt.resume, "session": session}
    return await _send(film, received, resume, account, http, media, progress)


async def _send(
    film: Rendition,
    received: Received,
    resume: Mapping[str, Any],
    account: Account,
    http: Http,
    media: Media,
    progress: Progress,
) -> Pending:
    most = received.bytes + AT_ONCE
    while received.made is None:
        start = received.bytes
        end = min(start + CHUNK, film.size)
        if start >= most:
            return Pending(resume, 0)
        content = await media.part(film.sha256, start, end)
        if last := end == film.size:  # it makes the video public, so from here on its absence must be proven
            resume = {**resume, "closing": datetime.now(UTC).isoformat()}
            await progress(resume)
        received = await put(resume["session"], content, start, film.size, account, http, mutates=last)
        if received.gone:
            return Pending(resume, 0)  # the next try asks what became of it
        if received.made is None and received.bytes <= start:
            raise TryLater("youtube upload: the session took nothing of what was sent")
    return _there(str(received.made["id"]))


async def _session(payload: Payload, film: Rendition, account: Account, http: Http) -> str:
    return await opened(
        account,
        http,
        f"/upload{api(account, 'videos')}",
        metadata_of(payload),
        film.size,
        film.type,
        operation="start_upload",
        part="snippet,status",
    )


def _there(video: str) -> Pending:
    return Pending({"parts": [part_of(video)]}, PROCESSING)


def _film(payload: Payload) -> Rendition:
    media = payload.pieces[0].media
    if len(payload.pieces) != 1 or len(media) != 1 or not media[0].type.startswith("video/"):
        raise Rejected("youtube: a post is one video; give just one")
    return media[0]
