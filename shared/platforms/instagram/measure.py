"""Measuring on Instagram: the insights of each medium, and who follows. What is said to us is in `voices`.

Sources: ig-media/insights and documentation/instagram-platform/api-reference/instagram-user/insights. The figures of a
medium are of what was not paid for; they may be two days late, and what is not there yet is left out, not 0.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.answers import failure_of
from shared.adapter.contract import Account, Http, Measured, People
from shared.adapter.errors import TryLater, Uncertain
from shared.platforms.instagram.connect import call, own
from shared.platforms.instagram.spec import SPEC
from shared.platforms.instagram.voices import heard as heard

LATE = timedelta(hours=48)
"""ig-media/insights: data can be delayed up to 48 hours."""
STORY_LIVES = timedelta(hours=24)
"""ig-media/insights: figures of a story are there for 24 hours."""
_OF_POSTS = ("views", "reach", "likes", "comments", "saved", "shares")
_OF = {
    "FEED": _OF_POSTS,
    "REELS": (*_OF_POSTS, "ig_reels_video_view_total_time", "ig_reels_avg_watch_time"),
    "STORY": ("views", "reach", "shares"),
}
_MILLISECONDS = frozenset({"ig_reels_video_view_total_time", "ig_reels_avg_watch_time"})
_MISSING = (100, 33)
_TOO_FEW = 10
"""The code of a story that fewer than five have seen."""


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those media that are there: one call for what it is, one for its insights."""
    found = []
    for external_id in external_ids:
        params = {"fields": "media_product_type,timestamp"}
        medium = await _read(external_id, "medium", params, account, http)
        if medium is not None:
            found.append(await _measured(external_id, medium, account, http))
    return found


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    params = {"fields": "followers_count"}
    return int(
        (await call(account, http, "GET", own(account), operation="followers", params=params)).json["followers_count"]
    )


async def people(account: Account, http: Http) -> People:
    """Return followers by country and age, the first 45 of each; empty where fewer than a hundred follow."""
    return People(countries=await _broken_down("country", account, http), ages=await _broken_down("age", account, http))


async def _measured(external_id: str, medium: Mapping[str, Any], account: Account, http: Http) -> Measured:
    asked = _OF.get(str(medium.get("media_product_type")), _OF["FEED"])
    told = await _read(f"{external_id}/insights", "insights", {"metric": ",".join(asked)}, account, http)
    rows = (told or {}).get("data") or []
    values = {SPEC.metrics[row["name"]]: number for row in rows if (number := _number(row)) is not None}
    age = datetime.now(UTC) - datetime.fromisoformat(medium["timestamp"])
    due = age < (STORY_LIVES if medium.get("media_product_type") == "STORY" else LATE)
    awaited = frozenset(SPEC.metrics[name] for name in asked) - set(values) if due else frozenset()
    return Measured(external_id, values, organic=values, awaited=awaited)


def _number(row: Mapping[str, Any]) -> int | None:
    """Return a figure; seconds, where they are told in thousandths."""
    values = row.get("values") or [row.get("total_value") or {}]
    number = values[0].get("value")
    if row.get("name") not in SPEC.metrics or not isinstance(number, int | float):
        return None
    return round(number / 1_000) if row["name"] in _MILLISECONDS else int(number)


async def _broken_down(by: str, account: Account, http: Http) -> dict[str, int]:
    params = {
        "metric": "follower_demographics",
        "period": "lifetime",
        "metric_type": "total_value",
        "timeframe": "this_month",
        "breakdown": by,
    }
    path = f"{own(account)}/insights"
    data = (await call(account, http, "GET", path, operation="demographics", params=params)).json.get("data") or []
    broken = [down for row in data for down in (row.get("total_value") or {}).get("breakdowns") or []]
    return {str(one["dimension_values"][0]): int(one["value"]) for down in broken for one in down.get("results") or []}


async def _read(
    path: str, operation: str, params: Mapping[str, str], account: Account, http: Http
) -> Mapping[str, Any] | None:
    """Return what is told of a medium; None where there is none, or too few have seen it."""
    answer = await call(account, http, "GET", path, operation=operation, params=params, expected=(200, 400, 403))
    told: Mapping[str, Any] = answer.json or {}
    if answer.status == 200:
        return told
    error = told.get("error") or {}
    too_few = operation == "insights" and error.get("code") == _TOO_FEW and "viewers" in str(error.get("message"))
    if too_few or (error.get("code"), error.get("error_subcode")) == _MISSING:
        return None
    failure = failure_of(SPEC, operation, answer.status, told, answer.headers, False)
    raise TryLater(failure.reason) if isinstance(failure, Uncertain) else failure
