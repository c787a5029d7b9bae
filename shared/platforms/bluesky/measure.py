"""Measuring on Bluesky: public figures, from the network's public view, without a token; with one, what others say."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from shared.adapter.contract import Account, Heard, Http, Measured, People
from shared.platforms.bluesky.connect import call
from shared.platforms.bluesky.session import is_own
from shared.platforms.bluesky.spec import SPEC

PUBLIC = "https://public.api.bsky.app"
"""Where the network's figures are read (docs.bsky.app/docs/advanced-guides/api-directory)."""
MOST = 25
"""Posts in one call (app.bsky.feed.getPosts)."""
PAGE = 100
"""Notifications in one call, at the most (app.bsky.notification.listNotifications)."""
MOST_PAGES = 20
_REASONS: Mapping[str, Literal["reply", "mention", "quote"]] = {
    "reply": "reply",
    "mention": "mention",
    "quote": "quote",
}


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that are there, 25 a call."""
    found: list[Measured] = []
    for start in range(0, len(external_ids), MOST):
        params = {"uris": list(external_ids[start : start + MOST])}
        told = await _read("app.bsky.feed.getPosts", account, http, params)
        found += [Measured(post["uri"], _values(post)) for post in told["posts"]]
    return found


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    params = {"actor": account.handle.removeprefix("@")}
    return int((await _read("app.bsky.actor.getProfile", account, http, params))["followersCount"])


async def people(_account: Account, _http: Http) -> People:
    """Return nothing: the network does not say where followers are, or how old."""
    return People()


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the replies, mentions and quotes since then, oldest first; at the most 2,000 of them, the newest."""
    found: list[Heard] = []
    params: dict[str, Any] = {"reasons": list(_REASONS), "limit": PAGE}
    for _ in range(MOST_PAGES):
        told = (await call(account, http, "GET", "app.bsky.notification.listNotifications", params=params)).json
        page = told["notifications"]
        recent = [one for one in page if datetime.fromisoformat(one["indexedAt"]) >= since]
        found += [_heard(one) for one in recent if one["reason"] in _REASONS]
        if not page or len(recent) < len(page) or not told.get("cursor"):
            break
        params["cursor"] = told["cursor"]
    return found[::-1]


def _heard(notification: Mapping[str, Any]) -> Heard:
    author, uri = notification["author"], str(notification["uri"])
    return Heard(
        id=uri,
        kind=_REASONS[notification["reason"]],
        text=str(notification["record"].get("text", "")),
        author=str(author["handle"]),
        at=datetime.fromisoformat(notification["indexedAt"]),
        permalink=f"https://bsky.app/profile/{author['did']}/post/{uri.rpartition('/')[2]}",
        to=notification.get("reasonSubject") if notification["reason"] != "mention" else None,
    )


def _values(post: Mapping[str, Any]) -> dict[str, int]:
    return {ours: post[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(post.get(theirs), int)}


async def _read(nsid: str, account: Account, http: Http, params: Mapping[str, Any]) -> Any:
    url = f"{_base(account)}/xrpc/{nsid}"
    name = nsid.rpartition(".")[2]
    return (await http.call("GET", url, operation=name, mutates=False, params=params)).json


def _base(account: Account) -> str:
    """Bluesky's own servers hold records, not figures; any other address answers for itself unless told."""
    return (account.read_url or (PUBLIC if is_own(account.base_url) else account.base_url)).rstrip("/")
