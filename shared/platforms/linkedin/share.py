"""A post as the body of `POST /rest/posts`, and how to know it again: pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.errors import Rejected
from shared.content import Kind
from shared.payload import Payload, Piece, Rendition
from shared.platforms.linkedin.little import escape, unescape
from shared.platforms.linkedin.spec import SHARED


def permalink_of(urn: str) -> str:
    """Return where a post is read."""
    return f"https://www.linkedin.com/feed/update/{urn}/"


def needed(payload: Payload) -> Sequence[Rendition]:
    """Return what must be uploaded for a post, in the order in which `share_of` wants the URNs."""
    piece = payload.pieces[0]
    thumbnail = piece.card.thumbnail if piece.card else None
    return piece.media or ((thumbnail,) if thumbnail else ())


def share_of(payload: Payload, author: str, media: Sequence[str]) -> dict[str, Any]:
    """Return the body of a post; `media` are the URNs of the uploads. Raises Rejected for what LinkedIn cannot show."""
    piece = payload.pieces[0]
    body: dict[str, Any] = {
        "author": author,
        "commentary": escape(piece.text),
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    if payload.kind in {Kind.REPOST, Kind.QUOTE}:
        if piece.media or piece.card:
            raise Rejected("linkedin: a reshare shows the post it is of, so leave media and link out of it")
        return body | {"reshareContext": {"parent": subject_of(payload.refers_to or "")}}
    content = _content(piece, payload.title, media)
    return body | ({"content": content} if content else {})


def subject_of(address: str) -> str:
    """Return the URN of the post at an address; raises Rejected for one that names none."""
    found = SHARED.match(address)
    if found is None:
        raise Rejected(
            "linkedin: the address names no share or ugcPost; take the one in the code that 'Embed this post' shows, "
            "such as https://www.linkedin.com/feed/update/urn:li:share:123/"
        )
    return found[1] or f"urn:li:{found[2]}:{found[3]}"


def looks_like(post: Mapping[str, Any], body: Mapping[str, Any], since: float) -> bool:
    """Say whether a listed post is what a body made since then (epoch seconds): author, time, text, media, subject."""
    made = max(post.get("createdAt") or 0, post.get("publishedAt") or 0)
    return (
        post.get("author") == body["author"]
        and made >= since * 1000
        and unescape(post.get("commentary") or "") == unescape(body["commentary"])
        and _shown(post) == _shown(body)
    )


def _content(piece: Piece, title: str | None, media: Sequence[str]) -> dict[str, Any] | None:
    if piece.card:
        article = {"source": piece.card.url, "title": piece.card.title}
        described = {"description": piece.card.description} if piece.card.description else {}
        return {"article": article | described | ({"thumbnail": media[0]} if media else {})}
    if len(piece.media) > 1:
        return {"multiImage": {"images": [_image(*one) for one in zip(media, piece.media, strict=True)]}}
    if not piece.media:
        return None
    if is_video(piece.media[0]):
        return {"media": {"id": media[0]} | ({"title": title} if title else {})}
    return {"media": _image(media[0], piece.media[0])}


def _image(urn: str, rendition: Rendition) -> dict[str, str]:
    return {"id": urn} | ({"altText": rendition.alt} if rendition.alt else {})


def is_video(rendition: Rendition) -> bool:
    """Say whether a medium is uploaded as a video."""
    return rendition.type.startswith("video/")


def _shown(post: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a post shows beside its text: URNs of media, the article's address, the post that is shared on."""
    content = post.get("content") or {}
    article = content.get("article") or {}
    images = (content.get("multiImage") or {}).get("images") or []
    return (
        (content.get("media") or {}).get("id"),
        [one.get("id") for one in images],
        article.get("source"),
        article.get("thumbnail"),
        (post.get("reshareContext") or {}).get("parent"),
    )
