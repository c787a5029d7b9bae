"""What a post carries beside its text: one medium, several pictures, an article's card, or another post."""

from dataclasses import dataclass, field, replace
from typing import Any

from deploy.sandbox.ledger import Media
from deploy.sandbox.platforms.linkedin.errors import faulty, not_found, refused
from deploy.sandbox.platforms.linkedin.state import State, Upload

ALT = 4_086
IMAGES = (2, 20)


@dataclass(slots=True)
class Carried:
    """What was found good: the media that readers see, what only LinkedIn has, and the uploads that it rests on."""

    media: tuple[Media, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    kind: str = "share"
    """Of what kind the post's URN is."""


def carried(state: State, account: str, body: dict[str, Any]) -> Carried:
    """Return what a body carries; raises what LinkedIn would refuse it with."""
    content, subject = body.get("content"), body.get("reshareContext")
    if subject is not None:
        if content is not None:
            raise faulty("INVALID_VALUE_FOR_FIELD", "a reshare has no content", "/content")
        return _reshare(state, subject)
    if content is None:
        return Carried()
    if not isinstance(content, dict) or len(content) != 1:
        raise faulty("INVALID_VALUE_FOR_FIELD", "content must be a union of one member", "/content")
    ((member, value),) = content.items()
    known = {"media": _medium, "multiImage": _images, "article": _article}
    if member not in known or not isinstance(value, dict):
        raise faulty("INVALID_VALUE_FOR_FIELD", f"content.{member} cannot be used here", "/content")
    return known[member](state, account, value)


def _reshare(state: State, subject: Any) -> Carried:
    parent = subject.get("parent") if isinstance(subject, dict) else None
    if parent not in state.shares:
        raise not_found(str(parent))
    return Carried(details={"subject": parent})


def _medium(state: State, account: str, value: dict[str, Any]) -> Carried:
    upload = _upload(state, account, value.get("id"), ("image", "video"))
    assert upload.media is not None
    if upload.parts:
        return Carried((upload.media,), {"title": value.get("title")}, [upload], "ugcPost")
    return Carried((_described(upload.media, value),), {}, [upload])


def _images(state: State, account: str, value: dict[str, Any]) -> Carried:
    images = value.get("images")
    if not isinstance(images, list) or not IMAGES[0] <= len(images) <= IMAGES[1]:
        raise faulty("INVALID_VALUE_FOR_FIELD", "multiImage takes 2 to 20 images", "/content/multiImage/images")
    uploads = [_upload(state, account, one.get("id"), ("image",)) for one in images]
    media = tuple(_described(up.media, one) for up, one in zip(uploads, images, strict=True) if up.media)
    return Carried(media, {}, uploads, "ugcPost")


def _article(state: State, account: str, value: dict[str, Any]) -> Carried:
    source, title = value.get("source"), value.get("title")
    if not isinstance(source, str) or not source.startswith(("http://", "https://")):
        raise faulty("INVALID_VALUE_FOR_FIELD", "source is no address", "/content/article/source")
    if not isinstance(title, str) or not title:
        raise faulty("MISSING_FIELD", "title is required", "/content/article/title")
    card = {"url": source, "title": title, "description": value.get("description"), "thumbnail": None}
    if "thumbnail" not in value:
        return Carried(details={"card": card})
    upload = _upload(state, account, value["thumbnail"], ("image",))
    assert upload.media is not None
    return Carried(details={"card": {**card, "thumbnail": upload.media.sha256}}, uploads=[upload])


def _upload(state: State, account: str, urn: Any, kinds: tuple[str, ...]) -> Upload:
    """Return an upload that may be posted; one that is still processed may, and that is the trap (images-api)."""
    upload = state.uploads.get(str(urn))
    if upload is None or upload.account != account or str(urn).split(":")[2] not in kinds:
        raise refused(400, "INVALID_IMAGE_ID", f"{urn} is not an asset of this author")
    status = upload.status(state.world.now())
    if status in {"WAITING_UPLOAD", "PROCESSING_FAILED"}:
        raise refused(400, f"MEDIA_ASSET_{status}", f"{urn} is {status}")
    return upload


def _described(media: Media, value: dict[str, Any]) -> Media:
    alt = value.get("altText")
    if isinstance(alt, str) and len(alt) > ALT:
        raise faulty("FIELD_LENGTH_TOO_LONG", f"altText is longer than {ALT}", "/content/media/altText")
    return replace(media, alt=alt)
