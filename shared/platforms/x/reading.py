"""Reading from X in either of the two spellings that it has for its fields.

openapi.json asks for `post.fields` and tells `referenced_posts`; the pages ask for `tweet.fields` and tell
`referenced_tweets`. Which of them the API takes today is unconfirmed: the first is tried, the other if refused.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Http
from shared.adapter.errors import TryLater, Uncertain
from shared.platforms.x.connect import call

PAGE = 100
MOST_PAGES = 32
"""Timelines: a user's 3,200 newest posts can be read."""
_OLDER = {
    "post.fields": "tweet.fields",
    "referenced_posts": "referenced_tweets.id",
    "note_post": "note_tweet",
}


async def read(path: str, operation: str, params: Mapping[str, Any], account: Account, http: Http) -> dict[str, Any]:
    """Return what X tells; raises TryLater where it takes neither spelling, for nothing is wrong with the post."""
    for spelled in (params, _older(params)):
        answer = await call(account, http, "GET", path, operation=operation, params=spelled, expected=(200, 400))
        if answer.status == 200:
            return dict(answer.json or {})
    raise TryLater(f"x {operation}: 400 in both spellings of the fields")


async def pages(
    path: str, operation: str, params: Mapping[str, Any], account: Account, http: Http
) -> AsyncIterator[dict[str, Any]]:
    """Give a timeline's pages, newest first; raises Uncertain where it has more than can be looked through."""
    asked = {**params, "max_results": PAGE}
    for _ in range(MOST_PAGES):
        page = await read(path, operation, asked, account, http)
        yield page
        token = (page.get("meta") or {}).get("next_token")
        if not token:
            return
        asked["pagination_token"] = token
    raise Uncertain(f"x {operation}: more than {PAGE * MOST_PAGES} posts; a person must look")


def moment(of: datetime) -> str:
    """Return a time as X takes it: UTC in whole seconds."""
    return of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def included(page: Mapping[str, Any], *names: str) -> Sequence[Mapping[str, Any]]:
    """Return what a page tells beside its posts: users, polls, posts (also called tweets)."""
    told = page.get("includes") or {}
    return [one for name in names for one in told.get(name) or ()]


def _older(params: Mapping[str, Any]) -> dict[str, Any]:
    def spelled(value: Any) -> Any:
        return ",".join(_OLDER.get(word, word) for word in value.split(",")) if isinstance(value, str) else value

    return {_OLDER.get(name, name): spelled(value) for name, value in params.items()}
