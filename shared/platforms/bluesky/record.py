"""A post as a record of app.bsky.feed.post, and the key it is stored under: pure, the same for every try."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Attempt
from shared.content import Kind
from shared.payload import Card, Facet, Payload, Piece, Rendition

COLLECTION = "app.bsky.feed.post"
REPOSTS = "app.bsky.feed.repost"
TID = 13
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


def moment_of(uri: str) -> datetime | None:
    """Return when a record's key was made; None where it is no TID, which a post's key is to be (the lexicon says)."""
    key = uri.rpartition("/")[2]
    if len(key) != TID or not set(key) <= set(_ALPHABET):
        return None
    value = 0
    for letter in key:
        value = value << 5 | _ALPHABET.index(letter)
    return EPOCH + timedelta(microseconds=value >> 10)


def record_of(
    payload: Payload, number: int, attempt: Attempt, mentions: Mapping[str, str], blobs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the record of one part, as if it were about no other post.

    `mentions` has DIDs by handle, `blobs` uploads by SHA-256.
    """
    piece = payload.pieces[number]
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": piece.text,
        "createdAt": _created(attempt, number),
        "langs": [payload.language],
    }
    if facets := [facet for one in piece.facets if (facet := _facet(one, mentions))]:
        record["facets"] = facets
    if embed := _embed(piece, blobs):
        record["embed"] = embed
    return record


def connected(
    record: dict[str, Any],
    kind: Kind,
    subject: Mapping[str, Any] | None,
    parts: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Return the record with what ties it to other posts: its thread, the post it replies to, the post it quotes.

    `subject` is the other post with the root of its conversation; `parts` are those of the thread before this one.
    """
    root = subject["root"] if subject and kind is Kind.REPLY else parts[0] if parts else None
    parent = parts[-1] if parts else _reference(subject) if subject and kind is Kind.REPLY else None
    if parent:
        record = {**record, "reply": {"root": root, "parent": parent}}
    if subject and kind is Kind.QUOTE and not parts:
        record = {**record, "embed": _quoting(_reference(subject), record.get("embed"))}
    return record


def repost_of(subject: Mapping[str, Any], attempt: Attempt) -> dict[str, Any]:
    """Return the record of app.bsky.feed.repost."""
    return {"$type": REPOSTS, "subject": _reference(subject), "createdAt": _created(attempt, 0)}


def _created(attempt: Attempt, number: int) -> str:
    created = attempt.created_at.astimezone(UTC) + timedelta(milliseconds=number)
    return created.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _reference(post: Mapping[str, Any]) -> dict[str, str]:
    return {"uri": post["uri"], "cid": post["cid"]}


def _quoting(post: Mapping[str, str], media: Mapping[str, Any] | None) -> dict[str, Any]:
    quote = {"$type": "app.bsky.embed.record", "record": post}
    return {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": media} if media else quote


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
    if piece.media and piece.media[0].type.startswith("video/"):
        return _video(piece.media[0], blobs)
    if piece.media:
        return {"$type": "app.bsky.embed.images", "images": [_image(one, blobs) for one in piece.media]}
    if piece.card:
        return {"$type": "app.bsky.embed.external", "external": _external(piece.card, blobs)}
    return None


def _image(rendition: Rendition, blobs: Mapping[str, Any]) -> dict[str, Any]:
    return {"image": blobs[rendition.sha256], "alt": rendition.alt, **_shape(rendition)}


def _video(rendition: Rendition, blobs: Mapping[str, Any]) -> dict[str, Any]:
    captions = [{"lang": track.language, "file": blobs[track.sha256]} for track in rendition.captions]
    video = {"$type": "app.bsky.embed.video", "video": blobs[rendition.sha256], "alt": rendition.alt}
    return {**video, **({"captions": captions} if captions else {}), **_shape(rendition)}


def _shape(rendition: Rendition) -> dict[str, Any]:
    if not rendition.width or not rendition.height:
        return {}
    return {"aspectRatio": {"width": rendition.width, "height": rendition.height}}


def _external(card: Card, blobs: Mapping[str, Any]) -> dict[str, Any]:
    external = {"uri": card.url, "title": card.title, "description": card.description}
    return external | ({"thumb": blobs[card.thumbnail.sha256]} if card.thumbnail else {})
