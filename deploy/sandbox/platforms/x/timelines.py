"""Reading: posts by their ids, an account's own posts, and what others say to it."""

from typing import Any

from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.x.entities import PRIVATE_SECONDS, included, iso, post_entity, user_entity
from deploy.sandbox.platforms.x.errors import PROBLEMS, forbidden, invalid, missing
from deploy.sandbox.platforms.x.reading import Asked, asked_of, number, start_of
from deploy.sandbox.platforms.x.state import NAME, State, Told
from deploy.sandbox.voices import Voice
from deploy.sandbox.wire import Answer, Call, json_answer

_PAGING = ("max_results", "pagination_token", "start_time", "end_time", "since_id", "until_id", "exclude")
_PRIVATE = frozenset({"non_public_metrics", "organic_metrics"})


class Timelines:
    """The handlers that read."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def me(self, call: Call) -> Answer:
        """Return the user of the token."""
        account = self._state.caller(call, "me_15min")
        asked = call.params().get("user.fields", [""])[-1].split(",")
        return json_answer({"data": user_entity(self._state, account, figures="public_metrics" in asked)})

    async def by_ids(self, call: Call) -> Answer:
        """Return up to 100 posts; those that are not there, or whose private figures are not told, are errors."""
        viewer = self._state.caller(call, "lookup_15min")
        asked = asked_of(call, "ids")
        ids = asked.others.get("ids", "").split(",")
        if not 1 <= len(ids) <= 100 or not all(one.isascii() and one.isdecimal() and len(one) < 20 for one in ids):
            raise invalid("The `ids` query parameter must be 1 to 100 ids of posts")
        found, errors = [], []
        for one in ids:
            told = self._state.posts.get(one)
            if told is None:
                errors.append(missing("tweet", one))
            elif asked.fields & _PRIVATE and self._untold(told, viewer):
                errors.append(_no_field(one))
            else:
                found.append(told)
        page = self._page(found, asked, viewer)
        return json_answer({**page, **({"errors": errors} if errors else {})})

    async def own(self, call: Call) -> Answer:
        """Return a user's posts, newest first, reposts among them."""
        viewer = self._state.caller(call, "own_posts_15min")
        asked = asked_of(call, *_PAGING)
        account = self._state.people.named(call.args["id"])
        posts = list(self._state.by_account.get(account or "", {}).values())
        start = start_of(asked, self._state.world.now())
        some, meta = _paged([one for one in reversed(posts) if one.time >= start], asked)
        return json_answer({**self._page(some, asked, viewer), "meta": meta})

    async def mentions(self, call: Call) -> Answer:
        """Return what others say to the caller, newest first."""
        viewer = self._state.caller(call, "mentions_15min")
        asked = asked_of(call, *_PAGING)
        if call.args["id"] != number_of(viewer):
            raise forbidden("You are not permitted to perform this action.")
        start = start_of(asked, self._state.world.now())
        voices = [one for one in reversed(self._state.world.voices.to(NAME, viewer)) if one.time >= start]
        some, meta = _paged(voices, asked)
        users = [{"id": number_of(one.author), "name": one.author, "username": one.author} for one in some]
        about = [{"id": one.to, "text": "", "author_id": number_of(viewer)} for one in some if one.to]
        beside = {"users": users, "posts" if asked.new else "tweets": about}
        data = [_voice_entity(one, asked) for one in some]
        return json_answer({**({"data": data, "includes": beside} if data else {}), "meta": meta})

    def _page(self, posts: list[Told], asked: Asked, viewer: str) -> dict[str, Any]:
        beside = included(self._state, posts, asked)
        data = [post_entity(self._state, one, asked, viewer) for one in posts]
        return {**({"data": data} if data else {}), **({"includes": beside} if beside else {})}

    def _untold(self, told: Told, viewer: str) -> bool:
        return told.account != viewer or self._state.world.now() - told.time > PRIVATE_SECONDS


def _paged(some: list[Any], asked: Asked) -> tuple[list[Any], dict[str, Any]]:
    """Return one page and its `meta`; a page's token is where it begins."""
    most = number(asked, "max_results", 10, 5, 100)
    token = asked.others.get("pagination_token", "p0")
    if not (token.startswith("p") and token[1:].isdecimal() and token.isascii()):
        raise invalid("The `pagination_token` query parameter value is not valid")
    start = int(token[1:])
    page = some[start : start + most]
    meta: dict[str, Any] = {"result_count": len(page)}
    if page:
        meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
    if start + most < len(some):
        meta["next_token"] = f"p{start + most}"
    return page, meta


def _voice_entity(voice: Voice, asked: Asked) -> dict[str, Any]:
    forms = {"reply": "replied_to", "quote": "quoted"}
    about = [{"type": forms[voice.kind], "id": voice.to}] if voice.to and voice.kind in forms else []
    shown: dict[str, Any] = {"id": voice.id, "text": voice.text, "created_at": iso(voice.time)}
    shown |= {"author_id": number_of(voice.author)} if "author_id" in asked.expansions | asked.fields else {}
    return {**shown, **({asked.references: about} if about else {})}


def _no_field(which: str) -> dict[str, str]:
    return {
        "resource_id": which,
        "resource_type": "tweet",
        "field": "non_public_metrics",
        "section": "data",
        "title": "Field Authorization Error",
        "detail": "Sorry, you are not authorized to access 'non_public_metrics' on the Tweet with ids.",
        "type": f"{PROBLEMS}not-authorized-for-field",
    }
