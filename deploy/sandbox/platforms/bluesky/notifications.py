"""Notifications: what others said to an account, as records of theirs."""

from typing import Any

from deploy.sandbox.platforms.bluesky.cid import record_cid
from deploy.sandbox.platforms.bluesky.errors import invalid
from deploy.sandbox.platforms.bluesky.reads import author_of, moment
from deploy.sandbox.platforms.bluesky.schema import POST
from deploy.sandbox.platforms.bluesky.state import NAME, State
from deploy.sandbox.platforms.bluesky.tid import tid
from deploy.sandbox.voices import Voice
from deploy.sandbox.wire import Answer, Call, json_answer

MOST = 100
_NOBODY = "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


class Notifications:
    """The handler about what was said."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def listed(self, call: Call) -> Answer:
        """Return the newest first, of the `reasons`; the cursor is the place in the list."""
        self._state.count_request(call)
        _, handle = self._state.accounts.caller(call)
        params = call.params()
        reasons, text = params.get("reasons", []), params.get("limit", ["50"])[0]
        if not (text.isdecimal() and len(text) < 4) or not 1 <= int(text) <= MOST:
            raise invalid(f"Invalid params: limit must be 1 to {MOST} (got {text})")
        start = int(cursor) if (cursor := params.get("cursor", ["0"])[0]).isdecimal() else 0
        said = [
            one for one in reversed(self._state.world.voices.to(NAME, handle)) if one.kind in (reasons or [one.kind])
        ]
        page = said[start : start + int(text)]
        more = {"cursor": str(start + len(page))} if start + len(page) < len(said) else {}
        return json_answer({"notifications": [self._notification(one) for one in page], **more})

    def _notification(self, voice: Voice) -> dict[str, Any]:
        """Return one; an author whose name is no handle has the id of one."""
        accounts = self._state.accounts
        did = accounts.did(voice.author) or accounts.did(f"{voice.author}.example.org") or "did:web:sandbox.invalid"
        record = self._record(voice)
        return {
            "uri": f"at://{did}/{POST}/{tid(int(voice.time * 1_000_000), int(voice.id) % 1_024)}",
            "cid": record_cid(record),
            "author": author_of(did, voice.author),
            "reason": voice.kind,
            **({"reasonSubject": voice.to} if voice.to else {}),
            "record": record,
            "isRead": False,
            "indexedAt": moment(voice.time),
            "labels": [],
        }

    def _record(self, voice: Voice) -> dict[str, Any]:
        record: dict[str, Any] = {"$type": POST, "text": voice.text, "createdAt": moment(voice.time)}
        found = self._state.repos.find(voice.to or "")
        about = {"uri": voice.to or "", "cid": found[1].cid if found else _NOBODY}
        if voice.kind == "reply":
            record["reply"] = {"root": about, "parent": about}
        if voice.kind == "quote":
            record["embed"] = {"$type": "app.bsky.embed.record", "record": about}
        return record
