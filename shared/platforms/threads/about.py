"""Which post a permalink is about: the API knows posts by ids of its own, so lists are read until one fits."""

import re
from collections.abc import AsyncIterator
from typing import Any

from shared.adapter.contract import Account, Http
from shared.adapter.errors import Rejected, Unauthorized
from shared.platforms.threads.connect import me, verify
from shared.platforms.threads.listed import listing
from shared.platforms.threads.spec import POST

HOSTS = ("https://threads.net", "https://www.threads.net", "https://threads.com", "https://www.threads.com")
FIELDS = "id,shortcode,permalink"
PAGES_OF_OTHERS = 3
_PERMALINK = re.compile(POST)


async def about(address: str | None, account: Account, http: Http) -> str:
    """Return the id of the post at an address; raises Rejected where it is none of Threads, or cannot be found."""
    author, code = _parsed(address or "", account)
    own = await verify(account, http) == author
    async for post in _own(account, http) if own else _of(author, account, http):
        if post.get("shortcode") == code:
            return str(post["id"])
    among = "the account's own posts" if own else f"what @{author} said to the account, or shows to everybody"
    raise Rejected(f"threads: {address} is not among {among}; check the address, or post it by hand in the app")


def _parsed(address: str, account: Account) -> tuple[str, str]:
    host = next((host for host in (*HOSTS, account.base_url.rstrip("/")) if address.startswith(f"{host}/")), None)
    found = _PERMALINK.fullmatch(address.removeprefix(host)) if host else None
    if not found:
        raise Rejected(
            f"threads: {address!r} is no post on Threads; give one as https://www.threads.com/@name/post/code"
        )
    return found[1], found[2]


async def _own(account: Account, http: Http) -> AsyncIterator[dict[str, Any]]:
    for path in ("threads", "replies"):
        async for post in listing(account, http, f"{me(account)}/{path}", fields=FIELDS):
            yield post


async def _of(author: str, account: Account, http: Http) -> AsyncIterator[dict[str, Any]]:
    """Give the posts of others that we may see, as far as the account's permissions go."""
    places: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"{me(account)}/mentions", {}),
        ("/profile_posts", {"username": author}),
    )
    for path, params in places:
        try:
            async for post in listing(account, http, path, fields=FIELDS, pages=PAGES_OF_OTHERS, **params):
                yield post
        except (Rejected, Unauthorized):
            continue  # a permission that the app lacks, or a profile that is not shown: the token itself is good
