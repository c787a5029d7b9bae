"""Uploads: POST /api/v2/media, then GET and PUT /api/v1/media/:id until it is ready."""

from dataclasses import replace

from starlette.datastructures import UploadFile

from deploy.sandbox.films import film_of
from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.pictures import File, examine
from deploy.sandbox.platforms.mastodon import limits
from deploy.sandbox.platforms.mastodon.entities import media_entity
from deploy.sandbox.platforms.mastodon.errors import not_found, unprocessable
from deploy.sandbox.platforms.mastodon.state import NAME, State, Upload
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer


class Uploads:
    """The handlers about media."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Take a file: 200 for a picture, 202 for what is processed first (film, sound, animation, or by a fault)."""
        params = await read_params(call)
        account = self._state.caller(call, "media_30min")
        sent = params.get("file")
        if not isinstance(sent, UploadFile):
            raise unprocessable("Validation failed: File can't be blank")
        data = await sent.read()
        await sent.close()
        file = examine(data, sent.content_type or "")
        file = check_file(file, data)
        world = self._state.world
        slow = world.faults.slowness(NAME, call.method, call.path)
        if not slow and (file.mime == "image/gif" or not file.mime.startswith("image/")):
            slow = world.settings.processing_seconds
        now = world.now()
        upload = Upload(self._state.ids.next(now), account, file, now + slow)
        describe(upload, params)
        self._state.uploads[upload.id] = upload
        world.shelf.put(file, data)
        return json_answer(media_entity(self._state, upload, call.base), 202 if slow else 200)

    async def get(self, call: Call) -> Answer:
        """Return an upload: 206 while it is processed, then 200."""
        return self._shown(call, self._own(call))

    async def put(self, call: Call) -> Answer:
        """Change description or focus of an upload that is not posted yet."""
        params = await read_params(call)
        upload = self._own(call)
        describe(upload, params)
        return self._shown(call, upload)

    def _own(self, call: Call) -> Upload:
        account = self._state.caller(call)
        upload = self._state.uploads.get(call.args["id"])
        if upload is None or upload.account != account or upload.status:
            raise not_found()
        return upload

    def _shown(self, call: Call, upload: Upload) -> Answer:
        status = 200 if upload.ready <= self._state.world.now() else 206
        return json_answer(media_entity(self._state, upload, call.base), status)


def check_file(file: File, data: bytes) -> File:
    """Return the file, with its size in pixels; raises 422 for what a server of this version would not take."""
    if file.mime not in limits.MIME_TYPES:
        raise unprocessable("Validation failed: File content type is invalid, File is invalid")
    picture = file.mime.startswith("image/")
    most = limits.IMAGE_BYTES if picture else limits.VIDEO_BYTES
    if file.size > most:
        raise unprocessable(f"Validation failed: File file size must be less than {most // 2**20} MB")
    if picture and (file.width is None or file.height is None) and file.mime not in ("image/heic", "image/heif"):
        raise unprocessable("Validation failed: File is invalid")
    if file.width and file.height and file.width * file.height > limits.IMAGE_PIXELS:
        raise unprocessable(f"Validation failed: {file.width}x{file.height} images are not supported")
    return _check_film(file, data) if file.mime.startswith("video/") else file


def _check_film(file: File, data: bytes) -> File:
    film = film_of(data)
    if film is None:
        raise unprocessable("Validation failed: File is invalid")
    if film.width * film.height > limits.VIDEO_PIXELS:
        raise unprocessable(f"Validation failed: {film.width}x{film.height} videos are not supported")
    if film.rate > limits.VIDEO_RATE:
        raise unprocessable(f"Validation failed: {film.rate:g}fps videos are not supported")
    return replace(file, width=film.width, height=film.height)


def describe(upload: Upload, params: Params) -> None:
    """Set alt text and focus from the parameters; raises 422 for an alt text too long."""
    if "description" in params:
        description = text(params, "description")
        if len(description) > limits.DESCRIPTION_LIMIT:
            raise unprocessable(
                f"Validation failed: Description is too long (maximum is {limits.DESCRIPTION_LIMIT} characters)"
            )
        upload.description = description or None
    if focus := text(params, "focus"):
        try:
            x, y = (max(-1.0, min(1.0, float(part))) for part in focus.split(","))
        except ValueError as error:
            raise MalformedError("focus must be two numbers with a comma between") from error
        upload.focus = (x, y)
