"""Media on Bluesky: pictures and captions as blobs of our own server, videos by the network's video service.

The same bytes give the same blob and the same job, so a repeat is harmless.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Http, Media, Pending, Progress
from shared.adapter.errors import Rejected, TryLater
from shared.payload import Piece, Rendition
from shared.platforms.bluesky.connect import call
from shared.platforms.bluesky.session import is_own, session_of

VIDEO = "https://video.bsky.app"
"""Where videos are processed before they are posted (docs.bsky.app/docs/tutorials/video)."""
PROCESSING = 2.0
"""Seconds after which a job is asked for again."""
TRUSTED = 30 * 60
"""Seconds for which the video service may write to our repository: what the tutorial recommends."""
_HOPELESS = frozenset({"validation_failure", "encoding_failure", "pds_upload_unsupported_blob_size"})
"""Failures that the same video would have again (app.bsky.video.defs, failureCode)."""
_WITHOUT = (400, 404, 501)
"""How servers of somebody's own say that they have no video service: the reference server says 400."""
_BLOB = "com.atproto.repo.uploadBlob"


async def videos(
    pieces: Sequence[Piece], resume: Mapping[str, Any], account: Account, http: Http, media: Media, progress: Progress
) -> Pending:
    """Send what is missing, a video at a time; `after` is 0 when `resume` has the blobs of all under `videos`."""
    kept = {"videos": {}, "jobs": {}, **resume}
    for video in (one for piece in pieces for one in piece.media if one.type.startswith("video/")):
        name = video.sha256
        if name in kept["videos"]:
            continue
        known = kept["jobs"].get(name)
        job = await (_job(known, account, http) if known else _sent(video, account, http, media))
        if job.get("blob"):  # also where the job is said to have failed, because it was done before
            kept = {**kept, "videos": {**kept["videos"], name: job["blob"]}}
        else:
            await _check(job, name, kept, progress)
            kept = {**kept, "jobs": {**kept["jobs"], name: job["jobId"]}}
        await progress(kept)
        if name not in kept["videos"] or not known:
            return Pending(kept, PROCESSING)
    return Pending(kept, 0)


async def blobs(pieces: Sequence[Piece], account: Account, http: Http, media: Media) -> dict[str, Any]:
    """Upload every picture and every file of captions, and return the blobs by SHA-256."""
    found: dict[str, Any] = {}
    for sha256, kind in _plain(pieces):
        if sha256 not in found:
            found[sha256] = await _blob(sha256, kind, account, http, media)
    return found


async def _blob(sha256: str, kind: str, account: Account, http: Http, media: Media) -> Any:
    content, headers = await media.read(sha256), {"Content-Type": kind}
    return (await call(account, http, "POST", _BLOB, content=content, headers=headers)).json["blob"]


async def _sent(video: Rendition, account: Account, http: Http, media: Media) -> Mapping[str, Any]:
    """Send a video and return its job: 409 names the one that did it before.

    A server of somebody's own has no such service: there the video is a blob, processed only once it is posted.
    """
    session = await session_of(account, http)
    server = (await call(account, http, "GET", "com.atproto.server.describeServer")).json["did"]
    asked = {"aud": server, "lxm": _BLOB, "exp": int(time.time()) + TRUSTED}
    token = (await call(account, http, "GET", "com.atproto.server.getServiceAuth", params=asked)).json["token"]
    answer = await http.call(
        "POST",
        f"{await _service(account, http)}/xrpc/app.bsky.video.uploadVideo",
        operation="uploadVideo",
        mutates=False,
        params={"did": session.did, "name": f"{video.sha256[:16]}.mp4"},
        content=await media.read(video.sha256),
        headers={"Authorization": f"Bearer {token}", "Content-Type": video.type},
        expected=(200, 409, *(() if is_own(session.base) else _WITHOUT)),
    )
    if answer.status in _WITHOUT:
        return {"blob": await _blob(video.sha256, video.type, account, http, media)}
    return _status(answer.json)


async def _job(job: str, account: Account, http: Http) -> Mapping[str, Any]:
    url = f"{await _service(account, http)}/xrpc/app.bsky.video.getJobStatus"
    answer = await http.call("GET", url, operation="getJobStatus", mutates=False, params={"jobId": job})
    return _status(answer.json)


async def _service(account: Account, http: Http) -> str:
    base = (await session_of(account, http)).base
    return VIDEO if is_own(base) else base


def _status(told: Any) -> Mapping[str, Any]:
    """Return the status of a job; uploadVideo was seen to give it without the field that the lexicon wraps it in."""
    status = told.get("jobStatus", told) if isinstance(told, dict) else {}
    if not status.get("jobId") and not status.get("blob"):
        raise TryLater("bluesky: the video service answered without a job")
    return dict(status)


async def _check(job: Mapping[str, Any], name: str, kept: Mapping[str, Any], progress: Progress) -> None:
    """Raise Rejected for a video that will never do, TryLater for a job that another one may do better than."""
    if job.get("state") != "JOB_STATE_FAILED":
        return
    reason = f"bluesky: the video cannot be processed ({job.get('failureCode') or 'no reason given'})"
    if job.get("failureCode") in _HOPELESS:
        raise Rejected(f"{reason}; give another form of it")
    await progress({**kept, "jobs": {one: known for one, known in kept["jobs"].items() if one != name}})
    raise TryLater(reason, 60)


def _plain(pieces: Sequence[Piece]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        for one in piece.media:
            if not one.type.startswith("video/"):
                yield one.sha256, one.type
            yield from ((track.sha256, "text/vtt") for track in one.captions)
        if piece.card and piece.card.thumbnail:
            yield piece.card.thumbnail.sha256, piece.card.thumbnail.type
