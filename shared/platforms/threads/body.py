"""A part of a post as Threads takes it, and how to know it again: pure."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.adapter.contract import Media
from shared.adapter.errors import Rejected
from shared.content import Kind, Poll
from shared.payload import Payload, Rendition
from shared.platforms.threads.spec import DAY


@dataclass(frozen=True, slots=True)
class Said:
    """One post of a thread, the only one, or the first comment."""

    text: str
    media: tuple[Rendition, ...] = ()
    link: str | None = None
    poll: Poll | None = None
    reply_to: str | None = None
    quote: str | None = None

    @property
    def form(self) -> str:
        """The `media_type` of its container."""
        if not self.media:
            return "TEXT"
        return "CAROUSEL" if len(self.media) > 1 else _form_of(self.media[0])

    @property
    def listed_as(self) -> str:
        """The `media_type` that it has once it is public."""
        return {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}.get(self.form, self.form)


def said_in(payload: Payload, number: int, parts: Sequence[str], about: str | None) -> Said:
    """Return one part of a payload; `parts` are public already, `about` is the post that the payload is about."""
    piece = payload.pieces[number]
    first = number == 0
    return Said(
        text=piece.text,
        media=piece.media,
        link=piece.card.url if piece.card else None,
        poll=piece.poll,
        reply_to=parts[number - 1] if not first else about if payload.kind is Kind.REPLY else None,
        quote=about if first and payload.kind is Kind.QUOTE else None,
    )


def check(payload: Payload) -> None:
    """Refuse what Threads would show otherwise than it was rendered; raises Rejected."""
    if payload.kind is Kind.REPOST and _says(payload):
        raise Rejected("threads: a repost says nothing of its own; leave text and comment out, or make it a quote")
    for poll in (piece.poll for piece in payload.pieces if piece.poll):
        if poll.multiple:
            raise Rejected("threads: a poll takes one answer from each; leave 'multiple' out")
        if timedelta(seconds=poll.seconds) != DAY:
            raise Rejected(f"threads: a poll is open for a day, not {poll.seconds} seconds; change 'seconds'")


def _says(payload: Payload) -> bool:
    return bool(payload.first_comment) or any(piece.text or piece.media for piece in payload.pieces)


def container_of(said: Said, media: Media, items: Sequence[str]) -> dict[str, str]:
    """Return the form of `POST /{user}/threads`; `items` are the containers of a carousel's media."""
    form = {"media_type": said.form, "text": said.text}
    if said.form == "CAROUSEL":
        form["children"] = ",".join(items)
    elif said.media:
        form |= _medium(said.media[0], media)
    options = {"link_attachment": said.link, "reply_to_id": said.reply_to, "quote_post_id": said.quote}
    form |= {name: value for name, value in options.items() if value}
    if said.poll:
        named = {f"option_{letter}": option for letter, option in zip("abcd", said.poll.options, strict=False)}
        form["poll_attachment"] = json.dumps(named, ensure_ascii=False)
    return form


def item_of(rendition: Rendition, media: Media) -> dict[str, str]:
    """Return the form of the container of one medium in a carousel."""
    return {"media_type": _form_of(rendition), "is_carousel_item": "true", **_medium(rendition, media)}


def is_it(post: Mapping[str, Any], said: Said) -> bool:
    """Say whether a post of the account is what was said: by text, form, and the posts that it is about."""
    return (
        _plain(str(post.get("text") or "")) == _plain(said.text)
        and post.get("media_type") == said.listed_as
        and node_of(post.get("replied_to")) == said.reply_to
        and (said.quote is None or node_of(post.get("quoted_post")) == said.quote)
    )


def node_of(told: Any) -> str | None:
    """Return the id of another post that a post names, which the pages show as an object and call an id."""
    node = told.get("id") if isinstance(told, Mapping) else told
    return str(node) if node else None


def _form_of(rendition: Rendition) -> str:
    return "VIDEO" if rendition.type.startswith("video/") else "IMAGE"


def _medium(rendition: Rendition, media: Media) -> dict[str, str]:
    place = "video_url" if _form_of(rendition) == "VIDEO" else "image_url"
    return {place: media.address(rendition.sha256), **({"alt_text": rendition.alt} if rendition.alt else {})}


def _plain(text: str) -> str:
    """Return a text without what platforms change in passing: the form of letters, and blanks."""
    return " ".join(unicodedata.normalize("NFC", text).split())
