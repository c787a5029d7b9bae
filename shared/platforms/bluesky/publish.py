"""Publishing on Bluesky: every part is a record at a key chosen before, so that each call may be repeated for ever.

A mention whose handle belongs to nobody stays plain text: the text is what was approved, and what is left out is only
the link to a profile that does not exist. Where the look-up itself fails, the post waits.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed, Media, NotFound, Pending, Progress, Published
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.content import Kind
from shared.payload import Payload, Piece
from shared.platforms.bluesky.connect import call
from shared.platforms.bluesky.record import (
    COLLECTION,
    REPOSTS,
    connected,
    is_handle,
    key_of,
    moment_of,
    record_of,
    repost_of,
)
from shared.platforms.bluesky.session import session_of
from shared.platforms.bluesky.subject import did_of, record_at, subject_of
from shared.platforms.bluesky.uploads import blobs, videos

PAGE = 100
MOST_PAGES = 10


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Put the missing parts, one after the other; uploads come first, so that a thread does not break off at one."""
    subject = await subject_of(payload, account, attempt.resume, http)
    if payload.kind is Kind.REPOST:
        return await _repost(payload, subject or {}, account, attempt, http, progress)
    parts: list[dict[str, str]] = list(attempt.resume.get("parts", []))
    left = payload.pieces[len(parts) :]
    mentions = attempt.resume.get("mentions") or await _mentions(left, account, http)
    known = {**attempt.resume, "mentions": mentions, **({"subject": subject} if subject else {})}
    ready = await videos(left, known, account, http, media, progress)
    if ready.after:
        return ready
    kept, uploaded = ready.resume, {**ready.resume["videos"], **await blobs(left, account, http, media)}
    for number in range(len(parts), len(payload.pieces)):
        record = record_of(payload, number, attempt, mentions, uploaded)
        record = connected(record, payload.kind, subject, parts)
        if number or uploaded or mentions or subject:  # else nothing came between the claim and this call
            await progress({**kept, "parts": parts})
        parts = [
            *parts,
            await _part(record, key_of(attempt, number), account, http, {**kept, "parts": parts}, progress),
        ]
    return await _published(parts, account, http)


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look for the records at the keys of this attempt, in order, up to the first that is missing."""
    collection = REPOSTS if payload.kind is Kind.REPOST else COLLECTION
    did = (await session_of(account, http)).did
    parts: list[dict[str, str]] = []
    for number in range(len(payload.pieces)):
        there = await record_at(did, collection, key_of(attempt, number), account, http)
        if there is None:
            break
        parts.append({"uri": there["uri"], "cid": there["cid"]})
    if len(parts) == len(payload.pieces):
        return await _published(parts, account, http)
    return Pending({**attempt.resume, "parts": parts}, 0) if parts else NotFound()


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the account's posts since then, by the time that their keys say; the list has the newest first."""
    did = (await session_of(account, http)).did
    params: dict[str, Any] = {"repo": did, "collection": COLLECTION, "limit": PAGE}
    listed: list[Listed] = []
    for _ in range(MOST_PAGES):
        told = (await call(account, http, "GET", "com.atproto.repo.listRecords", params=params)).json
        uris = [str(one["uri"]) for one in told.get("records") or ()]
        page = [Listed(uri, at) for uri in uris if (at := moment_of(uri))]
        listed += [one for one in page if one.at >= since]
        if any(one.at < since for one in page) or not uris or not told.get("cursor"):
            return listed
        params["cursor"] = told["cursor"]
    raise Uncertain(f"bluesky: more than {len(listed)} posts since then; a person must look")


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Delete records, in the order given; the server says yes to one that is gone already, so a repeat does no harm."""
    did = (await session_of(account, http)).did
    for uri in external_ids:
        collection, _, key = uri.removeprefix(f"at://{did}/").partition("/")
        if not uri.startswith(f"at://{did}/") or not key:
            raise Rejected("bluesky: the post is not in this account's repository")
        body = {"repo": did, "collection": collection, "rkey": key}
        await call(account, http, "POST", "com.atproto.repo.deleteRecord", json=body)


async def edit(_external_id: str, _payload: Payload, _account: Account, _http: Http) -> Published:
    """Change nothing: the record could be replaced, but what its readers see would not be sure to follow."""
    raise Rejected(
        "bluesky: a post's text cannot be changed so that everybody sees it; delete it, or answer it by hand"
    )


async def _part(
    record: Mapping[str, Any],
    key: str,
    account: Account,
    http: Http,
    kept: Mapping[str, Any],
    progress: Progress,
) -> dict[str, str]:
    """Put one part; forget uploaded videos that the server has dropped meanwhile, so that they are sent again."""
    try:
        return await _put(COLLECTION, record, key, account, http)
    except TryLater as error:
        if "BlobNotFound" in error.reason:
            await progress({**kept, "videos": {}, "jobs": {}})
        raise


async def _repost(
    payload: Payload, subject: Mapping[str, Any], account: Account, attempt: Attempt, http: Http, progress: Progress
) -> Published:
    if any(piece.text or piece.media or piece.card for piece in payload.pieces):
        raise Rejected("bluesky: a repost says nothing of its own; leave text and media out, or make it a quote")
    await progress({"subject": subject})
    part = await _put(REPOSTS, repost_of(subject, attempt), key_of(attempt, 0), account, http)
    return Published(part["uri"], None, (part["uri"],))  # it has no page of its own


async def _put(collection: str, record: Mapping[str, Any], key: str, account: Account, http: Http) -> dict[str, str]:
    """Write a record where none may be; one that says the same is ours, from a try whose answer was lost."""
    did = (await session_of(account, http)).did
    body = {"repo": did, "collection": collection, "rkey": key, "record": record, "swapRecord": None}
    try:
        told = (await call(account, http, "POST", "com.atproto.repo.putRecord", mutates=True, json=body)).json
    except Rejected:
        there = await record_at(did, collection, key, account, http)
        if there is None or _says(there["value"]) != _says(record):
            raise
        told = there
    return {"uri": told["uri"], "cid": told["cid"]}


def _says(record: Mapping[str, Any]) -> tuple[Any, Any]:
    return record.get("text"), (record.get("subject") or {}).get("uri")


async def _mentions(pieces: Sequence[Piece], account: Account, http: Http) -> dict[str, str]:
    """Return the DID of every handle that is mentioned and belongs to somebody."""
    handles = {f.value for piece in pieces for f in piece.facets if f.kind == "mention" and is_handle(f.value)}
    found = {handle: await did_of(handle, account, http) for handle in sorted(handles)}
    return {handle: did for handle, did in found.items() if did}


async def _published(parts: Sequence[Mapping[str, str]], account: Account, http: Http) -> Published:
    uris = tuple(part["uri"] for part in parts)
    session = await session_of(account, http)
    if f"/{COLLECTION}/" not in uris[0]:
        return Published(uris[0], None, uris)
    return Published(uris[0], f"https://bsky.app/profile/{session.handle}/post/{uris[0].rpartition('/')[2]}", uris)
