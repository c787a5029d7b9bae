"""The account's own posts and replies, as the API lists them, and which of them is ours."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from shared.adapter.contract import Account, Http, Listed
from shared.adapter.errors import Uncertain
from shared.platforms.threads.body import Said, is_it, node_of
from shared.platforms.threads.connect import call, me

FIELDS = "id,text,timestamp,permalink,media_type,is_quote_post,quoted_post,reposted_post,replied_to,shortcode,username"
PAGE = 100
MOST_PAGES = 50
"""Five thousand posts, twenty days' worth of an account's limit."""
CLOCKS = 60
"""Seconds by which our clock and the platform's may differ."""


async def listing(
    account: Account,
    http: Http,
    path: str,
    *,
    fields: str = FIELDS,
    pages: int | None = None,
    whole: bool = False,
    **params: Any,
) -> AsyncIterator[dict[str, Any]]:
    """Give the posts of a list, newest first, as many pages as one is willing to read.

    Raises Uncertain where the `whole` list was asked for and it goes on after that.
    """
    asked = {"fields": fields, "limit": PAGE, **params}
    for _ in range(pages or MOST_PAGES):
        told = (await call(account, http, "GET", path, operation="listing", params=asked)).json
        for post in told.get("data") or ():
            yield post
        after = ((told.get("paging") or {}).get("cursors") or {}).get("after")
        if not after or not told.get("data"):
            return
        asked["after"] = after
    if whole:
        raise Uncertain(f"threads: more than {MOST_PAGES * PAGE} posts since then; a person must look")


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the account's posts since then; replies are in another list, and in another quota."""
    posts = [post async for post in _since(since.timestamp() + CLOCKS, f"{me(account)}/threads", account, http)]
    return [Listed(str(post["id"]), datetime.fromisoformat(post["timestamp"])) for post in posts]


async def ours(said: Said, sent: float, known: frozenset[str], account: Account, http: Http) -> str | None:
    """Return the id of what was said, among the posts that came since it was sent; None if it is not there.

    `known` are posts that others made, or that are other parts. Raises Uncertain where two posts fit.
    """
    path = f"{me(account)}/{'replies' if said.reply_to else 'threads'}"
    found = [post["id"] async for post in _since(sent, path, account, http) if is_it(post, said)]
    return _only(found, known)


async def our_repost(about: str, sent: float, known: frozenset[str], account: Account, http: Http) -> str | None:
    """Return the id of the account's repost of a post since then; None if there is none. Raises Uncertain for two."""
    posts = _since(sent, f"{me(account)}/threads", account, http)
    reposts = [post async for post in posts if post.get("media_type") == "REPOST_FACADE"]
    return _only([post["id"] for post in reposts if node_of(post.get("reposted_post")) == about], known)


async def _since(sent: float, path: str, account: Account, http: Http) -> AsyncIterator[dict[str, Any]]:
    since = int(sent) - CLOCKS
    async for post in listing(account, http, path, whole=True, since=since):
        if datetime.fromisoformat(post["timestamp"]).timestamp() >= since:
            yield post


def _only(found: list[Any], known: frozenset[str]) -> str | None:
    new = [str(node) for node in found if str(node) not in known]
    if len(new) > 1:
        raise Uncertain(f"threads: {len(new)} posts fit; a person must say which is ours")
    return new[0] if new else None
