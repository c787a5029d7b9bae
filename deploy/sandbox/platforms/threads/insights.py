"""Insights: the figures of a post, and those of the account."""

from typing import Any

from deploy.sandbox.params import read_params, text
from deploy.sandbox.platforms.threads.errors import invalid
from deploy.sandbox.platforms.threads.state import NAME, State
from deploy.sandbox.wire import Answer, Call, json_answer

OF_POSTS = ("views", "likes", "replies", "reposts", "quotes", "shares")
LEAST_FOLLOWERS = 100
"""Fewer than these are not told by country or age."""


class Insights:
    """The handlers about figures."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def media(self, call: Call) -> Answer:
        """Return the figures of one's own post; a repost has none."""
        params = await read_params(call)
        thread = self._state.own_thread(self._state.caller(call, params), call.args["id"])
        asked = text(params, "metric").split(",")
        if unknown := [name for name in asked if name not in OF_POSTS]:
            raise invalid(f"metric must be one of {', '.join(OF_POSTS)}, not {unknown[0]!r}")
        if thread.reposted:
            return json_answer({"data": []})
        world = self._state.world
        seen = world.audience.reactions(thread.id, world.now() - thread.time)
        figures = {"likes": seen.likes, "replies": seen.replies, "reposts": seen.reposts, "quotes": seen.quotes}
        figures |= {"views": seen.likes * 21, "shares": seen.bookmarks}
        return json_answer({"data": [_lifetime(thread.id, name, figures[name]) for name in asked]})

    async def user(self, call: Call) -> Answer:
        """Return how many follow the account, or who, by one breakdown."""
        params = await read_params(call)
        account, metric = self._state.own_node(call, params), text(params, "metric")
        audience = self._state.world.audience
        followers = audience.followers(NAME, account)
        if metric == "followers_count":
            return json_answer({"data": [{"name": metric, "period": "day", "total_value": {"value": followers}}]})
        if metric != "follower_demographics" or followers < LEAST_FOLLOWERS:
            raise invalid(f"metric {metric!r} is not available for this account")
        breakdown = text(params, "breakdown")
        if breakdown not in {"country", "age"}:
            raise invalid("Param breakdown must be one of {country, city, age, gender}")
        counts = (audience.countries if breakdown == "country" else audience.ages)(NAME, account)
        results = [{"dimension_values": [name], "value": value} for name, value in counts.items()]
        value = {"breakdowns": [{"dimension_keys": [breakdown], "results": results}]}
        return json_answer({"data": [{"name": metric, "period": "lifetime", "total_value": value}]})


def _lifetime(node: str, name: str, value: int) -> dict[str, Any]:
    return {
        "name": name,
        "period": "lifetime",
        "values": [{"value": value}],
        "title": name.capitalize(),
        "id": f"{node}/insights/{name}/lifetime",
    }
