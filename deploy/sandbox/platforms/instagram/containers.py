"""Containers: `POST /{user}/media` makes one, and fetches its medium."""

from deploy.sandbox.ledger import Media
from deploy.sandbox.params import Params, read_params, text, truth
from deploy.sandbox.pictures import examine
from deploy.sandbox.platforms.instagram.checks import (
    FILM_BYTES,
    IMAGE_BYTES,
    check_alt,
    check_caption,
    check_picture,
    film_in,
    unfetched,
)
from deploy.sandbox.platforms.instagram.errors import missing, refused, unsupported
from deploy.sandbox.platforms.instagram.state import NAME, Container, State
from deploy.sandbox.pull import PullError, pull
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer

PRODUCTS = {"": "FEED", "IMAGE": "FEED", "VIDEO": "FEED", "REELS": "REELS", "STORIES": "STORY", "CAROUSEL": "FEED"}
CHILDREN = (2, 10)
FAILED = 2207053
"""The subcode of an upload that failed for no reason of the caller's."""


class Containers:
    """The handler that makes containers."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, call: Call) -> Answer:
        """Make a container: refused at once where the picture or the words are wrong, failed later where a film is."""
        params = await read_params(call)
        account = self._state.user(call, params)
        kind, child = text(params, "media_type"), truth(params, "is_carousel_item")
        if kind not in PRODUCTS or (kind == "VIDEO" and not child) or (kind in ("REELS", "STORIES") and child):
            raise refused(100, "Unknown media type.", 2207023, words=f"The media type {kind} is unknown here.")
        caption = "" if child else text(params, "caption")
        if caption and kind == "STORIES":
            raise unsupported("caption", "is not supported for stories")
        check_caption(caption)
        self._state.world.quotas.take(NAME, "containers_24h", account)
        try:
            if kind == "CAROUSEL":
                media, error, slow = self._children(params, account), None, 0.0
                form = "CAROUSEL_ALBUM"
            else:
                (medium, error, slow), form = await self._fetched(params, PRODUCTS[kind]), _form(params)
                media = (medium,)
        except RefusedError:
            self._state.world.quotas.give_back(NAME, "containers_24h", account)
            raise
        world = self._state.world
        now = world.now()
        slow = world.faults.slowness(NAME, call.method, call.path) or slow
        error = FAILED if world.faults.fails(NAME, call.method, call.path) else error
        made = Container(
            self._state.new_id(178), account, PRODUCTS[kind], form, caption, media, now, now + slow, child, error
        )
        self._state.containers[made.id] = made
        return json_answer({"id": made.id})

    async def _fetched(self, params: Params, product: str) -> tuple[Media, int | None, float]:
        """Return the medium at the address, the subcode with which it fails, and how long it is processed."""
        image, video = text(params, "image_url"), text(params, "video_url")
        if bool(image) == bool(video):
            raise unsupported("image_url", "or video_url is required, and only one of them")
        try:
            data, said = await pull(image or video, IMAGE_BYTES * 2 if image else FILM_BYTES[product])
        except PullError as error:
            raise unfetched(str(error)) from error
        file = examine(data, said)
        self._state.world.shelf.put(file, data)
        if video:
            return *film_in(data, file, product), self._state.world.settings.processing_seconds
        check_picture(file, product)
        alt = text(params, "alt_text")
        check_alt(alt)
        shown = alt or None if product == "FEED" else None
        return Media(file.sha256, file.mime, file.size, shown, file.width, file.height), None, 0.0

    def _children(self, params: Params, account: str) -> tuple[Media, ...]:
        given = params.get("children")
        ids = given if isinstance(given, list) else [one for one in text(params, "children").split(",") if one]
        least, most = CHILDREN
        if not least <= len(ids) <= most:
            words = f"A carousel has {least} to {most} items, not {len(ids)}."
            raise refused(100, "Invalid number of carousel items.", 2207028, words=words)
        found = [self._child(str(one), account) for one in ids]
        return tuple(medium for one in found for medium in one.media)

    def _child(self, wanted: str, account: str) -> Container:
        found = self._state.containers.get(wanted)
        if found is None or found.account != account or not found.child:
            raise missing(wanted, "post")
        if found.status(self._state.world.now()) != "FINISHED":
            raise not_ready()
        return found


def not_ready() -> RefusedError:
    """Return the error for a container that is not finished."""
    return refused(
        9007,
        "Media ID is not available",
        2207027,
        words="The media is not ready for publishing, please wait for a moment",
    )


def _form(params: Params) -> str:
    return "VIDEO" if text(params, "video_url") else "IMAGE"
