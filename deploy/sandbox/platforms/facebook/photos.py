"""Photos: uploaded or fetched, public at once or kept unseen for a post to come."""

from deploy.sandbox.ledger import Media
from deploy.sandbox.params import read_params, text
from deploy.sandbox.pictures import File, examine
from deploy.sandbox.platforms.facebook.errors import bad_parameter, refused
from deploy.sandbox.platforms.facebook.sent import file_in
from deploy.sandbox.platforms.facebook.state import Photo, State
from deploy.sandbox.pull import PullError, pull
from deploy.sandbox.wire import Answer, Call, json_answer

PHOTO_LIMIT = 11_000_000
BYTES = 4_000_000
TYPES = frozenset({"image/jpeg", "image/bmp", "image/png", "image/gif", "image/tiff", "image/webp", "image/heif"})


class Photos:
    """The handler of `/{page}/photos`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Take a picture; with `published=false` nobody sees it until a post has it."""
        params = await read_params(call)
        sent = await file_in(params, "source")
        page = self._state.page(call)
        file = await self._file(sent, text(params, "url"))
        photo = Photo(self._state.new_id(), page, file, text(params, "alt_text_custom") or None)
        seen = text(params, "published").lower() not in ("0", "false")
        story = self._state.new_story(call, page, text(params, "caption"), "photo", media_of((photo,)))
        self._state.photos[photo.id] = photo
        if not seen:
            return json_answer({"id": photo.id})
        story.photos = (photo,)
        self._state.publish(call, story)
        return json_answer({"id": photo.id, "post_id": story.id})

    async def _file(self, sent: tuple[bytes, str] | None, url: str) -> File:
        if sent is None and not url:
            raise refused(324, "(#324) Requires upload file")
        try:
            data, said = sent or await pull(url, PHOTO_LIMIT)
        except PullError as error:
            raise refused(324, f"(#324) Missing or invalid image file: {error}", subcode=2_069_019) from error
        file = examine(data, said)
        check(file)
        self._state.world.shelf.put(file, data)
        return file


def check(file: File) -> None:
    """Refuse what is no picture, or too large a one."""
    if file.mime not in TYPES or (file.width is None and file.mime != "image/heif"):
        raise refused(324, "(#324) Missing or invalid image file", subcode=2_069_019)
    if file.size > BYTES:
        message = "Your photos couldn't be uploaded. Photos should be smaller than 4 MB."
        raise bad_parameter(message, 1_366_046)


def media_of(photos: tuple[Photo, ...]) -> tuple[Media, ...]:
    """Return photos as the ledger has them."""
    return tuple(
        Media(one.file.sha256, one.file.mime, one.file.size, one.alt, one.file.width, one.file.height) for one in photos
    )
