"""Measuring on YouTube: public figures from the Data API, watching from the Analytics API, what people say below."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Heard, Http, Measured, People
from shared.adapter.errors import PlatformError, Rejected, TryLater
from shared.platforms.youtube.connect import call, channel_id, listed, own_channel
from shared.platforms.youtube.spec import ANALYTICS, SPEC

BATCH = 50
"""Ids that `videos.list` takes at once; the Analytics API takes 500 in a filter."""
BEGIN = "2005-02-14"
"""The day YouTube began: figures are of a video's whole life."""
PAGE = 100
MOST_PAGES = 50
_MINUTES = {"estimatedMinutesWatched"}
WATCHING = ("shares", "estimatedMinutesWatched", "averageViewDuration")


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those videos that are there, fifty a call.

    A figure that the owner hides, such as likes, is absent; watching that is not worked out yet, which takes a day or
    two, is awaited.
    """
    found: list[Measured] = []
    for first in range(0, len(external_ids), BATCH):
        some = external_ids[first : first + BATCH]
        items = (await listed(account, http, "videos", part="statistics", id=",".join(some))).get("items") or []
        shown = {str(item["id"]): _public(item.get("statistics") or {}) for item in items}
        watched = await _watched(list(shown), account, http) if shown else {}
        found += [_measured(one, shown[one], watched) for one in some if one in shown]
    return found


def _public(statistics: Mapping[str, Any]) -> dict[str, int]:
    """Read the counts, which come as text."""
    return {SPEC.metrics[name]: int(value) for name, value in statistics.items() if name in SPEC.metrics}


def _measured(video: str, shown: Mapping[str, int], watched: Mapping[str, Mapping[str, int]] | None) -> Measured:
    if watched is None:  # we may not read them
        return Measured(video, shown)
    own = watched.get(video, {})
    awaited = {SPEC.metrics[name] for name in WATCHING} - own.keys()
    return Measured(video, {**shown, **own}, awaited=frozenset(awaited))


async def _watched(videos: Sequence[str], account: Account, http: Http) -> dict[str, dict[str, int]] | None:
    """Return shares and watching by video; None where the token does not open them. They never cost the other ones."""
    try:
        rows = await _report(account, http, "video", ("views", *WATCHING), **_top(videos))
    except TryLater:
        return {}
    except PlatformError:
        return None
    return {
        str(row["video"]): {
            SPEC.metrics[name]: round(row[name] * (60 if name in _MINUTES else 1))
            for name in WATCHING
            if isinstance(row.get(name), int | float)
        }
        for row in rows
    }


def _top(videos: Sequence[str]) -> dict[str, str]:
    """Reports by video are lists of the top ones, so they want an order and a length (analytics/channel_reports)."""
    return {"filters": f"video=={','.join(videos)}", "sort": "-views", "maxResults": str(BATCH)}


async def _report(
    account: Account, http: Http, dimension: str, metrics: Sequence[str], **more: str
) -> list[dict[str, Any]]:
    """Return the rows of a report on the whole life of the channel, by the names of their columns."""
    params = {
        "ids": f"channel=={account.id or 'MINE'}",
        "startDate": BEGIN,
        "endDate": datetime.now(UTC).date().isoformat(),
        "dimensions": dimension,
        "metrics": ",".join(metrics),
        **more,
    }
    told = await call(account, http, "GET", "/v2/reports", operation="report", host=ANALYTICS, params=params)
    names = [column["name"] for column in told.json.get("columnHeaders") or []]
    return [dict(zip(names, row, strict=False)) for row in told.json.get("rows") or []]


# ---- who follows -----------------------------------------------------------------------------------------------------


async def followers(account: Account, http: Http) -> int:
    """Return how many subscribe, in three figures that count, for YouTube tells no more; raises Rejected if hidden."""
    statistics = (await own_channel(account, http, "statistics")).get("statistics") or {}
    if statistics.get("hiddenSubscriberCount") or "subscriberCount" not in statistics:
        raise Rejected(f"youtube: {account.channel} hides its subscribers; show them in YouTube Studio, or count there")
    return int(statistics["subscriberCount"])


async def people(account: Account, http: Http) -> People:
    """Return the subscribers by country, as gained less lost; of their ages YouTube tells nothing."""
    rows = await _report(account, http, "country", ("subscribersGained", "subscribersLost"))
    net = {str(row["country"]): int(row["subscribersGained"]) - int(row["subscribersLost"]) for row in rows}
    return People(countries={country: count for country, count in net.items() if count > 0 and country != "ZZ"})


# ---- what people say -------------------------------------------------------------------------------------------------


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the comments below the channel's videos since then, oldest first; our own are left out."""
    own = await channel_id(account, http)
    params: dict[str, Any] = {
        "part": "snippet,replies",
        "allThreadsRelatedToChannelId": own,
        "order": "time",
        "maxResults": PAGE,
        "textFormat": "plainText",
    }
    found: list[Heard] = []
    for _ in range(MOST_PAGES):
        page = await listed(account, http, "commentThreads", **params)
        threads = page.get("items") or []
        said = [comment for thread in threads for comment in _comments(thread)]
        found += [_heard(one) for one in said if _is_new(one, since) and _author(one) != own]
        if not any(_is_new(thread["snippet"]["topLevelComment"], since) for thread in threads):
            break
        if not (token := page.get("nextPageToken")):
            break
        params["pageToken"] = token
    return sorted(found, key=lambda one: one.at)


def _comments(thread: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answers = (thread.get("replies") or {}).get("comments") or []
    return [thread["snippet"]["topLevelComment"], *answers]


def _is_new(comment: Mapping[str, Any], since: datetime) -> bool:
    return datetime.fromisoformat(comment["snippet"]["publishedAt"]) >= since


def _author(comment: Mapping[str, Any]) -> str | None:
    return (comment["snippet"].get("authorChannelId") or {}).get("value")


def _heard(comment: Mapping[str, Any]) -> Heard:
    said = comment["snippet"]
    video = said.get("videoId")
    return Heard(
        id=str(comment["id"]),
        kind="reply",
        text=said.get("textOriginal") or said["textDisplay"],
        author=str(said.get("authorDisplayName", "")).removeprefix("@"),
        at=datetime.fromisoformat(said["publishedAt"]),
        permalink=f"https://www.youtube.com/watch?v={video}&lc={comment['id']}" if video else None,
        to=video,
    )
