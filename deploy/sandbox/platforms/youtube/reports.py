"""The Analytics API: reports on videos, and on subscribers by country."""

import re
from typing import Any

from deploy.sandbox.platforms.youtube.errors import refused
from deploy.sandbox.platforms.youtube.state import NAME, State, channel_of, one
from deploy.sandbox.wire import Answer, Call, json_answer

DELAY = 2 * 86_400
"""Seconds until a video's watching is worked out."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
METRICS = {
    "video": ("views", "likes", "comments", "shares", "estimatedMinutesWatched", "averageViewDuration"),
    "country": ("views", "subscribersGained", "subscribersLost"),
}


class Reports:
    """The handler of `reports.query`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def query(self, call: Call) -> Answer:
        """Return a report: its columns' names, and its rows where there are any."""
        account = self._state.caller(call, 0)
        dimension, metrics = one(call, "dimensions"), one(call, "metrics").split(",")
        if one(call, "ids") not in ("channel==MINE", f"channel=={channel_of(account)}"):
            raise refused(403, "forbidden", "Forbidden", "global")
        if not (DATE.fullmatch(one(call, "startDate")) and DATE.fullmatch(one(call, "endDate"))):
            raise _unsupported()
        if dimension not in METRICS or set(metrics) - set(METRICS[dimension]):
            raise _unsupported()
        if dimension == "video":
            if not one(call, "maxResults").isdecimal() or one(call, "sort").lstrip("-") not in metrics:
                raise _unsupported()  # reports by video are lists of the top ones
            rows = self._by_video(account, one(call, "filters"), metrics)
        else:
            rows = self._by_country(account, metrics)
        columns = [{"name": dimension, "columnType": "DIMENSION", "dataType": "STRING"}]
        columns += [{"name": name, "columnType": "METRIC", "dataType": "INTEGER"} for name in metrics]
        shown: dict[str, Any] = {"kind": "youtubeAnalytics#resultTable", "columnHeaders": columns}
        return json_answer({**shown, "rows": rows} if rows else shown)

    def _by_video(self, account: str, filters: str, metrics: list[str]) -> list[list[Any]]:
        if not filters.startswith("video=="):
            raise _unsupported()
        rows, now = [], self._state.world.now()
        for video_id in filters.removeprefix("video==").split(","):
            video = self._state.videos.get(video_id)
            if video is None or video.account != account or now - video.time < DELAY:
                continue
            seen = self._state.world.audience.reactions(video.id, now - video.time)
            views, seconds = seen.likes * 20, round(video.film.seconds / 2) if video.film else 0
            every = {
                "views": views,
                "likes": seen.likes,
                "comments": seen.replies,
                "shares": seen.reposts,
                "estimatedMinutesWatched": views * seconds // 60,
                "averageViewDuration": seconds,
            }
            rows.append([video.id, *(every[name] for name in metrics)])
        return rows

    def _by_country(self, account: str, metrics: list[str]) -> list[list[Any]]:
        followers = self._state.world.audience.countries(NAME, account)
        return [
            [country, *({"views": 0, "subscribersGained": count + 10, "subscribersLost": 10}[name] for name in metrics)]
            for country, count in followers.items()
        ]


def _unsupported() -> Exception:
    message = "The query is not supported. Check the documentation for supported queries."
    return refused(400, "badRequest", message, "global")
