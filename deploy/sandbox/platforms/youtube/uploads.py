"""Resumable uploads of videos: a session, then its bytes, whole or in chunks of 262,144 times something."""

import re
from typing import Any

from deploy.sandbox.films import film_of
from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.youtube.errors import bad, parameter
from deploy.sandbox.platforms.youtube.metadata import check_snippet, check_status
from deploy.sandbox.platforms.youtube.state import NAME, SESSION_SECONDS, Session, State, Video, one, parts
from deploy.sandbox.platforms.youtube.videos import PARTS, video_resource
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

UNIT = 262_144
LARGEST = 274_877_906_944
LONGEST = 12 * 3_600
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_ASKED = re.compile(r"bytes \*/(\d{1,15}|\*)")
_MARKED = re.compile(r"\((failed|rejected): (\w+)\)$")


class Uploads:
    """The handlers of `videos.insert`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def start(self, call: Call) -> Answer:
        """Open a session; nothing is made yet."""
        account = self._state.caller(call, bucket="uploads_day")
        parts(call, PARTS)
        if one(call, "uploadType") != "resumable":
            raise parameter("invalidParameter", "uploadType: this stand-in takes resumable uploads only")
        metadata = call.json()
        if not isinstance(metadata, dict):
            raise MalformedError("the body must be a JSON object")
        check_snippet(metadata.get("snippet"))
        check_status(metadata.get("status"))
        self._state.count_upload(account)
        return opened(call, self._state, account, metadata, ("video/", "application/octet-stream"), LARGEST)

    async def put(self, call: Call) -> Answer:
        """Take bytes, or say what is there."""
        session = session_of(call, self._state)
        if session is None:
            return GONE
        if session.made is None and not take(call, session):
            return incomplete(session)
        if session.made is None:
            session.made = self._make(call, session)
            return json_answer(video_resource(self._state, session.made, ["snippet", "status"]), 201)
        return json_answer(video_resource(self._state, session.made, ["snippet", "status"]), 201)

    def _make(self, call: Call, session: Session) -> Video:
        world, data = self._state.world, bytes(session.data)
        session.data.clear()
        file, film, now = examine(data, session.type), film_of(data), world.now()
        slow = world.faults.slowness(NAME, call.method, call.path) or world.settings.processing_seconds
        snippet = {"categoryId": "22", "description": "", **session.metadata["snippet"]}
        status = {"privacyStatus": "public", **(session.metadata.get("status") or {})}
        video = Video(
            self._state.new_id(), session.account, snippet, status, file.sha256, file.size, film, now, now + slow
        )
        video.failure = failure_of(video)
        self._state.videos[video.id] = video
        world.shelf.put(file, data)
        if video.failure is None and status["privacyStatus"] == "public":
            self._publish(call, video, file.mime)
        return video

    def _publish(self, call: Call, video: Video, mime: str) -> None:
        film = video.film
        size = (film.width, film.height, film.seconds) if film else (None, None, None)
        video.post = Post(
            NAME,
            video.account,
            video.id,
            video.snippet["description"],
            video.time,
            url=f"https://www.youtube.com/watch?v={video.id}",
            media=(Media(video.sha256, mime, video.size, None, *size),),
            details={
                "title": video.snippet["title"],
                "language": video.snippet.get("defaultLanguage"),
                "captions": [],
                "thumbnail": None,
                "short": bool(film and film.width <= film.height and film.seconds <= 180),
            },
        )
        self._state.world.ledger.add(video.post)
        call.published += 1


GONE = Answer(404, b"Not Found", media_type=b"text/plain")


def opened(
    call: Call, state: State, account: str, metadata: dict[str, Any], types: tuple[str, ...], most: int
) -> Answer:
    """Return the answer that names a new session."""
    kind = call.header(b"x-upload-content-type") or "application/octet-stream"
    said = call.header(b"x-upload-content-length")
    if not any(kind.startswith(known) for known in types):
        raise bad("badContent", f"Media type '{kind}' is not supported.")
    if not (said.isascii() and said.isdecimal() and len(said) < 16) or not 0 < int(said) <= most:
        raise bad("mediaBodyRequired", "X-Upload-Content-Length must be the size of the file")
    session = Session(state.new_id(40), account, metadata, int(said), kind, state.world.now() + SESSION_SECONDS)
    state.sessions[session.id] = session
    query = call.query.decode("latin-1")
    location = f"{call.base}{call.path}?{query}&upload_id={session.id}"
    return Answer(200, b"", [(b"location", location.encode()), (b"x-guploader-uploadid", session.id.encode())])


def session_of(call: Call, state: State) -> Session | None:
    """Return the session of an address, None where it is not known, or no longer; raises 401."""
    account = state.caller(call, 0)
    session = state.sessions.get(one(call, "upload_id"))
    if session is None or session.account != account or session.until <= state.world.now():
        return None
    return session


def take(call: Call, session: Session) -> bool:
    """Take the bytes of a call; say whether all of them are there. What does not go on from the last is left."""
    said = call.header(b"content-range")
    if _ASKED.fullmatch(said):
        if call.body:
            raise bad("badRequest", "a question has no body")
        return len(session.data) == session.size
    first, last, total = (0, len(call.body) - 1, len(call.body)) if not said else _range(said)
    if total != session.size or last - first + 1 != len(call.body) or last >= total:
        raise bad("badRequest", "Content-Range does not fit the body, or the size that was announced")
    if last + 1 < total and len(call.body) % UNIT:
        raise bad("badRequest", f"a chunk must be a multiple of {UNIT} bytes")
    if first == len(session.data):
        session.data += call.body
    return len(session.data) == session.size


def incomplete(session: Session) -> Answer:
    """Return the answer that says how far an upload is."""
    held = len(session.data)
    return Answer(308, b"", [(b"range", b"bytes=0-%d" % (held - 1))] if held else [])


def failure_of(video: Video) -> tuple[str, str] | None:
    """Return what becomes of an upload that is no film, too long, or marked to fail."""
    if marked := _MARKED.search(video.snippet["title"]):
        return marked[1], marked[2]
    if video.film is None:
        return "failed", "invalidFile"
    return ("rejected", "length") if video.film.seconds > LONGEST else None


def _range(said: str) -> tuple[int, int, int]:
    found = _RANGE.fullmatch(said)
    if not found:
        raise bad("badRequest", "Content-Range can't be read")
    first, last, total = map(int, found.groups())
    return first, last, total
