"""A post as the body of `POST /{page}/feed`, and how to know it again: pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shared.adapter.errors import Rejected
from shared.content import Kind
from shared.payload import Payload

WEB_HOSTS = frozenset({"facebook.com", "fb.com", "fb.watch"})
"""Where permalinks lead; any name below them is one too (`www.`, `m.`, `web.`)."""
_ABOUT_ANOTHER = frozenset({Kind.REPOST, Kind.QUOTE})


def link_of(payload: Payload, base_url: str) -> str | None:
    """Return the address whose preview the post shows: the post it is about, or the one in its text.

    Of several in the text it is the one that stands alone at the end, where a link given apart is put, else the first.
    """
    piece = payload.pieces[0]
    if payload.kind in _ABOUT_ANOTHER:
        return permalink_of(payload.refers_to or "", base_url)
    links = [facet.value for facet in piece.facets if facet.kind == "link"]
    last = piece.text.rpartition("\n\n")[2]
    return None if piece.media or not links else last if last in links else links[0]


def permalink_of(address: str, base_url: str) -> str:
    """Return an address of something on Facebook; raises Rejected for any other."""
    host, path = urlsplit(address).hostname or "", urlsplit(address).path
    ours = any(host == one or host.endswith(f".{one}") for one in WEB_HOSTS)
    if (ours and path.strip("/")) or address.startswith(f"{base_url.rstrip('/')}/"):
        return address
    raise Rejected(f"facebook: {address!r} is no post on Facebook; give its permalink, as www.facebook.com shows it")


def check(payload: Payload, base_url: str) -> None:
    """Raise Rejected for what no call of Facebook's could say."""
    if len(payload.pieces) != 1:
        raise Rejected("facebook: there are no threads; join the parts, or say the rest in the first comment")
    if payload.kind in _ABOUT_ANOTHER and payload.pieces[0].media:
        raise Rejected(f"facebook: a {payload.kind} takes no media; leave them out, or make it a post of its own")
    link_of(payload, base_url)


def body_of(payload: Payload, photos: Sequence[str], base_url: str) -> dict[str, Any]:
    """Return the body of a post on the Page's feed; its photos are there already, unseen."""
    body: dict[str, Any] = {}
    if text := payload.pieces[0].text:
        body["message"] = text
    if link := link_of(payload, base_url):
        body["link"] = link
    if photos:
        body["attached_media"] = [{"media_fbid": photo} for photo in photos]
    return body


def looks_like(post: Mapping[str, Any], payload: Payload, photos: Sequence[str], base_url: str) -> bool:
    """Say whether a listed post may be ours: the same text, the same photos, and the link where the text tells little.

    That is: where there is no text, and where the post is about another one, of which the same may be said of many.
    """
    text = payload.pieces[0].text.strip()
    if str(post.get("message") or "").strip() != text:
        return False
    shown = list(_attached(post))
    if photos:
        targets = {str((one.get("target") or {}).get("id")) for one in shown}
        return set(photos) <= targets
    link = link_of(payload, base_url)
    telling = bool(text) and payload.kind not in _ABOUT_ANOTHER
    return telling or link is None or any(link in _addresses(one) for one in shown)


def _attached(post: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give what is attached to a post; several photos are below one attachment."""
    for one in (post.get("attachments") or {}).get("data", ()):
        yield one
        yield from (one.get("subattachments") or {}).get("data", ())


def _addresses(attachment: Mapping[str, Any]) -> set[str]:
    target = attachment.get("target") or {}
    return {str(attachment.get(name)) for name in ("unshimmed_url", "url")} | {str(target.get("url"))}
