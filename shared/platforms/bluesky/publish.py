"""Publishing on Bluesky: every part is a record at a key chosen before, so that each call may be repeated for ever.

A mention whose handle belongs to nobody stays plain text: the text is what was approved, and what is left out is only
the link to a profile that does not exist. Where the look-up itself fails, the post waits.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, NotFound, Pending, Progress, Published
from shared.adapter.errors import Rejected, TryLater
from shared.payload import Payload, Piece, Rendition
from shared.platforms.bluesky.connect import Session, call, session_of
from shared.platforms.bluesky.record import COLLECTION, is_handle, key_of, record_of


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Put the missing parts, one after the other; uploads come first, so that a thread does not break off at one."""
    parts: list[dict[str, str]] = list(attempt.resume.get("parts", []))
    left = payload.pieces[len(parts) :]
    mentions = attempt.resume.get("mentions") or await _mentions(left, account, http)
    blobs = await _uploads(left, account, http, media)
    for number in range(len(parts), len(payload.pieces)):
        record = record_of(payload, number, attempt, mentions, blobs)
        if number:
            record["reply"] = {"root": parts[0], "parent": parts[number - 1]}
        if number or blobs or mentions:  # else nothing came between the claim and this call
            await progress({"parts": parts, "mentions": mentions})
        parts = [*parts, await _put(record, key_of(attempt, number), account, http)]
    return _published(parts, await session_of(account, http))


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look for the records at the keys of this attempt, in order, up to the first that is missing."""
    parts: list[dict[str, str]] = []
    for number in range(len(payload.pieces)):
        there = await _at(key_of(attempt, number), account, http)
        if there is None:
            break
        parts.append({"uri": there["uri"], "cid": there["cid"]})
    if len(parts) == len(payload.pieces):
        return _published(parts, await session_of(account, http))
    return Pending({**attempt.resume, "parts": parts}, 0) if parts else NotFound()


async def _put(record: Mapping[str, Any], key: str, account: Account, http: Http) -> dict[str, str]:
    """Write a record where none may be; one that says the same is ours, from a try whose answer was lost."""
    session = await session_of(account, http)
    body = {"repo": session.did, "collection": COLLECTION, "rkey": key, "record": record, "swapRecord": None}
    try:
        told = (await call(account, http, "POST", "com.atproto.repo.putRecord", mutates=True, json=body)).json
    except Rejected:
        told = await _at(key, account, http)
        if told is None or told.get("value", {}).get("text") != record["text"]:
            raise
    return {"uri": told["uri"], "cid": told["cid"]}


async def _at(key: str, account: Account, http: Http) -> dict[str, Any] | None:
    did = (await session_of(account, http)).did
    params = {"repo": did, "collection": COLLECTION, "rkey": key}
    return await _read("com.atproto.repo.getRecord", params, {"RecordNotFound"}, account, http)


async def _mentions(pieces: Sequence[Piece], account: Account, http: Http) -> dict[str, str]:
    """Return the DID of every handle that is mentioned and belongs to somebody."""
    handles = {f.value for piece in pieces for f in piece.facets if f.kind == "mention" and is_handle(f.value)}
    found = {}
    for handle in sorted(handles):
        params, nobody = {"handle": handle.lower()}, {"InvalidRequest", "HandleNotFound"}
        if told := await _read("com.atproto.identity.resolveHandle", params, nobody, account, http):
            found[handle] = str(told["did"])
    return found


async def _read(
    nsid: str, params: Mapping[str, str], absent: Collection[str], account: Account, http: Http
) -> dict[str, Any] | None:
    """Return what the account's server tells everybody, None for an error that says there is nothing."""
    url, name = f"{(await session_of(account, http)).base}/xrpc/{nsid}", nsid.rpartition(".")[2]
    answer = await http.call("GET", url, operation=name, mutates=False, params=params, expected=(200, 400))
    if answer.status == 200:
        return dict(answer.json)
    code = (answer.json or {}).get("error")
    if code in absent:
        return None
    raise TryLater(f"bluesky {name}: 400 {str(code)[:60]}")


async def _uploads(pieces: Sequence[Piece], account: Account, http: Http, media: Media) -> dict[str, Any]:
    """Upload every picture and return the blobs; the same bytes give the same blob, so a repeat is harmless."""
    blobs: dict[str, Any] = {}
    for rendition in _pictures(pieces):
        if rendition.sha256 not in blobs:
            content = await media.read(rendition.sha256)
            headers = {"Content-Type": rendition.type}
            nsid = "com.atproto.repo.uploadBlob"
            blobs[rendition.sha256] = (await call(account, http, "POST", nsid, content=content, headers=headers)).json[
                "blob"
            ]
    return blobs


def _pictures(pieces: Sequence[Piece]) -> Iterator[Rendition]:
    for piece in pieces:
        yield from piece.media
        if piece.card and piece.card.thumbnail:
            yield piece.card.thumbnail


def _published(parts: Sequence[Mapping[str, str]], session: Session) -> Published:
    uris = tuple(part["uri"] for part in parts)
    return Published(uris[0], f"https://bsky.app/profile/{session.handle}/post/{uris[0].rpartition('/')[2]}", uris)
