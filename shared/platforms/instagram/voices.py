"""What people say below the account's posts: comments, and the replies to them.

Source: ig-media/comments (newest first, fifty at a time). Mentions elsewhere are told to Facebook Login only.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.adapter.contract import Account, Heard, Http
from shared.platforms.instagram.connect import call, own

POSTS = 50
"""Ours: on how many of the newest posts comments are looked for."""
PAGE = 50
MOST_PAGES = 20
_COMMENT = "id,text,timestamp,username"


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the comments of others since then, oldest first, on the account's newest posts."""
    params = {"fields": "id,permalink,comments_count", "limit": POSTS}
    media = (await call(account, http, "GET", f"{own(account)}/media", operation="media", params=params)).json
    said: list[Heard] = []
    for medium in media.get("data") or []:
        if medium.get("comments_count"):
            said += await _below(medium, since, account, http)
    said.reverse()  # the newest is told first, and times are whole seconds
    return sorted(said, key=lambda one: one.at)


async def _below(medium: Mapping[str, Any], since: datetime, account: Account, http: Http) -> list[Heard]:
    """Return what is said below one post. A reply may be newer than its comment, so a page is read to its end."""
    own_handle = account.handle.removeprefix("@")
    params: dict[str, Any] = {"fields": f"{_COMMENT},replies{{{_COMMENT}}}", "limit": PAGE}
    said: list[Heard] = []
    for _ in range(MOST_PAGES):
        path = f"{medium['id']}/comments"
        told = (await call(account, http, "GET", path, operation="comments", params=params)).json
        page = told.get("data") or []
        found = [one for comment in page for one in _heard(comment, medium)]
        said += [one for one in found if one.at >= since and one.author != own_handle]
        after = ((told.get("paging") or {}).get("cursors") or {}).get("after")
        if not page or not after or datetime.fromisoformat(page[-1]["timestamp"]) < since:
            break
        params["after"] = after
    return said


def _heard(comment: Mapping[str, Any], medium: Mapping[str, Any]) -> Iterator[Heard]:
    for one in (comment, *((comment.get("replies") or {}).get("data") or [])):
        yield Heard(
            id=str(one["id"]),
            kind="reply",
            text=str(one.get("text") or ""),
            author=str(one.get("username") or ""),
            at=datetime.fromisoformat(one["timestamp"]),
            permalink=medium.get("permalink"),
            to=str(medium["id"]),
        )
