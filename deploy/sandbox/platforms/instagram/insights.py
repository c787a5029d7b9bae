"""Insights: what a medium did, and who follows the account."""

from typing import Any

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.instagram.errors import refused
from deploy.sandbox.platforms.instagram.state import DAY, NAME, Medium, State
from deploy.sandbox.wire import Answer, Call, json_answer

OF_POSTS = ("views", "reach", "likes", "comments", "saved", "shares", "total_interactions")
OF = {
    "FEED": (*OF_POSTS, "follows", "profile_visits"),
    "REELS": (*OF_POSTS, "ig_reels_video_view_total_time", "ig_reels_avg_watch_time"),
    "STORY": ("views", "reach", "shares", "replies", "total_interactions", "follows", "profile_visits", "navigation"),
}
FEW = 5
HUNDRED = 100
WATCHED = 4_200
"""Thousandths of a second that a reel is watched on average."""


class Insights:
    """The handler about figures."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, call: Call) -> Answer:
        """Return the figures of a medium, or who follows the account."""
        params = await read_params(call)
        account = self._state.caller(call, params)
        if call.args["id"] in ("me", number_of(account)):
            return self._followers(account, params)
        medium = self._state.medium(call, params)
        asked = [name for name in text(params, "metric").split(",") if name]
        _check(asked, OF[medium.product])
        values = self._values(medium)
        if medium.product == "STORY":
            if self._state.world.now() - medium.time > DAY:
                return json_answer({"data": []})
            if values["reach"] < FEW:
                raise refused(10, "(#10) Not enough viewers for the media to show insights")
        return json_answer({"data": [_row(name, values[name], medium.id) for name in asked]})

    def _values(self, medium: Medium) -> dict[str, int]:
        felt = self._state.world.audience.reactions(medium.id, self._state.world.now() - medium.time)
        reach = felt.likes * 12
        views = felt.likes * 20
        return {
            "views": views,
            "reach": reach,
            "likes": felt.likes,
            "comments": felt.replies + len(medium.comments),
            "saved": felt.bookmarks,
            "shares": felt.reposts,
            "total_interactions": felt.likes + felt.replies + felt.bookmarks + felt.reposts,
            "replies": felt.replies,
            "follows": felt.quotes,
            "profile_visits": felt.likes // 2,
            "navigation": felt.likes,
            "ig_reels_avg_watch_time": WATCHED,
            "ig_reels_video_view_total_time": WATCHED * views,
        }

    def _followers(self, account: str, params: Params) -> Answer:
        _check([text(params, "metric")], ("follower_demographics",))
        by = text(params, "breakdown")
        audience = self._state.world.audience
        if (text(params, "period"), text(params, "metric_type")) != ("lifetime", "total_value"):
            raise refused(100, "(#100) Incompatible period or metric type: use lifetime and total_value")
        known = {"country": audience.countries, "age": audience.ages}
        if by not in known:
            raise refused(100, f"(#100) breakdown must be one of the following values: {', '.join(known)}")
        if audience.followers(NAME, account) < HUNDRED:
            return json_answer({"data": []})
        results = [{"dimension_values": [key], "value": value} for key, value in known[by](NAME, account).items()]
        broken_down = {"breakdowns": [{"dimension_keys": [by], "results": results}]}
        row = {"name": "follower_demographics", "period": "lifetime", "total_value": broken_down}
        return json_answer({"data": [row]})


def _check(asked: list[str], known: tuple[str, ...]) -> None:
    for place, name in enumerate(asked or [""]):
        if name not in known:
            message = f"(#100) metric[{place}] must be one of the following values: {', '.join(known)}"
            raise refused(100, message)


def _row(name: str, value: int, medium: str) -> dict[str, Any]:
    return {
        "name": name,
        "period": "lifetime",
        "values": [{"value": value}],
        "title": name.replace("_", " ").capitalize(),
        "id": f"{medium}/insights/{name}/lifetime",
    }
