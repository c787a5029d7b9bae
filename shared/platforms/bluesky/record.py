"""A post as a record of app.bsky.feed.post, and the key it is stored under: pure, the same for every try."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from shared.adapter.contract import Attempt
from shared.payload import Card, Facet, Payload, Piece, Rendition

COLLECTION = "app.bsky.feed.post"
_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


def key_of(attempt: Attempt, number: int) -> str:
    """Return the record key of a thread's part: a TID (atproto.com/specs/tid) that every try of the post has.

    The seconds are those of the first claim; the microseconds and the clock id come from the attempt's key, so that
    posts claimed at one moment keep apart. Parts follow each other by a microsecond.
    """
    digest = int.from_bytes(hashlib.sha256(attempt.key.encode()).digest()[:8], "big")
    micros = int(attempt.created_at.timestamp()) * 1_000_000 + (digest >> 10) % 999_000 + number
    value = micros << 10 | digest & 1023
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(60, -1, -5))


def record_of(
    payload: Payload, number: int, attempt: Attempt, mentions: Mapping[str, str], blobs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the record of one part, without its `reply`; `mentions` has DIDs by handle, `blobs` uploads by SHA-256."""
    piece = payload.pieces[number]
    created = attempt.created_at.astimezone(UTC) + timedelta(milliseconds=number)
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": piece.text,
        "createdAt": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "langs": [payload.language],
    }
    if facets := [facet for one in piece.facets if (facet := _facet(one, mentions))]:
        record["facets"] = facets
    if embed := _embed(piece, blobs):
        record["embed"] = embed
    return record


def is_handle(value: str) -> bool:
    """Say whether a mention names a handle of this network; `user@domain` is one of another."""
    return "@" not in value


def _facet(facet: Facet, mentions: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the facet, or None for a mention of nobody: the text says the same, it only leads nowhere."""
    features: dict[str, dict[str, Any]] = {
        "link": {"$type": "app.bsky.richtext.facet#link", "uri": facet.value},
        "tag": {"$type": "app.bsky.richtext.facet#tag", "tag": facet.value},
        "mention": {"$type": "app.bsky.richtext.facet#mention", "did": mentions.get(facet.value)},
    }
    feature = features[facet.kind]
    if facet.kind == "mention" and not feature["did"]:
        return None
    return {"index": {"byteStart": facet.start, "byteEnd": facet.end}, "features": [feature]}


def _embed(piece: Piece, blobs: Mapping[str, Any]) -> dict[str, Any] | None:
    if piece.media:
        return {"$type": "app.bsky.embed.images", "images": [_image(one, blobs) for one in piece.media]}
    if piece.card:
        return {"$type": "app.bsky.embed.external", "external": _external(piece.card, blobs)}
    return None


def _image(rendition: Rendition, blobs: Mapping[str, Any]) -> dict[str, Any]:
    image = {"image": blobs[rendition.sha256], "alt": rendition.alt}
    if rendition.width and rendition.height:
        image["aspectRatio"] = {"width": rendition.width, "height": rendition.height}
    return image


def _external(card: Card, blobs: Mapping[str, Any]) -> dict[str, Any]:
    external = {"uri": card.url, "title": card.title, "description": card.description}
    return external | ({"thumb": blobs[card.thumbnail.sha256]} if card.thumbnail else {})
