"""What a post must look like: the checks of lexicon app.bsky.feed.post, with the messages of the reference server.

As on the real server, facet offsets and reply targets are not checked.
"""

import re
from typing import Any

from deploy.sandbox.graphemes import graphemes
from deploy.sandbox.platforms.bluesky.errors import invalid
from deploy.sandbox.wire import RefusedError

POST = "app.bsky.feed.post"
REPOST = "app.bsky.feed.repost"
IMAGE_BYTES = 2_000_000
THUMB_BYTES = 1_000_000
VIDEO_BYTES = 300_000_000
_DATETIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,20})?(Z|[+-][0-2]\d:[0-5]\d)")
_TYPES: dict[type, str] = {str: "string", int: "integer", list: "array", dict: "object"}


def check_record(collection: str, record: dict[str, Any]) -> str:
    """Return the validation status `valid`, or `unknown` for a collection without checks; raises an XRPC error."""
    if collection == POST:
        _Check(collection).post(record)
    elif collection == REPOST:
        _Check(collection).repost(record)
    else:
        return "unknown"
    return "valid"


class _Check:
    def __init__(self, collection: str) -> None:
        self._collection = collection

    def post(self, record: dict[str, Any]) -> None:
        at = "$.record"
        self.text(record, "text", at, characters=300, size=3000)
        self.date(record, at)
        for i, lang in enumerate(self.items(record, "langs", at, 3)):
            self.is_a(lang, str, f"{at}.langs[{i}]")
        for i, tag in enumerate(self.items(record, "tags", at, 8)):
            self.string(tag, f"{at}.tags[{i}]", characters=64, size=640)
        for i, facet in enumerate(self.items(record, "facets", at, None)):
            self.facet(facet, f"{at}.facets[{i}]")
        if "reply" in record:
            reply = self.is_a(record["reply"], dict, f"{at}.reply")
            self.reference(reply, "root", f"{at}.reply")
            self.reference(reply, "parent", f"{at}.reply")
        if "embed" in record:
            self.embed(record["embed"], f"{at}.embed")

    def repost(self, record: dict[str, Any]) -> None:
        self.reference(record, "subject", "$.record")
        self.date(record, "$.record")

    def facet(self, facet: Any, at: str) -> None:
        index = self.need(self.is_a(facet, dict, at), "index", dict, at)
        for end in ("byteStart", "byteEnd"):
            if self.need(index, end, int, f"{at}.index") < 0:
                raise self.issue(f"integer too small (minimum 0, got {index[end]})", f"{at}.index.{end}")
        for i, feature in enumerate(self.need(facet, "features", list, at)):
            self.need(self.is_a(feature, dict, f"{at}.features[{i}]"), "$type", str, f"{at}.features[{i}]")

    def embed(self, embed: Any, at: str) -> None:
        kind = self.need(self.is_a(embed, dict, at), "$type", str, at)
        if kind == "app.bsky.embed.images":
            self.pictures(embed, "images", at, 4)
        elif kind == "app.bsky.embed.gallery":
            self.pictures(embed, "items", at, 20)
        elif kind == "app.bsky.embed.video":
            self.blob(embed, "video", at, "video/mp4", VIDEO_BYTES)
        elif kind == "app.bsky.embed.external":
            self.card(self.need(embed, "external", dict, at), f"{at}.external")
        elif kind == "app.bsky.embed.record":
            self.reference(embed, "record", at)
        elif kind == "app.bsky.embed.recordWithMedia":
            self.need(embed, "record", dict, at)
            self.reference(embed["record"], "record", f"{at}.record")
            self.embed(self.need(embed, "media", dict, at), f"{at}.media")

    def pictures(self, embed: dict[str, Any], key: str, at: str, most: int) -> None:
        self.need(embed, key, list, at)
        for i, item in enumerate(self.items(embed, key, at, most)):
            here = f"{at}.{key}[{i}]"
            self.is_a(item, dict, here)
            self.blob(item, "image", here, "image/*", IMAGE_BYTES)
            self.need(item, "alt", str, here)
            if key == "items" or "aspectRatio" in item:
                ratio = self.need(item, "aspectRatio", dict, here)
                for side in ("width", "height"):
                    if self.need(ratio, side, int, f"{here}.aspectRatio") < 1:
                        raise self.issue(
                            f"integer too small (minimum 1, got {ratio[side]})", f"{here}.aspectRatio.{side}"
                        )

    def card(self, card: dict[str, Any], at: str) -> None:
        for key in ("uri", "title", "description"):
            self.need(card, key, str, at)
        if "thumb" in card:
            self.blob(card, "thumb", at, "image/*", THUMB_BYTES)

    def blob(self, holder: dict[str, Any], key: str, at: str, accept: str, most: int) -> None:
        blob = self.need(holder, key, dict, at)
        here = f"{at}.{key}"
        ref, mime, size = blob.get("ref"), blob.get("mimeType"), blob.get("size")
        link = ref.get("$link") if isinstance(ref, dict) else None
        typed = blob.get("$type") == "blob" and isinstance(link, str) and isinstance(mime, str)
        if not typed or not isinstance(mime, str) or not isinstance(size, int):
            raise self.issue("Expected blob value type (got object)", here)
        if mime != accept and not (accept.endswith("/*") and mime.startswith(accept[:-1])):
            raise self.issue(f'Expected "{accept}" (got "{mime}")', f"{here}.mimeType")
        if size > most:
            raise self.issue(f"blob too big (maximum {most}, got {size})", here)

    def reference(self, holder: dict[str, Any], key: str, at: str) -> None:
        reference = self.need(holder, key, dict, at)
        if not self.need(reference, "uri", str, f"{at}.{key}").startswith("at://"):
            raise self.issue(f'Invalid AT-URI (got "{reference["uri"]}")', f"{at}.{key}.uri")
        self.need(reference, "cid", str, f"{at}.{key}")

    def date(self, record: dict[str, Any], at: str) -> None:
        value = self.need(record, "createdAt", str, at)
        if not _DATETIME.fullmatch(value):
            raise self.issue(f'Invalid datetime (got "{value}")', f"{at}.createdAt")

    def text(self, record: dict[str, Any], key: str, at: str, *, characters: int, size: int) -> None:
        self.string(self.need(record, key, str, at), f"{at}.{key}", characters=characters, size=size)

    def string(self, value: Any, at: str, *, characters: int, size: int) -> None:
        self.is_a(value, str, at)
        if (length := len(value.encode())) > size:
            raise self.issue(f"string too big (maximum {size}, got {length})", at)
        if length > characters and (count := graphemes(value)) > characters:
            raise self.issue(f"grapheme too big (maximum {characters}, got {count})", at)

    def items(self, record: dict[str, Any], key: str, at: str, most: int | None) -> list[Any]:
        found: list[Any] = self.is_a(record.get(key, []), list, f"{at}.{key}")
        if most is not None and len(found) > most:
            raise self.issue(f"array too big (maximum {most}, got {len(found)})", f"{at}.{key}")
        return found

    def need(self, holder: dict[str, Any], key: str, kind: type, at: str) -> Any:
        if key not in holder:
            raise self.issue(f'Missing required key "{key}"', at)
        return self.is_a(holder[key], kind, f"{at}.{key}")

    def is_a(self, value: Any, kind: type, at: str) -> Any:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.issue(f"Expected {_TYPES[kind]} value type (got {type(value).__name__})", at)
        return value

    def issue(self, message: str, at: str) -> RefusedError:
        return invalid(f"Invalid {self._collection} record: {message} at {at}")
