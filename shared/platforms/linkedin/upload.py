"""Uploading to LinkedIn: an image in one piece, a video in parts of the size that it asks for.

Each is waited for: a post made before its media are available may stay invisible (images-api).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from shared.adapter.answers import codes_of, failure_of
from shared.adapter.contract import Account, Answer, Http, Media, Pending, Progress
from shared.adapter.errors import Rejected, TryLater
from shared.payload import Payload, Rendition
from shared.platforms.linkedin.connect import authorization, call, encoded, organization
from shared.platforms.linkedin.share import is_video, needed
from shared.platforms.linkedin.spec import SPEC

ENOUGH = 64_000_000
"""Bytes that one try sends; then it hands back, so that the right to go on is looked at again."""
POLL = 5.0
"""Seconds after which what is being processed is asked for again."""
ANEW = 60.0
"""Seconds after which an upload whose addresses have expired is begun anew."""
MOST_ANEW = 3
"""How often it is."""
_OVER = frozenset({401, 403, 410})
"""What an address that has expired may be answered with (unconfirmed), where no token is sent that could be meant."""


class _ExpiredError(Exception):
    """The addresses of an upload are no longer good."""


@dataclass
class Uploads:
    """The uploads of one post; `made` is what is kept: for each medium its URN, and what a video still lacks."""

    account: Account
    http: Http
    media: Media
    progress: Progress
    made: list[dict[str, Any]]
    anew: int = 0
    """How often it was begun anew."""
    sent: int = field(default=0, init=False)

    async def ready(self, payload: Payload) -> Pending | list[str]:
        """Go on as far as one may; return the URNs when all of them are available."""
        waits = []
        for place, rendition in enumerate(needed(payload)):
            try:
                wait = await self._go_on(place, rendition)
            except _ExpiredError:
                return self._begun_anew(place)
            if wait is not None:
                waits.append(wait)
            if self.sent >= ENOUGH:
                return Pending(self.kept(), 0)
        return Pending(self.kept(), max(waits)) if waits else [one["urn"] for one in self.made]

    def kept(self) -> dict[str, Any]:
        """Return what is done, as JSON."""
        return {"media": self.made, "anew": self.anew}

    def _begun_anew(self, place: int) -> Pending:
        if self.anew >= MOST_ANEW:
            raise Rejected("linkedin upload: the addresses to upload to expire again and again")
        del self.made[place:]
        self.anew += 1
        return Pending(self.kept(), ANEW)

    async def _go_on(self, place: int, rendition: Rendition) -> float | None:
        """Do the next steps of one upload; return after how many seconds to go on, None when it is available."""
        if place == len(self.made):
            self.made.append(await (self._begun(rendition) if is_video(rendition) else self._image(rendition)))
            await self.progress(self.kept())
        one = self.made[place]
        if one.get("ready"):
            return None
        await self._parts(one, rendition)
        return POLL if one.get("left") else await self._processed(one, rendition)

    async def _processed(self, one: dict[str, Any], rendition: Rendition) -> float | None:
        kind = "videos" if is_video(rendition) else "images"
        told = await call(self.account, self.http, "GET", f"/{kind}/{encoded(one['urn'])}", operation=f"{kind}_get")
        status = (told.json or {}).get("status")
        if status == "PROCESSING_FAILED":
            raise Rejected(f"linkedin: it cannot process {rendition.sha256[:12]}…; give another form of it")
        if status == "WAITING_UPLOAD" and "etags" in one:  # so it is not finalized, whatever became of an earlier try
            await self._finalize(one)
            return POLL
        one["ready"] = status == "AVAILABLE"
        return None if one["ready"] else POLL

    # ---- images ------------------------------------------------------------------------------------------------------

    async def _image(self, rendition: Rendition) -> dict[str, Any]:
        """Upload an image; one whose answer is lost is made again, and the orphan is shown nowhere."""
        value = await self._initialize("images", {"owner": organization(self.account)})
        content = await self.media.read(rendition.sha256)
        await self._put(value["uploadUrl"], content, {"Content-Type": rendition.type, **authorization(self.account)})
        return {"urn": value["image"], "ready": False}

    # ---- videos ------------------------------------------------------------------------------------------------------

    async def _begun(self, rendition: Rendition) -> dict[str, Any]:
        asked = {"fileSizeBytes": rendition.size, "uploadCaptions": False, "uploadThumbnail": False}
        value = await self._initialize("videos", {"owner": organization(self.account), **asked})
        left = [[one["uploadUrl"], one["firstByte"], one["lastByte"] + 1] for one in value["uploadInstructions"]]
        token = value.get("uploadToken") or ""
        return {"urn": value["video"], "ready": False, "token": token, "left": left, "etags": []}

    async def _parts(self, one: dict[str, Any], rendition: Rendition) -> None:
        """Send the parts that are left, in order; what is sent is kept after each."""
        while one.get("left") and self.sent < ENOUGH:
            url, start, end = one["left"][0]
            content = await self.media.part(rendition.sha256, start, end)
            answer = await self._put(url, content, {"Content-Type": "application/octet-stream"})
            if not (etag := answer.headers.get("etag")):
                raise TryLater("linkedin upload: the answer to a part has no ETag")
            one["left"], one["etags"] = one["left"][1:], [*one["etags"], etag]
            await self.progress(self.kept())

    async def _finalize(self, one: Mapping[str, Any]) -> None:
        asked = {"video": one["urn"], "uploadToken": one["token"], "uploadedPartIds": one["etags"]}
        path, body = "/videos?action=finalizeUpload", {"finalizeUploadRequest": asked}
        await call(self.account, self.http, "POST", path, operation="videos_finalize", json=body)

    # ---- both --------------------------------------------------------------------------------------------------------

    async def _initialize(self, kind: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        path, body = f"/{kind}?action=initializeUpload", {"initializeUploadRequest": asked}
        told = await call(self.account, self.http, "POST", path, operation=f"{kind}_initialize", json=body)
        return dict(told.json["value"])

    async def _put(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        self._check(url)
        unsigned = "Authorization" not in headers
        expected = (200, 201, 400, *(_OVER if unsigned else ()))
        answer = await self.http.call(
            "PUT", url, operation="upload", mutates=False, content=content, headers=headers, expected=expected
        )
        self.sent += len(content)
        if answer.status < 400:
            return answer
        if answer.status in _OVER or "EXPIRED_UPLOAD_URL" in codes_of(answer.json, SPEC.codes):
            raise _ExpiredError
        raise failure_of(SPEC, "upload", answer.status, answer.json, answer.headers, False)

    def _check(self, url: str) -> None:
        """Refuse an address that is not LinkedIn's own: what is told by a server is not yet where our bytes may go."""
        to, home = urlsplit(url), urlsplit(self.account.base_url)
        host = to.hostname or ""
        own = to.scheme == "https" and (host == "linkedin.com" or host.endswith(".linkedin.com"))
        if not own and (to.scheme, to.netloc) != (home.scheme, home.netloc):
            raise Rejected("linkedin upload: the address to upload to is not LinkedIn's")
