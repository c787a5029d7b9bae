"""Notifications: what others said to an account, as statuses of theirs; and the search for a status by its address."""

from typing import Any

from deploy.sandbox.params import read_params, text, texts
from deploy.sandbox.platforms.mastodon.accounts import number
from deploy.sandbox.platforms.mastodon.entities import account_entity, content, status_entity
from deploy.sandbox.platforms.mastodon.moments import iso
from deploy.sandbox.platforms.mastodon.state import NAME, State
from deploy.sandbox.voices import Voice
from deploy.sandbox.wire import Answer, Call, json_answer

PAGE, MOST = 40, 80


class Notifications:
    """The handlers about what was said, and where."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def listed(self, call: Call) -> Answer:
        """Return the newest notifications first, of the `types` and within `max_id`, `since_id` and `min_id`."""
        params = await read_params(call)
        account = self._state.caller(call)
        types, most = texts(params, "types"), number(params, "max_id")
        least = max(number(params, "since_id") or 0, number(params, "min_id") or 0)
        limit = min(number(params, "limit") or PAGE, MOST)
        wanted = [
            one
            for one in reversed(self._state.world.voices.to(NAME, account))
            if (not types or _type(one) in types) and least < int(one.id) < (most or int(one.id) + 1)
        ]
        return json_answer([self._notification(one, call.base) for one in wanted[:limit]])

    async def search(self, call: Call) -> Answer:
        """Return the status whose address is searched for; this server knows none but its own."""
        params = await read_params(call)
        self._state.caller(call)
        wanted = text(params, "q")
        shown = [
            status_entity(self._state, one, call.base) for one in self._state.statuses.values() if not one.boost_of
        ]
        found = [one for one in shown if wanted in (one["url"], one["uri"])]
        return json_answer({"accounts": [], "statuses": found, "hashtags": []})

    def _notification(self, voice: Voice, base: str) -> dict[str, Any]:
        author = account_entity(self._state, voice.author, base)
        return {
            "id": voice.id,
            "type": _type(voice),
            "created_at": iso(voice.time),
            "group_key": f"ungrouped-{voice.id}",
            "account": author,
            "status": self._said(voice, author, base),
        }

    def _said(self, voice: Voice, author: dict[str, Any], base: str) -> dict[str, Any]:
        reply, address = voice.kind == "reply", f"{base}/@{voice.author}/{voice.id}"
        quoted = self._state.statuses.get(voice.to or "") if voice.kind == "quote" else None
        return {
            "id": voice.id,
            "created_at": iso(voice.time),
            "in_reply_to_id": voice.to if reply else None,
            "in_reply_to_account_id": self._state.account_id(voice.account) if reply else None,
            "visibility": "public",
            "uri": address,
            "url": address,
            "content": content(voice.text, base),
            "account": author,
            "media_attachments": [],
            "quote": {"state": "accepted", "quoted_status": status_entity(self._state, quoted, base)}
            if quoted
            else None,
        }


def _type(voice: Voice) -> str:
    return "quote" if voice.kind == "quote" else "mention"
