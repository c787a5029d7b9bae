"""A container: what a post is made of before it is public. It is asked for, fetches its medium, and is then ready.

Sources: ig-user/media (the parameters), ig-container (the states), error-codes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.adapter.answers import failure_of
from shared.adapter.contract import Account, Http, Media
from shared.adapter.errors import TryLater, Uncertain
from shared.content import Kind
from shared.payload import Payload, Rendition
from shared.platforms.instagram.connect import call, own
from shared.platforms.instagram.spec import SPEC

_SUBCODE = re.compile(r"\b22\d{5}\b")
_GONE = {(100, 33), (24, 2207008)}
_REFUSED = frozenset(
    {"2207004", "2207005", "2207009", "2207010", "2207023", "2207026", "2207028", "2207040", "2207057"}
)
"""Subcodes of error-codes that say what is wrong with the post itself; any other may pass with a new container."""


class Code(StrEnum):
    """How far a container is."""

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"
    """It was not published within 24 hours."""
    GONE = "GONE"
    """Ours: Instagram knows of no such container."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a container says of itself."""

    code: Code
    words: str = ""

    @property
    def final(self) -> bool:
        """Whether another container would fail as this one did."""
        return bool(set(_SUBCODE.findall(self.words)) & _REFUSED)


def product_of(payload: Payload) -> str:
    """Return what Instagram calls such a post: FEED, REELS or STORY."""
    if payload.kind is Kind.STORY:
        return "STORY"
    media = payload.pieces[0].media
    return "REELS" if len(media) == 1 and _is_film(media[0]) else "FEED"


def child_of(rendition: Rendition, media: Media) -> dict[str, Any]:
    """Return the parameters of one medium of a carousel."""
    source = _source(rendition, media)
    kind = {"media_type": "VIDEO"} if _is_film(rendition) else _alt(rendition)
    return {**source, **kind, "is_carousel_item": True}


def single_of(payload: Payload, media: Media) -> dict[str, Any]:
    """Return the parameters of a post with one medium: a picture, a reel (any film is one) or a story."""
    (piece,) = payload.pieces
    (rendition,) = piece.media
    if payload.kind is Kind.STORY:
        return {**_source(rendition, media), "media_type": "STORIES"}
    form = {**_source(rendition, media), "caption": piece.text}
    if _is_film(rendition):
        return {**form, "media_type": "REELS", "share_to_feed": True}
    return {**form, **_alt(rendition)}


def carousel_of(payload: Payload, children: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of a carousel of these containers."""
    return {"media_type": "CAROUSEL", "children": ",".join(children), "caption": payload.pieces[0].text}


async def create(form: dict[str, Any], account: Account, http: Http) -> str:
    """Ask for a container and return its id; nothing is public by it, and one too many is forgotten in a day."""
    told = (await call(account, http, "POST", f"{own(account)}/media", operation="container", json=form)).json
    if not told or not told.get("id"):
        raise TryLater("instagram container: an answer without an id")
    return str(told["id"])


async def status_of(container: str, account: Account, http: Http) -> Status:
    """Return how far a container is."""
    params = {"fields": "status_code,status"}
    path, name = container, "container_status"
    answer = await call(account, http, "GET", path, operation=name, params=params, expected=(200, 400, 404))
    told = answer.json or {}
    if answer.status == 200:
        try:
            return Status(Code(str(told.get("status_code"))), str(told.get("status") or ""))
        except ValueError:
            raise TryLater(f"instagram {name}: an unknown state {str(told.get('status_code'))[:40]!r}") from None
    error = told.get("error") or {}
    if (error.get("code"), error.get("error_subcode")) in _GONE:
        return Status(Code.GONE, "it is not there")
    failure = failure_of(SPEC, name, answer.status, told, answer.headers, False)
    raise TryLater(failure.reason) if isinstance(failure, Uncertain) else failure


def _source(rendition: Rendition, media: Media) -> dict[str, Any]:
    return {"video_url" if _is_film(rendition) else "image_url": media.address(rendition.sha256)}


def _alt(rendition: Rendition) -> dict[str, Any]:
    return {"alt_text": rendition.alt} if rendition.alt else {}


def _is_film(rendition: Rendition) -> bool:
    return rendition.type.startswith("video/")
