"""Pages: who administers them, how many follow, and how their posts do."""

from typing import Any

from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.linkedin.errors import faulty, not_found
from deploy.sandbox.platforms.linkedin.lists import listed
from deploy.sandbox.platforms.linkedin.state import NAME, Share, State, urn_of
from deploy.sandbox.wire import Answer, Call, json_answer


class Accounts:
    """The handlers about organizations and their figures."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def acls(self, call: Call) -> Answer:
        """Return the pages that the token's owner has a role in: exactly one."""
        account = self._state.caller(call)
        if call.params().get("q") != ["roleAssignee"]:
            raise faulty("MISSING_FIELD", "q must be roleAssignee", "/q")
        role = {"organization": urn_of(account), "role": "ADMINISTRATOR", "state": "APPROVED"}
        element = {**role, "roleAssignee": f"urn:li:person:{number_of(account)[:10]}"}
        wanted = call.params().get("role", ["ADMINISTRATOR"]) == ["ADMINISTRATOR"]
        elements = [element] if wanted else []
        return json_answer({"paging": {"start": 0, "count": 10, "links": []}, "elements": elements})

    async def organization(self, call: Call) -> Answer:
        """Return a page by its number."""
        self._state.caller(call)
        name = self._state.people.named(call.args["id"])
        if name is None:
            raise not_found(f"urn:li:organization:{call.args['id']}")
        number = int(call.args["id"])
        return json_answer({"id": number, "vanityName": name, "localizedName": name, "primaryOrganizationType": "NONE"})

    async def network(self, call: Call) -> Answer:
        """Return how many follow a page."""
        self._state.caller(call)
        if call.params().get("edgeType") != ["COMPANY_FOLLOWED_BY_MEMBER"]:
            raise faulty("INVALID_VALUE_FOR_FIELD", "edgeType must be COMPANY_FOLLOWED_BY_MEMBER", "/edgeType")
        name = self._state.people.named(call.args["urn"].rpartition(":")[2])
        if name is None:
            raise not_found(call.args["urn"])
        return json_answer({"firstDegreeSize": self._state.world.audience.followers(NAME, name)})

    async def statistics(self, call: Call) -> Answer:
        """Return the figures of the page's own posts that are asked for; what is not there is left out."""
        account, params = self._state.caller(call), call.params()
        own = self._state.own(account, params.get("organizationalEntity", [""])[0])
        elements = []
        for key, name in (("share", "shares"), ("ugcPost", "ugcPosts")):
            for urn in listed(call, name):
                share = self._state.shares.get(urn)
                if share and share.account == account and urn.startswith(f"urn:li:{key}:"):
                    elements.append({key: urn, "organizationalEntity": own, "totalShareStatistics": self._felt(share)})
        return json_answer({"paging": {"start": 0, "count": 10, "links": []}, "elements": elements})

    def _felt(self, share: Share) -> dict[str, Any]:
        felt = self._state.world.audience.reactions(share.urn, self._state.world.now() - share.time)
        seen = 1 + felt.likes * 30  # the page's own look at it is the first
        clicks = felt.likes * 2 + felt.bookmarks
        touched = clicks + felt.likes + felt.replies + felt.reposts
        return {
            "impressionCount": seen,
            "uniqueImpressionsCount": seen - felt.likes * 7,
            "clickCount": clicks,
            "likeCount": felt.likes,
            "commentCount": felt.replies,
            "shareCount": felt.reposts,
            "engagement": touched / seen,
        }
