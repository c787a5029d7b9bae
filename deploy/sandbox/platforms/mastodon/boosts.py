"""Boosts: somebody's status shown again to one's own followers, once."""

from deploy.sandbox.ledger import Post
from deploy.sandbox.platforms.mastodon.entities import status_entity
from deploy.sandbox.platforms.mastodon.state import NAME, State, Status
from deploy.sandbox.wire import Answer, Call, json_answer

BUCKET = "statuses_3h"


class Boosts:
    """The handlers about boosts."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def boost(self, call: Call) -> Answer:
        """Boost a status; a second time it returns the boost that there is."""
        account = self._state.caller(call, BUCKET)
        original = self._original(call)
        boost = self._own(account, original) or self._new(call, account, original)
        return json_answer(status_entity(self._state, boost, call.base))

    async def unboost(self, call: Call) -> Answer:
        """Take one's boost back, if there is one."""
        account = self._state.caller(call, "deletes_30min")
        original = self._original(call)
        if boost := self._own(account, original):
            self._state.drop(boost)
        return json_answer(status_entity(self._state, original, call.base))

    def _original(self, call: Call) -> Status:
        original = self._state.status(call.args["id"])
        return self._state.status(original.boost_of) if original.boost_of else original

    def _own(self, account: str, original: Status) -> Status | None:
        mine = self._state.by_account.get(account, {}).values()
        return next((one for one in mine if one.boost_of == original.id), None)

    def _new(self, call: Call, account: str, original: Status) -> Status:
        now = self._state.world.now()
        status_id = self._state.ids.next(now)
        post = Post(NAME, account, status_id, "", now, "repost", details={"subject": original.id})
        post.url = f"{call.base}/@{account}/{status_id}/activity"
        boost = Status(status_id, account, "", now, post, visibility=original.visibility, boost_of=original.id)
        self._state.add(boost)
        call.published += 1
        return boost
