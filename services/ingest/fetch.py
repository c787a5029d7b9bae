"""Where media come from: the store, or Wikimedia Commons; and how they come to fit."""

import asyncio
from collections.abc import Mapping
from typing import Protocol
from weakref import WeakValueDictionary

from services.ingest.fanout import Wanted, renditions_of
from services.ingest.originals import Original, find_fitted, find_originals, form_of, keep, keep_fitted, key_of
from services.ingest.settings import IngestSettings
from services.ingest.sniff import UnknownFileError, sniff
from services.ingest.unknown import missing_media
from shared.adapter import commons, images
from shared.adapter.compose import Needed
from shared.adapter.contract import Fetch, Http
from shared.adapter.errors import PlatformError, TryLater
from shared.database import Sessions
from shared.media import MediaStore
from shared.payload import Rendition

READABLE = frozenset({"image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif"})


class UnpreparableError(Exception):
    """A medium is missing or cannot be made to fit; the text says why, `place` where the content names it."""

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(reason)
        self.place = place


class Door(Http, Fetch, Protocol):
    """Calls and fetches: `shared.adapter.client.HttpClient`."""


class Larder:
    """Gets every medium that a post needs into the store, in the form that fits."""

    def __init__(self, sessions: Sessions, media: MediaStore, http: Door, settings: IngestSettings) -> None:
        self._sessions = sessions
        self._media = media
        self._http = http
        self._settings = settings
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._fitting = asyncio.Semaphore(1)  # a picture being fitted takes up to a few hundred megabytes

    async def fill(self, one: Wanted, tool: str, *, team: bool) -> tuple[Mapping[str, Original], tuple[Rendition, ...]]:
        """Return a post's originals, and the fitted forms in their order; what is there already is not fetched again.

        Raises UnpreparableError, or TryLater as Commons answers.
        """
        originals: dict[str, Original] = {}
        for needed in one.needed:
            originals[key_of(needed.medium)] = await self._original(needed, one, tool, team=team)
        for needed in one.needed:
            await self._fitted(needed, originals[key_of(needed.medium)])
        async with self._sessions() as db:
            forms = renditions_of(one, originals, await find_fitted(db, originals.values()))
        if forms is None:
            raise UnpreparableError(f"{one.channel} takes no such media.", one.needed[0].place)
        return originals, tuple(forms)

    async def _original(self, needed: Needed, one: Wanted, tool: str, *, team: bool) -> Original:
        """Return what the store has, or fetch it; several posts that need one file at once fetch it once."""
        async with self._under_way.setdefault(key_of(needed.medium), asyncio.Lock()):
            fresh = self._settings.commons_fresh_seconds
            async with self._sessions() as db:
                found = await find_originals(db, [needed.medium], tool, team=team, fresh=fresh)
            if original := found.get(key_of(needed.medium)):
                return original
            if needed.medium.commons is None:
                gone = next(missing_media(one, found), {"detail": "The media store does not have it."})
                raise UnpreparableError(str(gone["detail"]), needed.place)
            try:
                return await self._from_commons(needed.medium.commons, needed.place)
            except TryLater:
                raise
            except PlatformError as error:
                raise UnpreparableError(f"Commons does not give it: {error.reason}.", needed.place) from error

    async def _from_commons(self, title: str, place: str) -> Original:
        """Look a file up, download it and keep it with its rights."""
        api = self._settings.commons_url
        file = (await commons.lookup([title], self._http, api))[title]
        if isinstance(file, commons.Missing):
            what = "hidden" if file.hidden else "missing"
            raise UnpreparableError(f"{title} is {what} on Wikimedia Commons; name another file.", place)
        url = file.url if _is_readable(file) else file.scaled_url
        fetched = await commons.download(url, self._http, images.MOST_BYTES, api)
        try:
            known = await sniff(fetched.content)
        except UnknownFileError as error:
            raise UnpreparableError(f"{title}: {error}", place) from error
        stored = await self._media.put(fetched.content, known.type)
        original = known.original(stored, file.rights)
        async with self._sessions.begin() as db:
            await keep(db, original, title)
        return original

    async def _fitted(self, needed: Needed, original: Original) -> None:
        """See that the form is there which fits the place; a video goes out as it came, or not at all."""
        if original.is_video:
            return
        if needed.limit is None:
            raise UnpreparableError("The channel takes no image there; leave it out.", needed.place)
        form = form_of(needed.limit)
        async with self._under_way.setdefault(f"{original.sha256} {form}", asyncio.Lock()):
            async with self._sessions() as db:
                if (original.sha256, form) in await find_fitted(db, [original]):
                    return
            content = await self._media.read(original.sha256)
            try:
                async with self._fitting:
                    fitted = await asyncio.to_thread(images.fit, content, needed.limit)
            except images.ImageError as error:
                raise UnpreparableError(f"It cannot be made to fit: {error}.", needed.place) from error
            stored = await self._media.put(fitted.content, fitted.type)
            rendition = Rendition(
                sha256=stored.sha256, type=fitted.type, size=stored.size, width=fitted.width, height=fitted.height
            )
            async with self._sessions.begin() as db:
                await keep_fitted(db, original.sha256, form, rendition)


def _is_readable(file: commons.CommonsFile) -> bool:
    """Say whether the original can be used; of a drawing or a huge picture Commons' own rendering is taken."""
    if file.mime.startswith("video/"):
        return True  # its rendering would be a still
    return file.mime in READABLE and file.size <= images.MOST_BYTES and file.width * file.height <= images.MOST_PIXELS
