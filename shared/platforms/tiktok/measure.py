"""Measuring on TikTok: figures of the account's own posts, and how many follow it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.adapter.contract import Account, Heard, Http, Measured, People
from shared.adapter.errors import Rejected
from shared.platforms.tiktok.calls import call
from shared.platforms.tiktok.spec import SPEC

MOST = 20
"""Posts in one call (tiktok-api-v2-video-query)."""


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that are there, 20 a call.

    A post that is known by its publish_id only is asked for its public id first; while it has none, its figures are
    awaited.
    """
    names: dict[str, str] = {}
    found = []
    for external_id in external_ids:
        public_id = external_id if external_id.isdecimal() else await _public_id(external_id, account, http)
        if public_id:
            names[public_id] = external_id
        elif public_id is None:
            found.append(Measured(external_id, {}, awaited=frozenset(SPEC.metrics.values())))
    wanted = list(names)
    for start in range(0, len(wanted), MOST):
        videos = await _videos(wanted[start : start + MOST], account, http)
        found += [Measured(names[video["id"]], _values(video)) for video in videos if video.get("id") in names]
    return found


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    params = {"fields": "follower_count"}
    told = await call(account, http, "GET", "/user/info/", operation="followers", params=params)
    return int(told["user"]["follower_count"])


async def people(_account: Account, _http: Http) -> People:
    """Return nothing: who follows is shown in the app only."""
    return People()


async def heard(_since: datetime, _account: Account, _http: Http) -> Sequence[Heard]:
    """Return nothing: these APIs do not show comments."""
    return []


async def _public_id(publish_id: str, account: Account, http: Http) -> str | None:
    """Return the id under which a post is public; None while it has none, nothing where nobody knows of it."""
    path, body = "/post/publish/status/fetch/", {"publish_id": publish_id}
    try:
        told = await call(account, http, "POST", path, operation="status", json=body)
    except Rejected:
        return ""
    ids = told.get("publicaly_available_post_id") or ()
    return str(ids[0]) if ids else None


async def _videos(ids: Sequence[str], account: Account, http: Http) -> Sequence[Mapping[str, Any]]:
    params = {"fields": ",".join(("id", *SPEC.metrics))}
    body = {"filters": {"video_ids": list(ids)}}
    told = await call(account, http, "POST", "/video/query/", operation="video_query", params=params, json=body)
    return told.get("videos") or ()


def _values(video: Mapping[str, Any]) -> dict[str, int]:
    return {ours: video[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(video.get(theirs), int)}
