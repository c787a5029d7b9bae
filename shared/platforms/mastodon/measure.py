"""Measuring on Mastodon: public figures without a token, and with it what others say to the account."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from shared.adapter.contract import Account, Answer, Heard, Http, Measured, People
from shared.adapter.markup import plain
from shared.platforms.mastodon.connect import call, own_account
from shared.platforms.mastodon.spec import SPEC

PAGE = 80
"""Notifications in one call, at the most (methods/notifications)."""
MOST_PAGES = 25


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those statuses that are there, one call each."""
    found = []
    for external_id in external_ids:
        answer = await _read(f"/api/v1/statuses/{external_id}", "status", account, http, expected=(200, 404))
        if answer.status == 200:
            found.append(Measured(external_id, _values(answer.json)))
    return found


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    params = {"acct": account.handle.removeprefix("@").partition("@")[0]}
    return int((await _read("/api/v1/accounts/lookup", "lookup", account, http, params=params)).json["followers_count"])


async def people(_account: Account, _http: Http) -> People:
    """Return nothing: an instance does not say where its followers are, or how old."""
    return People()


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the replies, mentions and quotes since then, oldest first; at the most 2,000 of them, the newest."""
    ours = (await own_account(account, http))["id"]
    found: list[Heard] = []
    params: dict[str, Any] = {"types[]": ["mention", "quote"], "limit": PAGE}
    for _ in range(MOST_PAGES):
        page = (
            await call(account, http, "GET", "/api/v1/notifications", operation="notifications", params=params)
        ).json
        recent = [one for one in page if datetime.fromisoformat(one["created_at"]) >= since]
        found += [_heard(one, ours) for one in recent if one.get("status")]
        if not page or len(recent) < len(page):
            break
        params["max_id"] = page[-1]["id"]
    return found[::-1]


def _heard(notification: Mapping[str, Any], ours: str) -> Heard:
    status = notification["status"]
    kind: Literal["reply", "mention", "quote"] = "mention"
    to = None
    if notification["type"] == "quote":
        quote = status.get("quote") or {}
        kind, to = "quote", (quote.get("quoted_status") or {}).get("id") or quote.get("quoted_status_id")
    elif status.get("in_reply_to_account_id") == ours:
        kind, to = "reply", status["in_reply_to_id"]
    return Heard(
        id=str(status["id"]),
        kind=kind,
        text=plain(status.get("content") or ""),
        author=str(notification["account"]["acct"]),
        at=datetime.fromisoformat(status["created_at"]),
        permalink=status.get("url") or None,
        to=to,
    )


def _values(status: Mapping[str, Any]) -> dict[str, int]:
    return {ours: status[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(status.get(theirs), int)}


async def _read(path: str, operation: str, account: Account, http: Http, **parts: Any) -> Answer:
    url = f"{(account.read_url or account.base_url).rstrip('/')}{path}"
    return await http.call("GET", url, operation=operation, mutates=False, **parts)
