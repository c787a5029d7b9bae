"""The post that a reply, a repost or a quote is about: from its address to the reference that records make to it."""

from collections.abc import Collection, Mapping
from typing import Any

from shared.adapter.contract import Account, Http
from shared.adapter.errors import Rejected, TryLater
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.bluesky.record import COLLECTION
from shared.platforms.bluesky.session import session_of
from shared.platforms.bluesky.spec import ADDRESS

ABOUT_ANOTHER = frozenset({Kind.REPLY, Kind.REPOST, Kind.QUOTE})
_NOBODY = frozenset({"InvalidRequest", "HandleNotFound"})


async def subject_of(
    payload: Payload, account: Account, resume: Mapping[str, Any], http: Http
) -> dict[str, Any] | None:
    """Return `uri` and `cid` of the post that is meant, and the `root` of its conversation; None for a post about none.

    Raises Rejected, with a remedy, for an address that leads to no post.
    """
    if payload.kind not in ABOUT_ANOTHER:
        return None
    if known := resume.get("subject"):
        return dict(known)
    named = ADDRESS.match(payload.refers_to or "")
    author = await did_of(named[1], account, http) if named else None
    post = await record_at(author, COLLECTION, named[2], account, http) if named and author else None
    if post is None:
        raise Rejected(
            "bluesky: 'refers_to' leads to no post; give the address of one, such as "
            "https://bsky.app/profile/wikipedia.org/post/3k2akyxy2tk2s"
        )
    itself = {"uri": post["uri"], "cid": post["cid"]}
    return {**itself, "root": (post["value"].get("reply") or {}).get("root") or itself}


async def did_of(handle: str, account: Account, http: Http) -> str | None:
    """Return the DID of a handle, None where it belongs to nobody; a DID is its own."""
    if handle.startswith("did:"):
        return handle
    told = await read("com.atproto.identity.resolveHandle", {"handle": handle.lower()}, _NOBODY, account, http)
    return str(told["did"]) if told else None


async def record_at(did: str, collection: str, key: str, account: Account, http: Http) -> dict[str, Any] | None:
    """Return a record of anybody: our server passes on what it does not hold to the network's public view."""
    params = {"repo": did, "collection": collection, "rkey": key}
    return await read("com.atproto.repo.getRecord", params, {"RecordNotFound"}, account, http)


async def read(
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
