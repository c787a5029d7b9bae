"""The status that a reply, a boost or a quote is about: from its address to its id on the account's instance."""

import re
from collections.abc import Mapping
from typing import Any

from shared.adapter.contract import Account, Http
from shared.adapter.errors import Rejected
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.mastodon.connect import call, instance

ABOUT_ANOTHER = frozenset({Kind.REPLY, Kind.REPOST, Kind.QUOTE})
QUOTES = 7
"""The `api_versions.mastodon` from which `quoted_status_id` is known (methods/statuses, 4.5.0); others pass over it."""
_STATUS = re.compile(r"/@[^/]+/(\d+)")


async def subject_of(payload: Payload, account: Account, resume: Mapping[str, Any], http: Http) -> str | None:
    """Return the id of the status that the post is about, None for a post about none; raises Rejected, with a remedy.

    A status of another instance has an id here too, which the search finds by the address (methods/search, `resolve`).
    """
    if payload.kind not in ABOUT_ANOTHER:
        return None
    if known := resume.get("subject"):
        return str(known)
    if payload.kind is Kind.QUOTE:
        await _may_quote(account, http)
    address, base = (payload.refers_to or "").partition("?")[0].rstrip("/"), account.base_url.rstrip("/")
    if address.startswith(f"{base}/") and (here := _STATUS.fullmatch(address.removeprefix(base))):
        return here[1]
    return await _searched(address, account, http)


async def _searched(address: str, account: Account, http: Http) -> str:
    params = {"q": address, "type": "statuses", "resolve": "true", "limit": 1}
    told = (
        (await call(account, http, "GET", "/api/v2/search", operation="search", params=params)).json if address else {}
    )
    for status in told.get("statuses", []):
        if address in {str(status.get(name) or "").rstrip("/") for name in ("url", "uri")}:
            return str(status["id"])
    raise Rejected(
        "mastodon: 'refers_to' names no status that this instance knows; give the address of a public one, such as "
        "https://mastodon.example/@name/1234"
    )


async def _may_quote(account: Account, http: Http) -> None:
    """Refuse on an instance that would post the text and leave the quote out."""
    told = await instance(account, http)
    version = (told.get("api_versions") or {}).get("mastodon")
    if not isinstance(version, int) or version < QUOTES:
        raise Rejected(
            f"mastodon: the account's instance (version {str(told.get('version'))[:20]}) cannot quote; make it a "
            "reply, or put the address into the text"
        )
