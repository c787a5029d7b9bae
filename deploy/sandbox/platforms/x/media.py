"""Media: pictures in one call, films in segments that are joined and then processed, and their alternative texts."""

from typing import Any

from starlette.datastructures import UploadFile

from deploy.sandbox.films import film_of
from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.x.errors import invalid
from deploy.sandbox.platforms.x.state import NAME, State, Upload
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
FILMS = ("video/mp4", "video/quicktime", "video/webm", "video/mp2t")
PICTURE_BYTES = 5 * 2**20
FILM_BYTES = 512 * 2**20
SEGMENT_BYTES = 5 * 2**20
MOST_SEGMENTS = 1_000
ALT = 1_000
USABLE = 86_400
"""Seconds for which an upload may be named in a post."""


class Media:
    """The handlers about media."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def upload(self, call: Call) -> Answer:
        """Take a picture in one call."""
        params = await read_params(call)
        account = self._state.caller(call, "upload_15min")
        data = await _bytes(params)
        if text(params, "media_category") != "tweet_image":
            raise invalid("media_category: a post's picture is a `tweet_image`; films are uploaded in segments")
        file = examine(data, "")
        if file.mime not in PICTURES or not file.width or not file.height:
            raise invalid("The media type is not supported.")
        if file.size > PICTURE_BYTES:
            raise invalid("File size exceeds 5242880 bytes.")
        upload = Upload(self._state.new_id(), account, "tweet_image", self._state.world.now() + USABLE, file)
        self._state.uploads[upload.id] = upload
        self._state.world.shelf.put(file, data)
        image = {"image_type": file.mime, "w": file.width, "h": file.height}
        return json_answer({"data": {**_shown(upload, self._state.world.now()), "size": file.size, "image": image}})

    async def initialize(self, call: Call) -> Answer:
        """Begin an upload in segments."""
        account = self._state.caller(call, "chunks_15min")
        asked = call.json()
        if not isinstance(asked, dict) or set(asked) - {"media_type", "total_bytes", "media_category", "shared"}:
            raise invalid("The body may have media_type, total_bytes, media_category and shared.")
        total, mime = asked.get("total_bytes"), asked.get("media_type")
        if asked.get("media_category") != "tweet_video" or mime not in FILMS:
            raise invalid("media_category and media_type must be those of a video: tweet_video, video/mp4")
        if not isinstance(total, int) or not 0 < total <= FILM_BYTES:
            raise invalid(f"total_bytes must be 1 to {FILM_BYTES}.")
        upload = Upload(self._state.new_id(), account, "tweet_video", self._state.world.now() + USABLE, mime=mime)
        upload.total, upload.ready = total, float("inf")
        self._state.uploads[upload.id] = upload
        return json_answer({"data": _shown(upload, self._state.world.now())})

    async def append(self, call: Call) -> Answer:
        """Take one segment; one that is sent again takes the place of the first."""
        params = await read_params(call)
        account = self._state.caller(call, "chunks_15min")
        upload = self._own(account, call.args["id"])
        index, data = text(params, "segment_index"), await _bytes(params)
        if not (index.isascii() and index.isdecimal() and int(index[:6]) < MOST_SEGMENTS):
            raise invalid(f"segment_index must be 0 to {MOST_SEGMENTS - 1}.")
        if not data or len(data) > SEGMENT_BYTES:
            raise invalid(f"A segment may have 1 to {SEGMENT_BYTES} bytes.")
        if upload.file or upload.category != "tweet_video":
            raise invalid("The upload is finalized already.")
        upload.segments[int(index)] = data
        return json_answer({"data": {"expires_at": int(upload.ends)}})

    async def finalize(self, call: Call) -> Answer:
        """Join the segments and begin to process the film; a second time is refused."""
        account = self._state.caller(call, "chunks_15min")
        upload = self._own(account, call.args["id"])
        data = b"".join(upload.segments.get(index, b"") for index in range(len(upload.segments)))
        if upload.file or len(data) != upload.total:
            raise invalid("Segments do not add up to provided total file size.")
        upload.file, world = examine(data, upload.mime), self._state.world
        upload.failed = _faults(upload, data)
        slow = world.faults.slowness(NAME, call.method, call.path) or world.settings.processing_seconds
        upload.ready, upload.segments = world.now() + slow, {}
        world.shelf.put(upload.file, data)
        return json_answer({"data": {**_shown(upload, world.now()), "size": upload.file.size}})

    async def status(self, call: Call) -> Answer:
        """Say how far the processing of an upload is."""
        account = self._state.caller(call, "status_15min")
        params = call.params()
        if params.get("command", ["STATUS"]) != ["STATUS"]:
            raise invalid("command must be STATUS")
        upload = self._own(account, params.get("media_id", [""])[-1])
        if upload.file is None:
            raise invalid("The upload is not finalized.")
        return json_answer({"data": _shown(upload, self._state.world.now())})

    async def describe(self, call: Call) -> Answer:
        """Set the alternative text of a picture."""
        account = self._state.caller(call, "metadata_15min")
        asked = call.json()
        metadata = asked.get("metadata") if isinstance(asked, dict) else None
        alt = metadata.get("alt_text") if isinstance(metadata, dict) else None
        words = alt.get("text") if isinstance(alt, dict) else None
        upload = self._own(account, str(asked.get("id")) if isinstance(asked, dict) else "")
        if not isinstance(words, str) or len(words) > ALT:
            raise invalid(f"metadata.alt_text.text may have {ALT} characters.")
        upload.alt = words or None
        return json_answer({"data": {"id": upload.id, "associated_metadata": {"alt_text": {"text": words}}}})

    def _own(self, account: str, upload_id: str) -> Upload:
        upload = self._state.uploads.get(upload_id)
        if upload is None or upload.account != account or upload.ends <= self._state.world.now():
            raise invalid("The media id is not valid.")
        return upload


async def _bytes(params: Params) -> bytes:
    sent = params.get("media")
    if not isinstance(sent, UploadFile):
        raise MalformedError("media must be a file")
    data = await sent.read()
    await sent.close()
    return data


def _faults(upload: Upload, data: bytes) -> str:
    """Return why a film cannot be processed, nothing where it can; remember what it is."""
    film = film_of(data)
    if film is None or film.codec != "h264" or film.sound not in (None, "aac"):
        return "Unsupported video format: H.264 with AAC is taken"
    upload.film = film.width, film.height, film.seconds
    short, long = sorted((film.width, film.height))
    if short < 32 or long > 1280 or not 1 / 3 - 0.01 <= film.width / film.height <= 3.01:
        return "Invalid dimensions"
    if not 0.5 <= film.seconds <= 140 or film.rate > 60:
        return "Invalid duration or frame rate"
    return ""


def _shown(upload: Upload, now: float) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": upload.id, "media_key": upload.key, "expires_after_secs": int(upload.ends - now)}
    if upload.file is None or upload.category != "tweet_video":
        return shown
    if now < upload.ready:
        left = max(1, int(upload.ready - now) + 1)
        return {**shown, "processing_info": {"state": "in_progress", "check_after_secs": left, "progress_percent": 50}}
    if upload.failed:
        error = {"code": 1, "name": "InvalidMedia", "message": upload.failed}
        return {**shown, "processing_info": {"state": "failed", "progress_percent": 100, "error": error}}
    return {**shown, "processing_info": {"state": "succeeded", "progress_percent": 100}}
