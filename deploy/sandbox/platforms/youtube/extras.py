"""What belongs to a video: captions and thumbnails."""

from typing import Any

from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.youtube.errors import bad, parameter, refused
from deploy.sandbox.platforms.youtube.state import State, Video, moment, one, parts
from deploy.sandbox.platforms.youtube.uploads import GONE, incomplete, opened, session_of, take
from deploy.sandbox.wire import Answer, Call, json_answer

CAPTIONS_BYTES = 104_857_600
THUMBNAIL_BYTES = 52_428_800
PARTS = frozenset({"id", "snippet"})


class Extras:
    """The handlers about captions and thumbnails."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def start_captions(self, call: Call) -> Answer:
        """Open a session for a track; a second one of the same language and name is refused."""
        account = self._state.caller(call, 400)
        parts(call, PARTS)
        metadata = call.json()
        snippet = metadata.get("snippet") if isinstance(metadata, dict) else None
        if not isinstance(snippet, dict) or not all(isinstance(snippet.get(n), str) for n in ("language", "name")):
            raise bad("invalidMetadata", "The request contains invalid metadata values.")
        self._refuse_second(self._state.own_video(account, str(snippet.get("videoId"))), snippet)
        return opened(call, self._state, account, metadata, ("",), CAPTIONS_BYTES)

    async def put_captions(self, call: Call) -> Answer:
        """Take the track's bytes and show it."""
        session = session_of(call, self._state)
        if session is None:
            return GONE
        if not take(call, session):
            return incomplete(session)
        snippet = session.metadata["snippet"]
        video = self._state.own_video(session.account, snippet["videoId"])
        self._refuse_second(video, snippet)
        data = bytes(session.data)
        if not data.startswith((b"WEBVTT", b"\xef\xbb\xbfWEBVTT")):
            raise bad("badRequest", "this stand-in reads WebVTT only")
        kept = {"trackKind": "standard", "status": "serving", "lastUpdated": moment(self._state.world.now())}
        track = {"id": self._state.new_id(), "snippet": {**snippet, **kept}}
        video.captions.append(track)
        self._tell(video, "captions", [*self._told(video), [snippet["language"], examine(data, "text/vtt").sha256]])
        return json_answer({"kind": "youtube#caption", **track}, 200)

    async def list_captions(self, call: Call) -> Answer:
        """Return the tracks of one's own video."""
        account = self._state.caller(call, 50)
        parts(call, PARTS)
        video = self._state.own_video(account, one(call, "videoId"))
        items = [{"kind": "youtube#caption", **track} for track in video.captions]
        return json_answer({"kind": "youtube#captionListResponse", "items": items})

    async def set_thumbnail(self, call: Call) -> Answer:
        """Set the picture of one's own video; another one replaces it."""
        account = self._state.caller(call, 50)
        if one(call, "uploadType") != "media":
            raise parameter("invalidParameter", "uploadType: this stand-in takes simple uploads only")
        video = self._state.own_video(account, one(call, "videoId"))
        file = examine(call.body, call.header(b"content-type"))
        if not call.body:
            raise bad("mediaBodyRequired", "The request does not include the image content.")
        if file.mime not in ("image/jpeg", "image/png") or not file.width:
            raise bad("invalidImage", "The provided image content is invalid.")
        if file.size > THUMBNAIL_BYTES:
            raise refused(413, "uploadTooLarge", "The image is too large.", "global")
        video.thumbnail = file.sha256
        self._tell(video, "thumbnail", file.sha256)
        picture = {"url": f"{call.base}/vi/{video.id}/maxres.jpg", "width": file.width, "height": file.height}
        return json_answer({"kind": "youtube#thumbnailSetResponse", "items": [{"default": picture}]})

    def _refuse_second(self, video: Video, snippet: dict[str, Any]) -> None:
        wanted = (snippet["language"], snippet["name"])
        if any((made["snippet"]["language"], made["snippet"]["name"]) == wanted for made in video.captions):
            message = "The specified video already has a caption track with the given language and name."
            raise refused(409, "captionExists", message, "youtube.caption")

    def _told(self, video: Video) -> list[Any]:
        return list(video.post.details["captions"]) if video.post else []

    def _tell(self, video: Video, name: str, value: Any) -> None:
        if video.post:
            video.post.details[name] = value
