"""From a record to the ledger: what the world sees of a post."""

from collections.abc import Iterator
from typing import Any

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.bluesky.repo import Record, Repo, blobs_in
from deploy.sandbox.platforms.bluesky.schema import REPOST


def to_post(repo: Repo, rkey: str, record: Record, files: dict[str, File]) -> Post:
    """Return the ledger's view of a post or repost."""
    value = record.value
    reply = value["reply"] if isinstance(value.get("reply"), dict) else {}
    post = Post("bluesky", repo.handle, record.uri, "", record.time, key=rkey)
    post.url = f"https://bsky.app/profile/{repo.did}/post/{rkey}"
    if value.get("$type") == REPOST:
        post.kind, post.details = "repost", {"subject": uri_of(value.get("subject"))}
        return post
    post.text = str(value.get("text", ""))
    post.reply_to, post.root = uri_of(reply.get("parent")), uri_of(reply.get("root"))
    embed = value.get("embed")
    post.media = tuple(_media(embed, files))
    post.details = {
        "created_at": value.get("createdAt"),
        "languages": value.get("langs", []),
        "facet_text": facet_texts(post.text, value.get("facets", [])),
        "link_card": _card(embed, files),
        "labels": value.get("labels"),
        "quote": _quote(embed),
    }
    return post


def facet_texts(text: str, facets: Any) -> list[dict[str, Any]]:
    """Return what each facet really covers, by its UTF-8 offsets; text is None where the offsets cut a character."""
    found = []
    data = text.encode()
    for facet in _list(facets):
        index = facet.get("index")
        start, end = (index.get("byteStart"), index.get("byteEnd")) if isinstance(index, dict) else (None, None)
        for feature in _list(facet.get("features")):
            kind = str(feature.get("$type", "")).rpartition("#")[2]
            target = feature.get("uri") or feature.get("tag") or feature.get("did")
            found.append({"kind": kind, "target": target, "text": _slice(data, start, end)})
    return found


def _slice(data: bytes, start: Any, end: Any) -> str | None:
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(data)):
        return None
    try:
        return data[start:end].decode()
    except UnicodeDecodeError:
        return None


def _media(embed: Any, files: dict[str, File]) -> Iterator[Media]:
    if not isinstance(embed, dict):
        return
    if isinstance(inner := embed.get("media"), dict):
        yield from _media(inner, files)
    for item in [*_list(embed.get("images")), *_list(embed.get("items"))]:
        for blob in blobs_in(item):
            yield _medium(blob, item.get("alt"), files)
    if isinstance(video := embed.get("video"), dict):
        for blob in blobs_in(video):
            yield _medium(blob, embed.get("alt"), files)


def _medium(blob: dict[str, Any], alt: Any, files: dict[str, File]) -> Media:
    file = files[blob["ref"]["$link"]]
    return Media(file.sha256, file.mime, file.size, alt if isinstance(alt, str) else None, file.width, file.height)


def _card(embed: Any, files: dict[str, File]) -> dict[str, Any] | None:
    if not isinstance(embed, dict):
        return None
    card = embed.get("external")
    if not isinstance(card, dict):
        return _card(embed.get("media"), files)
    thumbs = [files[blob["ref"]["$link"]].sha256 for blob in blobs_in(card.get("thumb"))]
    shown: dict[str, Any] = {key: card.get(key) for key in ("uri", "title", "description")}
    return {**shown, "thumb_sha256": thumbs[0] if thumbs else None}


def _quote(embed: Any) -> str | None:
    record = embed.get("record") if isinstance(embed, dict) else None
    if isinstance(record, dict) and isinstance(record.get("record"), dict):
        record = record["record"]
    return uri_of(record)


def uri_of(reference: Any) -> str | None:
    """Return the URI of a strong reference, None for anything else."""
    uri = reference.get("uri") if isinstance(reference, dict) else None
    return uri if isinstance(uri, str) else None


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
