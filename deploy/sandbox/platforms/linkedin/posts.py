"""Posts: made, read one by one, by author or by id, edited and deleted."""

from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.platforms.linkedin.content import Carried, carried
from deploy.sandbox.platforms.linkedin.errors import denied, duplicate, faulty, not_found
from deploy.sandbox.platforms.linkedin.lists import listed
from deploy.sandbox.platforms.linkedin.little import Little, LittleError, read
from deploy.sandbox.platforms.linkedin.state import NAME, Share, State, urn_of
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

COMMENTARY = 3_000
MOST = 100


class Posts:
    """The handlers about posts."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def create(self, call: Call) -> Answer:
        """Make a post public; its id is in a header."""
        account, body = self._state.caller(call), _object(call)
        self._state.own(account, body.get("author"))
        _check_form(body)
        little, what = commentary(body.get("commentary")), carried(self._state, account, body)
        if not little.text and not what.media and not what.details:
            raise faulty("MISSING_FIELD", "there is nothing to post", "/commentary")
        if earlier := self._state.same_as(body):
            raise duplicate(earlier)
        self._state.world.quotas.take(NAME, "posts_day", account)
        share = self._share(account, body, little, what)
        self._state.add(share)
        call.published += share.state == "PUBLISHED"
        return Answer(201, headers=[(b"x-restli-id", share.urn.encode()), (b"location", share.urn.encode())])

    async def get(self, call: Call) -> Answer:
        """Return a post, to its author."""
        return json_answer(told_of(self._own(call)))

    async def several(self, call: Call) -> Answer:
        """Return a page's posts, the newest first, or those with the ids that are asked for."""
        account = self._state.caller(call)
        own = [share for share in self._state.shares.values() if share.account == account]
        if ids := listed(call, "ids"):
            found = {share.urn: told_of(share) for share in own if share.urn in ids}
            return json_answer({"results": found, "statuses": {}, "errors": {}})
        params = {name: values[0] for name, values in call.params().items()}
        if params.get("q") != "author":
            raise faulty("MISSING_FIELD", "q must be author", "/q")
        self._state.own(account, params.get("author"))
        start, count = int(params.get("start", "0")), min(int(params.get("count", "10")), MOST)
        created = params.get("sortBy", "LAST_MODIFIED") == "CREATED"
        own.sort(key=lambda share: share.time if created else share.changed, reverse=True)
        page = [told_of(share) for share in own[start : start + count]]
        return json_answer({"paging": {"start": start, "count": count, "links": []}, "elements": page})

    async def update(self, call: Call) -> Answer:
        """Change the commentary of one's own post."""
        if call.header(b"x-restli-method") != "PARTIAL_UPDATE":
            raise MalformedError("X-RestLi-Method must be PARTIAL_UPDATE")
        share, body = self._own(call), _object(call)
        changes = (body.get("patch") or {}).get("$set")
        if not isinstance(changes, dict) or set(changes) != {"commentary"}:
            raise faulty("INVALID_VALUE_FOR_FIELD", "only commentary is changed here", "/patch")
        little = commentary(changes["commentary"])
        share.told, share.post.text = little.told, little.text
        share.edited, share.changed = True, self._state.world.now()
        share.post.edits += 1
        return Answer(204)

    async def delete(self, call: Call) -> Answer:
        """Delete one's own post; what is gone is gone."""
        account = self._state.caller(call)
        if share := self._state.shares.get(call.args["urn"]):
            if share.account != account:
                raise denied()
            self._state.drop(share)
        return Answer(204)

    def _own(self, call: Call) -> Share:
        account = self._state.caller(call)
        share = self._state.shares.get(call.args["urn"])
        if share is None:
            raise not_found(call.args["urn"])
        if share.account != account:
            raise denied()
        return share

    def _share(self, account: str, body: dict[str, Any], little: Little, what: Carried) -> Share:
        now = self._state.world.now()
        urn = f"urn:li:{what.kind}:{self._state.next_id()}"
        kind = ("quote" if little.text else "repost") if "subject" in what.details else "post"
        url = f"https://www.linkedin.com/feed/update/{urn}/"
        details = {**what.details, "hashtags": little.hashtags, "mentions": little.mentions}
        post = Post(NAME, account, urn, little.text, now, kind, url, media=what.media, details=details)
        seen = all(upload.status(now) == "AVAILABLE" for upload in what.uploads)
        return Share(urn, account, little.told, body, now, post, "PUBLISHED" if seen else "PUBLISH_REQUESTED", now)


def commentary(told: Any) -> Little:
    """Return what a commentary says; raises what LinkedIn would refuse it with."""
    if not isinstance(told, str):
        raise faulty("MISSING_FIELD", "commentary is required", "/commentary")
    try:
        little = read(told)
    except LittleError as error:
        raise faulty("INVALID_VALUE_FOR_FIELD", f"commentary: {error}", "/commentary") from error
    if (count := len(little.text.encode("utf-16-le")) // 2) > COMMENTARY:
        message = f"commentary has {count} characters, more than {COMMENTARY}"
        raise faulty("FIELD_LENGTH_TOO_LONG", message, "/commentary")
    return little


def told_of(share: Share) -> dict[str, Any]:
    """Return a post as LinkedIn tells it: with hashtags as templates."""
    made = int(share.time * 1000)
    subject = share.body.get("reshareContext")
    return {
        "id": share.urn,
        "author": urn_of(share.account),
        "commentary": share.told,
        "visibility": "PUBLIC",
        "distribution": share.body["distribution"],
        **({"content": share.body["content"]} if share.body.get("content") else {}),
        **({"reshareContext": {**subject, "root": subject["parent"]}} if subject else {}),
        "createdAt": made,
        **({"publishedAt": made} if share.state == "PUBLISHED" else {}),
        "lastModifiedAt": int(share.changed * 1000),
        "lifecycleState": share.state,
        "lifecycleStateInfo": {"isEditedByAuthor": share.edited},
        "isReshareDisabledByAuthor": bool(share.body.get("isReshareDisabledByAuthor")),
    }


def _object(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise MalformedError("the body must be a JSON object")
    return body


def _check_form(body: dict[str, Any]) -> None:
    distribution = body.get("distribution")
    if not isinstance(distribution, dict) or distribution.get("feedDistribution") != "MAIN_FEED":
        raise faulty("MISSING_FIELD", "distribution.feedDistribution is required", "/distribution")
    for name, wanted in (("visibility", "PUBLIC"), ("lifecycleState", "PUBLISHED")):
        if body.get(name) != wanted:
            raise faulty("INVALID_VALUE_FOR_FIELD", f"{name} must be {wanted}", f"/{name}")
