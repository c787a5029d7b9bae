"""Measuring on Bluesky: public figures, from the network's public view, without a token."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shared.adapter.contract import Account, Http, Measured
from shared.platforms.bluesky.spec import SPEC

PUBLIC = "https://public.api.bsky.app"
"""Where the network's figures are read (docs.bsky.app/docs/advanced-guides/api-directory)."""
MOST = 25
"""Posts in one call (app.bsky.feed.getPosts)."""


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


def _values(post: Mapping[str, Any]) -> dict[str, int]:
    return {ours: post[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(post.get(theirs), int)}


async def _read(nsid: str, account: Account, http: Http, params: Mapping[str, Any]) -> Any:
    url = f"{_base(account)}/xrpc/{nsid}"
    name = nsid.rpartition(".")[2]
    return (await http.call("GET", url, operation=name, mutates=False, params=params)).json


def _base(account: Account) -> str:
    """Bluesky's own servers hold records, not figures; any other address answers for itself unless told."""
    host = urlsplit(account.base_url).hostname or ""
    own = host == "bsky.social" or host.endswith(".bsky.network")
    return (account.read_url or (PUBLIC if own else account.base_url)).rstrip("/")
