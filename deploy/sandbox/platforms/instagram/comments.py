"""Comments: the account's own, and those of others that were told to the sandbox."""

from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.instagram.errors import refused, unsupported
from deploy.sandbox.platforms.instagram.nodes import number
from deploy.sandbox.platforms.instagram.state import NAME, Medium, State, iso
from deploy.sandbox.wire import Answer, Call, json_answer

LONGEST = 300
"""As in the API before this one; what this one allows is not documented."""
MOST = 50


class Comments:
    """The handlers about comments."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def post(self, call: Call) -> Answer:
        """Say something below one's own post."""
        params = await read_params(call)
        medium = self._state.medium(call, params)
        message = text(params, "message")
        if not message:
            raise unsupported("message", "is required")
        if medium.product == "STORY":
            raise refused(10, "(#10) Application does not have permission for this action", status=403)
        if len(message.encode("utf-16-le")) // 2 > LONGEST:
            raise unsupported("message", f"must be at most {LONGEST} characters long")
        now = self._state.world.now()
        comment = Post(NAME, medium.account, self._state.new_id(179), message, now, "comment", reply_to=medium.id)
        medium.comments.append(comment)
        self._state.world.ledger.add(comment)
        call.published += 1
        return json_answer({"id": comment.id})

    async def read(self, call: Call) -> Answer:
        """Return what is said below a post, newest first, fifty at the most."""
        params = await read_params(call)
        medium = self._state.medium(call, params)
        said = sorted(self._said(medium), key=lambda one: one["time"], reverse=True)
        first, limit = number(params, "after", 0), min(number(params, "limit", MOST), MOST)
        page = [{name: value for name, value in one.items() if name != "time"} for one in said[first : first + limit]]
        told: dict[str, Any] = {"data": page}
        if first + limit < len(said):
            told["paging"] = {"cursors": {"after": str(first + limit)}}
        return json_answer(told)

    def _said(self, medium: Medium) -> list[dict[str, Any]]:
        own = [_shown(one.id, one.text, medium.account, one.time) for one in medium.comments]
        voices = self._state.world.voices.to(NAME, medium.account)
        others = [
            _shown(one.id, one.text, one.author, one.time)
            for one in voices
            if one.to == medium.id and one.kind == "reply"
        ]
        return own + others


def _shown(comment: str, words: str, author: str, time: float) -> dict[str, Any]:
    return {
        "id": comment,
        "text": words,
        "username": author,
        "from": {"id": number_of(author), "username": author},
        "timestamp": iso(time),
        "like_count": 0,
        "time": time,
    }
