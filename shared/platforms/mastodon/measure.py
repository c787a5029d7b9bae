"""Measuring on Mastodon: public figures, from the account's instance, without a token."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Answer, Http, Measured
from shared.platforms.mastodon.spec import SPEC


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


def _values(status: Mapping[str, Any]) -> dict[str, int]:
    return {ours: status[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(status.get(theirs), int)}


async def _read(path: str, operation: str, account: Account, http: Http, **parts: Any) -> Answer:
    url = f"{(account.read_url or account.base_url).rstrip('/')}{path}"
    return await http.call("GET", url, operation=operation, mutates=False, **parts)
