"""Videos and reels: bytes in parts, then a call that finishes, then processing, then a public post."""

import hashlib
from typing import Any

from deploy.sandbox.films import film_of
from deploy.sandbox.ledger import Media
from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.platforms.facebook.errors import bad_parameter, not_there, refused
from deploy.sandbox.platforms.facebook.fields import Entity
from deploy.sandbox.platforms.facebook.film import fault_of
from deploy.sandbox.platforms.facebook.sent import file_in
from deploy.sandbox.platforms.facebook.state import NAME, State, Video
from deploy.sandbox.pull import PullError, pull
from deploy.sandbox.wire import Answer, Call, json_answer

MOST_BYTES = 1_750_000_000
PARTS = 3
LEAST_PART, MOST_PART = 4_096, 4_000_000


class Videos:
    """The handlers of `/{page}/videos`, `/{page}/video_reels` and the host that reels are uploaded to."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Do one phase of a video's upload."""
        params = await read_params(call)
        part = await file_in(params, "video_file_chunk")
        page = self._state.page(call)
        match text(params, "upload_phase"):
            case "start":
                return self._start(page, params)
            case "transfer":
                video = self._session(page, text(params, "upload_session_id"))
                return self._transfer(video, text(params, "start_offset"), part)
            case "finish":
                video = self._session(page, text(params, "upload_session_id"))
                return self._finish(call, video, text(params, "description"), text(params, "title"))
        raise bad_parameter("upload_phase must be start, transfer or finish")

    def _start(self, page: str, params: Params) -> Answer:
        said = text(params, "file_size")
        size = int(said) if said.isascii() and said.isdecimal() and len(said) < 12 else 0
        if not 0 < size <= MOST_BYTES:
            raise refused(6001, "There was a problem uploading your video file: it is too large or empty.")
        video = Video(self._state.new_id(), page, False, size)
        video.part = min(MOST_PART, max(LEAST_PART, -(-size // PARTS)))
        self._state.videos[video.id] = video
        return json_answer({"video_id": video.id, "upload_session_id": f"{video.id}9", **_offsets(video)})

    def _transfer(self, video: Video, start: str, part: tuple[bytes, str] | None) -> Answer:
        """Take one part; it must begin where the last one ended."""
        if part is None:
            raise bad_parameter("video_file_chunk is missing")
        data, offsets = part[0], _offsets(video)
        if start != offsets["start_offset"] or video.ready is not None:
            message = "There was a problem uploading your video file. Please try again with another file."
            raise refused(6001, message, subcode=1_363_037, error_data=offsets)
        if len(data) > int(offsets["end_offset"]) - int(offsets["start_offset"]) or not data:
            raise refused(6001, "There was a problem uploading your video file.", subcode=1_363_019)
        video.data += data
        return json_answer(_offsets(video))

    async def reel(self, call: Call) -> Answer:
        """Start a reel, or finish it."""
        params = await read_params(call)
        page = self._state.page(call)
        if text(params, "upload_phase") == "start":
            video = Video(self._state.new_id(), page, True, 0)
            self._state.videos[video.id] = video
            address = f"{call.base}/video-upload/{call.args['version']}/{video.id}"
            return json_answer({"video_id": video.id, "upload_url": address})
        if text(params, "upload_phase") != "finish" or text(params, "video_state") != "PUBLISHED":
            raise bad_parameter("upload_phase must be start or finish, video_state PUBLISHED")
        video = self._own(page, text(params, "video_id"))
        if video.ready is None:
            self._state.world.quotas.take(NAME, "reels_24h", page)
        return self._finish(call, video, text(params, "description"), "")

    async def upload(self, call: Call) -> Answer:
        """Take the bytes of a reel from an offset on, or fetch them."""
        video = self._own(self._state.owner(call), call.args["id"])
        data = call.body
        if url := call.header(b"file_url"):
            try:
                data, _ = await pull(url, MOST_BYTES)
            except PullError as error:
                raise refused(389, f"(#389) Unable to fetch video file from URL: {error}") from error
            size, offset = str(len(data)), "0"
        else:
            size, offset = call.header(b"file_size"), call.header(b"offset")
        if not size.isdecimal() or offset != str(len(video.data)) or len(video.data) + len(data) > int(size):
            info = {"retriable": False, "type": "OffsetInvalidError", "message": "The offset is not where it ended"}
            return json_answer({"debug_info": info}, 400)
        video.size = int(size)
        video.data += data
        return json_answer({"success": True})

    def _finish(self, call: Call, video: Video, description: str, title: str) -> Answer:
        """Accept the video; its post is in the ledger from now on, and public when it is processed."""
        if not video.size or len(video.data) < video.size:
            raise refused(6000, "There was a problem uploading your video file: parts are missing.")
        if video.ready is not None:
            return json_answer({"success": True})
        world, data = self._state.world, bytes(video.data)
        seen = film_of(data)
        size = (seen.width, seen.height, seen.seconds) if seen else (None, None, None)
        media = Media(hashlib.sha256(data).hexdigest(), "video/mp4", len(data), None, *size)
        kind = "reel" if video.reel else "video"
        story = self._state.new_story(call, video.page, description, kind, (media,))
        slow = world.faults.slowness(NAME, call.method, call.path) or world.settings.processing_seconds
        fails = world.faults.fails(NAME, call.method, call.path)
        video.ready = world.now() + slow
        video.fault = "An error of ours." if fails else fault_of(seen, reel=video.reel)
        if video.fault is None:
            story.video = video
            story.post.details = {"title": title or None}
            self._state.publish(call, story)
        return json_answer({"success": True})

    def _session(self, page: str, session: str) -> Video:
        return self._own(page, session.removesuffix("9"))

    def _own(self, page: str, video_id: str) -> Video:
        video = self._state.videos.get(video_id)
        if video is None or video.page != page:
            raise not_there(video_id)
        return video


def _offsets(video: Video) -> dict[str, str]:
    """Return where the next part begins and ends; the two are the same when all is there."""
    start = len(video.data)
    return {"start_offset": str(start), "end_offset": str(min(start + video.part, video.size))}


def video_node(state: State, video: Video) -> Entity:
    """Return a video: how far it is, and its post when that is public."""
    ready = video.ready is not None and video.ready <= state.world.now() and video.fault is None
    path = f"/reel/{video.id}/" if video.reel else f"/watch/?v={video.id}"
    return {
        "id": video.id,
        "status": _status(state, video),
        "published": ready,
        "post_id": video.story.rpartition("_")[2] if ready and video.story else None,
        "permalink_url": path,
    }


def _status(state: State, video: Video) -> dict[str, Any]:
    whole = bool(video.size) and len(video.data) == video.size
    uploading = {"status": "complete" if whole else "in_progress", "bytes_transferred": len(video.data)}
    waiting: dict[str, Any] = {"status": "not_started"}
    if video.ready is None:
        named = "upload_complete" if whole else "uploading"
        processing, publishing = waiting, waiting
    elif video.ready > state.world.now():
        named, processing, publishing = "processing", {"status": "in_progress"}, waiting
    elif video.fault:
        told = {"status": "error", "errors": [{"code": 1_363_008, "message": video.fault}]}
        named, processing, publishing = "error", told, waiting
    else:
        named, processing = "ready", {"status": "complete"}
        publishing = {"status": "complete", "publish_status": "published"}
    return {
        "video_status": named,
        "uploading_phase": uploading,
        "processing_phase": processing,
        "publishing_phase": publishing,
    }
