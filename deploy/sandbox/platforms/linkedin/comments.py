"""Comments below a post: the page's own, and what other people say."""

from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.platforms.linkedin.errors import faulty, not_found
from deploy.sandbox.platforms.linkedin.state import NAME, Comment, Share, State, urn_of
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

LONGEST = 1_250


class Comments:
    """The handlers about comments."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, call: Call) -> Answer:
        """Say something below a post, as a page."""
        account, body = self._state.caller(call), call.json()
        if not isinstance(body, dict):
            raise MalformedError("the body must be a JSON object")
        share = self._share(call)
        self._state.own(account, body.get("actor"))
        text = (body.get("message") or {}).get("text")
        if not isinstance(text, str) or not text:
            raise faulty("MISSING_FIELD", "message.text is required", "/message/text")
        if len(text.encode("utf-16-le")) // 2 > LONGEST:
            raise faulty("FIELD_LENGTH_TOO_LONG", f"message.text is longer than {LONGEST}", "/message/text")
        made = Comment(self._state.next_id(), account, share.urn, text, self._state.world.now())
        self._state.comments.setdefault(share.urn, []).append(made)
        post = Post(NAME, account, made.id, text, made.time, "comment", share.post.url, reply_to=share.urn)
        self._state.world.ledger.add(post)
        call.published += 1
        told = _told(made.id, urn_of(account), share.urn, text, made.time)
        return json_answer(told, 201, [(b"x-restli-id", made.id.encode())])

    async def listed(self, call: Call) -> Answer:
        """Return the comments below a post of one's own, oldest first."""
        account, share, params = self._state.caller(call), self._share(call), call.params()
        own = [(one.id, urn_of(one.account), one.text, one.time) for one in self._state.comments.get(share.urn, [])]
        others = [
            (voice.id, f"urn:li:person:{voice.author}", voice.text, voice.time)
            for voice in self._state.world.voices.to(NAME, account)
            if voice.kind == "reply" and voice.to == share.urn
        ]
        said = sorted([*own, *others], key=lambda one: one[3])
        start, count = (int(params.get(name, [usual])[0]) for name, usual in (("start", "0"), ("count", "10")))
        page = [_told(id_, actor, share.urn, text, time) for id_, actor, text, time in said[start : start + count]]
        paging = {"start": start, "count": count, "total": len(said), "links": []}
        return json_answer({"paging": paging, "elements": page})

    def _share(self, call: Call) -> Share:
        share = self._state.shares.get(call.args["urn"])
        if share is None:
            raise not_found(call.args["urn"])
        return share


def _told(id_: str, actor: str, on: str, text: str, time: float) -> dict[str, Any]:
    when = {"actor": actor, "time": int(time * 1000)}
    return {
        "id": id_,
        "commentUrn": f"urn:li:comment:({on},{id_})",
        "actor": actor,
        "object": on,
        "message": {"text": text, "attributes": []},
        "created": when,
        "lastModified": when,
    }
