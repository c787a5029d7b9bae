"""Measuring on Threads: one call a post, for the API has no call for several."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Http, Measured, People
from shared.platforms.threads.connect import call, look_at, me
from shared.platforms.threads.heard import heard as heard
from shared.platforms.threads.spec import SPEC

LEAST_FOLLOWERS = 100
"""Fewer are not told by country or age (insights)."""


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that are there; a repost has none, for they are the original's."""
    found = []
    params = {"metric": ",".join(SPEC.metrics)}
    for external_id in external_ids:
        path = f"/{external_id}/insights"
        told = await look_at(account, http, "GET", path, operation="insights", params=params)
        if told is not None:
            found.append(Measured(external_id, _values(told)))
    return found


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    return int((await _of_account("followers_count", account, http))["value"])


async def people(account: Account, http: Http) -> People:
    """Return who follows the account, by country and by age; nothing where they are too few to tell."""
    if await followers(account, http) < LEAST_FOLLOWERS:
        return People()
    countries = await _of_account("follower_demographics", account, http, breakdown="country")
    ages = await _of_account("follower_demographics", account, http, breakdown="age")
    return People(_counts(countries), _counts(ages))


async def _of_account(metric: str, account: Account, http: Http, **params: str) -> Mapping[str, Any]:
    path = f"{me(account)}/threads_insights"
    asked = {"metric": metric, **params}
    told = (await call(account, http, "GET", path, operation="account_insights", params=asked)).json
    return dict(told["data"][0]["total_value"])


def _values(told: Mapping[str, Any]) -> dict[str, int]:
    figures = {one.get("name"): (one.get("values") or [{}])[0].get("value") for one in told.get("data") or ()}
    return {ours: figures[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(figures.get(theirs), int)}


def _counts(total: Mapping[str, Any]) -> dict[str, int]:
    """Read a breakdown in the shape of Instagram's insights; the page on Threads shows none: unconfirmed."""
    rows = [row for breakdown in total.get("breakdowns") or () for row in breakdown.get("results") or ()]
    return {str(row["dimension_values"][0]): int(row["value"]) for row in rows}
