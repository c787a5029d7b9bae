"""Videos and reels go up in parts; the last call makes them public, once Facebook has processed them.

Sources, under developers.facebook.com/docs: graph-api/video-uploads, video-api/guides/reels-publishing.
"""

from typing import Any

from shared.adapter.answers import codes_of, failure_of
from shared.adapter.contract import Answer, Pending
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.adapter.hosts import beside
from shared.content import Kind
from shared.payload import Rendition
from shared.platforms.facebook.connect import token_of, version_of
from shared.platforms.facebook.login import GRAPH
from shared.platforms.facebook.spec import SPEC
from shared.platforms.facebook.video_state import FIELDS, Stage, parts_of, stage_of, why_failed
from shared.platforms.facebook.work import Work, id_of

VIDEO_HOST = "https://graph-video.facebook.com"
UPLOAD_HOST = "https://rupload.facebook.com"
MOST = 64_000_000
"""Bytes that go up in one call, and about as many in one try."""
PROCESSING = 5.0
"""Seconds after which a video in process is looked at again."""
LOOKS = 6
"""So often a video that is ready is looked at for its post, or for being more than a draft."""
OFFSET = "1363037"
"""The subcode of a part that begins elsewhere than Facebook expects; the error says where it does."""


async def film(work: Work) -> Pending | None:
    """Upload, finish, wait; None when the video is public, its post then in `work.done`."""
    if not work.done.get("finished"):
        if await _uploaded(work):
            return Pending(work.done, 0)
        await _finish(work)
        return Pending(work.done, PROCESSING)
    return await _processed(work)


async def _uploaded(work: Work) -> bool:
    """Bring all bytes up; true when there is more to do in another try."""
    resumed = "video" in work.done
    try:
        return await _sent_up(work)
    except Rejected:
        # What was begun in an earlier try may be over by now; nobody has seen any of it, so it begins anew, once.
        if not resumed or work.done.get("sent") or work.done.get("anew"):
            raise
        del work.done["video"]
        await work.keep(anew=True)
        return True


async def _sent_up(work: Work) -> bool:
    medium, reel = work.piece.media[0], work.payload.kind is Kind.REEL
    if "video" not in work.done:
        await work.keep(video=await (_start_reel(work) if reel else _start(medium, work)))
    elif reel:
        work.done["video"] = await _arrived(medium, work)
    gone = 0
    while (video := work.done["video"])["start"] < medium.size:
        if gone >= MOST:
            return True
        following = await (_reel_part if reel else _part)(video, medium, work)
        if following["start"] == video["start"]:
            raise TryLater("facebook: a part of the video went up and was not taken")
        gone += max(0, following["start"] - video["start"])
        await work.keep(video=following)
    return False


async def _start(medium: Rendition, work: Work) -> dict[str, Any]:
    asked = {"upload_phase": "start", "file_size": str(medium.size)}
    path = f"/{work.page}/videos"
    answer = await work.call("POST", path, operation="video_start", host=VIDEO_HOST, data=asked)
    return {
        "id": id_of(answer, "video_id"),
        "session": id_of(answer, "upload_session_id"),
        "start": int(answer.json["start_offset"]),
        "end": int(answer.json["end_offset"]),
    }


async def _part(video: dict[str, Any], medium: Rendition, work: Work) -> dict[str, Any]:
    """Send the bytes that Facebook asks for; return the video with those that it asks for next."""
    start, end = video["start"], min(video["end"], video["start"] + MOST)
    chunk = await work.media.part(medium.sha256, start, end)
    answer = await work.call(
        "POST",
        f"/{work.page}/videos",
        operation="video_transfer",
        host=VIDEO_HOST,
        data={"upload_phase": "transfer", "upload_session_id": video["session"], "start_offset": str(start)},
        files={"video_file_chunk": ("part", chunk, "application/octet-stream")},
        expected=(200, 400),
    )
    asked = answer.json if answer.status == 200 else _elsewhere(answer)
    return {**video, "start": int(asked["start_offset"]), "end": int(asked["end_offset"])}


def _elsewhere(answer: Answer) -> Any:
    """Return the offsets of a refusal that names them: the answer to an earlier part was lost."""
    if OFFSET in codes_of(answer.json, SPEC.codes):
        data = answer.json["error"].get("error_data")
        if isinstance(data, dict) and {"start_offset", "end_offset"} <= set(data):
            return data
    raise failure_of(SPEC, "video_transfer", answer.status, answer.json, answer.headers, mutates=False)


async def _start_reel(work: Work) -> dict[str, Any]:
    path = f"/{work.page}/video_reels"
    answer = await work.call("POST", path, operation="reel_start", data={"upload_phase": "start"})
    return {"id": id_of(answer, "video_id"), "start": 0}


async def _arrived(medium: Rendition, work: Work) -> dict[str, Any]:
    """Return the reel with the offset that Facebook has bytes up to: the answer to the last part may be lost."""
    video = work.done["video"]
    told = await work.seen(f"/{video['id']}", "status", "video")
    phase = told["status"].get("uploading_phase") or {}
    arrived = phase.get("bytes_transferred", phase.get("bytes_transfered", video["start"]))
    whole = phase.get("status") in {"complete", "completed"}
    return {**video, "start": medium.size if whole else int(arrived)}


async def _reel_part(video: dict[str, Any], medium: Rendition, work: Work) -> dict[str, Any]:
    """Send the rest, or as much as one call takes; a reel of more goes on at its offset, as a broken upload would."""
    start, end = video["start"], min(medium.size, video["start"] + MOST)
    host = beside(work.account.base_url, GRAPH, UPLOAD_HOST)
    await work.http.call(
        "POST",
        f"{host}/video-upload/{version_of(work.account)}/{video['id']}",
        operation="reel_upload",
        mutates=False,
        content=await work.media.part(medium.sha256, start, end),
        headers={
            "Authorization": f"OAuth {token_of(work.account)}",
            "offset": str(start),
            "file_size": str(medium.size),
            "Content-Type": "application/octet-stream",
        },
    )
    return {**video, "start": end}


async def _finish(work: Work) -> None:
    """Make it public; where that was tried before, only if the video does not show it."""
    if not work.done.get("sent") or await _stage(work) is Stage.UNFINISHED:
        await (_finish_reel if work.payload.kind is Kind.REEL else _finish_video)(work)
    work.done["finished"] = True


async def _finish_video(work: Work) -> None:
    said = {"upload_phase": "finish", "upload_session_id": work.done["video"]["session"]}
    said |= {"description": work.piece.text} if work.piece.text else {}
    said |= {"title": work.payload.title} if work.payload.title else {}
    path = f"/{work.page}/videos"
    await work.make_public("POST", path, operation="video_finish", host=VIDEO_HOST, data=said)


async def _finish_reel(work: Work) -> None:
    said = {"upload_phase": "finish", "video_id": work.done["video"]["id"], "video_state": "PUBLISHED"}
    said |= {"description": work.piece.text} if work.piece.text else {}
    await work.make_public("POST", f"/{work.page}/video_reels", operation="reel_finish", data=said)


async def _stage(work: Work) -> Stage:
    return stage_of(await work.seen(f"/{work.done['video']['id']}", FIELDS, "video"))


async def _processed(work: Work) -> Pending | None:
    """Look how far Facebook is; a refusal to tell leaves open what became of it."""
    try:
        told = await work.seen(f"/{work.done['video']['id']}", FIELDS, "video")
    except Rejected as refusal:
        raise Uncertain(refusal.reason) from None
    stage, looks = stage_of(told), int(work.done.get("looks", 0)) + 1
    if stage is Stage.FAILED:
        raise Rejected(f"facebook: the video could not be processed: {why_failed(told)}; give another form of it")
    if stage in {Stage.PROCESSING, Stage.UNFINISHED}:
        return Pending(work.done, PROCESSING)
    if stage is Stage.DRAFT and looks >= LOOKS:
        raise Rejected("facebook: the video stayed a draft; an upright one is better sent as a reel")
    if stage is Stage.DRAFT or (not told.get("post_id") and looks < LOOKS):
        return Pending({**work.done, "looks": looks}, PROCESSING)
    work.done["parts"] = parts_of(told, work.page)
    return None
