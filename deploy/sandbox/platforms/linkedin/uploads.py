"""Images and videos: begun, sent (a video in parts of 4 MB), and processed."""

import hashlib
from typing import Any

from deploy.sandbox.films import film_of
from deploy.sandbox.ledger import Media
from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.linkedin.errors import denied, faulty, not_found, refused
from deploy.sandbox.platforms.linkedin.state import NAME, State, Upload
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

PART = 4_194_304
MOST_AT_ONCE = 40_000_000
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif")
PIXELS = 36_152_320
VIDEO_BYTES = (75_000, 500_000_000)
VIDEO_SECONDS = (3.0, 1_800.0)
GOOD_FOR = 86_400
"""Seconds for which an address to upload to is good."""


class Uploads:
    """The handlers about media."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def images(self, call: Call) -> Answer:
        """Begin the upload of an image."""
        account = self._state.caller(call)
        if _action(call) != "initializeUpload":
            raise refused(400, "ILLEGAL_ARGUMENT", f"Action {_action(call)} not found")
        self._state.own(account, _asked(call, "initializeUploadRequest").get("owner"))
        upload = self._begin("image", account, [])
        value = {"uploadUrl": _address(call, upload, 0), "uploadUrlExpiresAt": int(upload.expires * 1000)}
        return json_answer({"value": {**value, "image": upload.urn}})

    async def videos(self, call: Call) -> Answer:
        """Begin the upload of a video, or end it."""
        account, action = self._state.caller(call), _action(call)
        if action == "finalizeUpload":
            return self._finalize(call, account, _asked(call, "finalizeUploadRequest"))
        if action != "initializeUpload":
            raise refused(400, "ILLEGAL_ARGUMENT", f"Action {action} not found")
        asked = _asked(call, "initializeUploadRequest")
        self._state.own(account, asked.get("owner"))
        size = asked.get("fileSizeBytes")
        if not isinstance(size, int) or not VIDEO_BYTES[0] <= size <= VIDEO_BYTES[1]:
            raise faulty("INVALID_VALUE_FOR_FIELD", "fileSizeBytes is out of range", "/fileSizeBytes")
        parts = [(first, min(first + PART, size) - 1) for first in range(0, size, PART)]
        upload = self._begin("video", account, parts)
        steps = [
            {"uploadUrl": _address(call, upload, number), "firstByte": first, "lastByte": last}
            for number, (first, last) in enumerate(parts)
        ]
        value = {"uploadUrlsExpireAt": int(upload.expires * 1000), "video": upload.urn, "uploadToken": upload.token}
        return json_answer({"value": {**value, "uploadInstructions": steps}})

    async def put(self, call: Call) -> Answer:
        """Take the bytes of an image, or of one part of a video."""
        number, now = call.args["part"], self._state.world.now()
        upload = next((one for one in self._state.uploads.values() if one.urn.endswith(call.args["id"])), None)
        if upload is None or not number.isdecimal() or int(number) >= max(1, len(upload.parts)):
            raise not_found("upload")
        if upload.expires <= now:
            raise refused(400, "EXPIRED_UPLOAD_URL", "The upload URL has expired")
        if not upload.parts:
            self._take_image(call, upload)
            return Answer(201)
        first, last = upload.parts[int(number)]
        if len(call.body) != last - first + 1:
            raise refused(400, "INVALID_INPUT", f"Part {number} has {last - first + 1} bytes, not {len(call.body)}")
        upload.received[int(number)] = call.body
        return Answer(200, headers=[(b"etag", _etag(upload, int(number)).encode())])

    async def get(self, call: Call) -> Answer:
        """Say how far an upload is."""
        upload = self._own(self._state.caller(call), call.args["urn"])
        return json_answer(
            {"id": upload.urn, "owner": upload.account, "status": upload.status(self._state.world.now())}
        )

    def _begin(self, kind: str, account: str, parts: list[tuple[int, int]]) -> Upload:
        upload = Upload(f"urn:li:{kind}:C4D{self._state.next_id()}", account, self._state.world.now() + GOOD_FOR, parts)
        upload.token = f"token-{upload.urn[-8:]}" if parts else ""
        self._state.uploads[upload.urn] = upload
        return upload

    def _own(self, account: str, urn: Any) -> Upload:
        upload = self._state.uploads.get(str(urn))
        if upload is None:
            raise not_found(str(urn))
        if upload.account != account:
            raise denied()
        return upload

    def _take_image(self, call: Call, upload: Upload) -> None:
        file = examine(call.body, call.header(b"content-type"))
        if file.mime not in IMAGE_TYPES:
            raise refused(415, "UNSUPPORTED_MEDIA_TYPE", f"{file.mime} is not supported")
        upload.failed = not file.width or not file.height or file.width * file.height >= PIXELS
        upload.media = Media(file.sha256, file.mime, file.size, None, file.width, file.height)
        upload.ready = self._state.world.now() + self._state.world.faults.slowness(NAME, call.method, call.path)
        self._state.world.shelf.put(file, call.body)

    def _finalize(self, call: Call, account: str, asked: dict[str, Any]) -> Answer:
        upload = self._own(account, asked.get("video"))
        etags = [_etag(upload, number) for number in sorted(upload.received)]
        if len(etags) < len(upload.parts) or asked.get("uploadedPartIds") != etags:
            raise faulty("INVALID_VALUE_FOR_FIELD", "uploadedPartIds are not all of the parts", "/uploadedPartIds")
        if asked.get("uploadToken") != upload.token:
            raise faulty("INVALID_VALUE_FOR_FIELD", "uploadToken is another upload's", "/uploadToken")
        if upload.media is not None:
            raise refused(400, "INVALID_INPUT", "The upload is finalized already")
        world = self._state.world
        data = b"".join(upload.received[number] for number in range(len(upload.parts)))
        upload.received = {}
        file, film = examine(data, "application/octet-stream"), film_of(data)
        seconds = film.seconds if film else 0.0
        upload.failed = file.mime != "video/mp4" or not VIDEO_SECONDS[0] <= seconds <= VIDEO_SECONDS[1]
        width, height = (film.width, film.height) if film else (None, None)
        upload.media = Media(file.sha256, file.mime, file.size, None, width, height, seconds)
        slow = world.faults.slowness(NAME, call.method, call.path) or world.settings.processing_seconds
        upload.ready = world.now() + slow
        world.shelf.put(file, data)
        return Answer(200)


def _action(call: Call) -> str:
    return call.params().get("action", [""])[0]


def _asked(call: Call, name: str) -> dict[str, Any]:
    body = call.json()
    asked = body.get(name) if isinstance(body, dict) else None
    if not isinstance(asked, dict):
        raise MalformedError(f"{name} must be an object")
    return asked


def _address(call: Call, upload: Upload, number: int) -> str:
    return f"{call.base}/dms-uploads/{upload.urn.rpartition(':')[2]}/{number}"


def _etag(upload: Upload, number: int) -> str:
    digest = hashlib.sha256(upload.received[number]).hexdigest()[:24]
    return f"/ambry-video/signedId/{digest}.{number}"
