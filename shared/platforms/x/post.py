"""A part of a post as the body of `POST /2/tweets`, and how to know it again in a timeline: pure."""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account
from shared.adapter.errors import Rejected
from shared.adapter.hosts import beside
from shared.content import Kind
from shared.payload import Payload, Piece
from shared.platforms.x.spec import HOME, SITE, SITES, STATUS

REPOST = "repost:"
"""Stands before the id of the post that was reposted: a repost has no id that X would tell."""
_STATUS = re.compile(STATUS)
_SITE = re.compile(rf"{SITES}(?=/)")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_ANSWERED = re.compile(r"(?:@\w{1,50}\s+)+")


def permalink_of(post_id: str, account: Account) -> str:
    """Return a post's public address (Data dictionary, examples); the name in it is not what finds the post."""
    return f"{beside(account.base_url, HOME, SITE)}/{account.handle.removeprefix('@')}/status/{post_id}"


def post_meant(address: str | None, account: Account) -> str:
    """Return the id of the post that an address leads to; raises Rejected, which names what to write instead."""
    site, own = _SITE.match(address or ""), f"{beside(account.base_url, HOME, SITE)}/"
    path = (address or "")[site.end() :] if site else (address or "")[len(own) - 1 :]
    found = _STATUS.fullmatch(path) if site or (address or "").startswith(own) else None
    if found is None:
        raise Rejected("x: 'refers_to' is no post of X; write its address, such as https://x.com/wikipedia/status/20")
    return found[1]


def checked(payload: Payload) -> None:
    """Refuse what X could not take, before anything is sent; raises Rejected."""
    for number, piece in enumerate(payload.pieces):
        videos = sum(one.type.startswith("video/") for one in piece.media)
        if videos and len(piece.media) > 1:
            raise Rejected("x: a post takes one video alone, or up to four pictures; drop some")
        if piece.media and (piece.poll or (payload.kind is Kind.QUOTE and number == 0)):
            raise Rejected("x: a poll or a quote takes no media beside it; drop one of the two")
        if piece.poll and piece.poll.multiple:
            raise Rejected("x: a poll takes one answer only; leave out 'multiple'")


def body_of(payload: Payload, number: int, media_ids: Sequence[str], about: str | None) -> dict[str, Any]:
    """Return the body of one part; `about` is the post that it answers, or the one that the first part quotes."""
    piece = payload.pieces[number]
    body: dict[str, Any] = {"text": piece.text} if piece.text else {}
    if media_ids:
        body["media"] = {"media_ids": list(media_ids)}
    if piece.poll:
        body["poll"] = {"options": list(piece.poll.options), "duration_minutes": minutes_of(piece)}
    if about and payload.kind is Kind.QUOTE and number == 0:
        body["quote_tweet_id"] = about
    elif about:
        body["reply"] = {"in_reply_to_tweet_id": about}
    return body


def minutes_of(piece: Piece) -> int:
    """Return how long a poll is open, in the whole minutes that X takes: not longer than asked, nor under five."""
    return max(5, piece.poll.seconds // 60) if piece.poll else 0


def looks_like(
    told: Mapping[str, Any],
    polls: Mapping[str, Sequence[str]],
    payload: Payload,
    number: int,
    keys: Sequence[str],
    about: str | None,
) -> bool:
    """Say whether a post of a timeline is a part: same reply or quote, media, poll and text.

    `keys` are the media keys of its uploads; `polls` are the answers of the timeline's polls by id.
    """
    piece, quotes = payload.pieces[number], payload.kind is Kind.QUOTE and number == 0
    wanted = {"quoted" if quotes else "replied_to": about} if about else {}
    attached = told.get("attachments") or {}
    options = [option for one in attached.get("poll_ids") or () for option in polls.get(one, ())]
    return (
        references(told) == wanted
        and _same_media(attached.get("media_keys") or (), keys)
        and options == list(piece.poll.options if piece.poll else ())
        and _plain(piece.text, bool(about) and not quotes) == words_of(told, about if quotes else None)
    )


def _same_media(attached: Sequence[str], keys: Sequence[str]) -> bool:
    """Compare the keys, or only how many there are where an upload's answer named none."""
    return sorted(attached) == sorted(keys) if all(keys) else len(attached) == len(keys)


def references(told: Mapping[str, Any]) -> dict[str, str]:
    """Return which posts a post is about, by the kind of reference; X spells the field in two ways."""
    named = told.get("referenced_posts") or told.get("referenced_tweets") or ()
    return {str(one["type"]): str(one["id"]) for one in named}


def words_of(told: Mapping[str, Any], quoted: str | None = None) -> str:
    """Return a post's text as it was written, but for schemes, names it answers, and the links X adds for media.

    X keeps a short link for each address and tells in `entities` what it stands for.
    """
    whole = told.get("note_post") or told.get("note_tweet") or told  # a text longer than 280
    text = str(whole.get("text", ""))
    for link in (whole.get("entities") or {}).get("urls") or ():
        text = text.replace(str(link.get("url")), "" if _added(link, quoted) else str(link.get("expanded_url")))
    return _plain(html.unescape(text), "replied_to" in references(told))


def _added(link: Mapping[str, Any], quoted: str | None) -> bool:
    target = str(link.get("expanded_url"))
    site = _SITE.match(target)
    status = _STATUS.fullmatch(target[site.end() :]) if site else None
    if status is None:
        return bool(link.get("media_key"))
    return bool(link.get("media_key")) or "/photo/" in target or "/video/" in target or status[1] == quoted


def _plain(text: str, answers: bool) -> str:
    text = _SCHEME.sub("", unicodedata.normalize("NFC", text)).strip()
    return " ".join((_ANSWERED.sub("", text, count=1) if answers and _ANSWERED.match(text) else text).split())
