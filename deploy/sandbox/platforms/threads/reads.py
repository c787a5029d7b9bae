"""Reading: a node by its id, the lists of an account, and what is said below a post."""

from collections.abc import Sequence
from math import inf
from typing import TypeAlias

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.threads.containers import Containers
from deploy.sandbox.platforms.threads.entities import Entity, picked, post_entity, voice_entity
from deploy.sandbox.platforms.threads.errors import invalid, missing
from deploy.sandbox.platforms.threads.state import NAME, State, Thread
from deploy.sandbox.voices import Voice
from deploy.sandbox.wire import Answer, Call, json_answer

DAY = 86_400
MOST_LISTED = 100
Said: TypeAlias = Thread | Voice
"""What is in lists: the account's own posts, and what others say."""


class Reads:
    """The handlers that change nothing."""

    def __init__(self, state: State, containers: Containers) -> None:
        self._state = state
        self._containers = containers

    async def node(self, call: Call) -> Answer:
        """Return a user, a container or a post: their ids share one address."""
        params = await read_params(call)
        account, node = self._state.caller(call, params), call.args["id"]
        if node in ("me", number_of(account)):
            return json_answer({"id": number_of(account), "username": account, "name": account})
        if node in self._state.containers:
            return json_answer(self._containers.shown(account, self._state.containers[node]))
        if node in self._state.threads:
            return json_answer(picked(post_entity(self._state, self._state.threads[node]), params))
        if voice := self._state.voice(account, node):
            return json_answer(picked(voice_entity(self._state, voice, call.base), params))
        raise missing(node)

    async def threads(self, call: Call) -> Answer:
        """Return an account's own posts and reposts, newest first; replies are listed apart."""
        params = await read_params(call)
        account = self._state.own_node(call, params)
        return self._page([one for one in self._state.by(account) if not one.reply_to], call, params)

    async def profile_posts(self, call: Call) -> Answer:
        """Return the posts of a public profile by its name."""
        params = await read_params(call)
        self._state.caller(call, params)
        posts = self._state.by(text(params, "username"))
        return self._page([one for one in posts if not one.reply_to], call, params)

    async def replies(self, call: Call) -> Answer:
        """Return an account's own replies, or the replies directly below a post."""
        params = await read_params(call)
        account = self._state.caller(call, params)
        if call.args["id"] in ("me", number_of(account)):
            return self._page([one for one in self._state.by(account) if one.reply_to], call, params)
        found = [one for one in self._below(call, account) if _parent(one) == call.args["id"]]
        return self._page(_ordered(found, params), call, params)

    async def conversation(self, call: Call) -> Answer:
        """Return all replies below a post, however deep."""
        params = await read_params(call)
        below = self._below(call, self._state.caller(call, params))
        return self._page(_ordered(below, params), call, params)

    async def mentions(self, call: Call) -> Answer:
        """Return the posts of others that mention the account, newest first."""
        params = await read_params(call)
        account = self._state.own_node(call, params)
        said = [one for one in self._state.world.voices.to(NAME, account) if one.kind == "mention"]
        return self._page(said[::-1], call, params)

    async def limit(self, call: Call) -> Answer:
        """Return how much of the day's posts, replies and deletions are used."""
        params = await read_params(call)
        account, now = self._state.own_node(call, params), self._state.world.now()
        ledger = self._state.world.ledger
        public = [one for one in ledger.posts(NAME, account) if one.time > now - DAY]
        gone = [one for one in ledger.posts(NAME, account, removed=True) if (one.removed or 0) > now - DAY]
        made = [*public, *[one for one in gone if one.time > now - DAY]]
        used: dict[str, object] = {
            "quota_usage": sum(one.reply_to is None for one in made),
            "reply_quota_usage": sum(one.reply_to is not None for one in made),
            "delete_quota_usage": len(gone),
        }
        limits = self._state.world.quotas.told(NAME)
        for name, bucket in (
            ("config", "posts_24h"),
            ("reply_config", "replies_24h"),
            ("delete_config", "deletes_24h"),
        ):
            used |= {name: {"quota_total": limits[bucket].limit, "quota_duration": DAY}}
        asked = [name for name in text(params, "fields").split(",") if name] or ["quota_usage"]
        return json_answer({"data": [{name: used[name] for name in asked if name in used}]})

    def _below(self, call: Call, account: str) -> list[Said]:
        """Return own replies and those of others below a post of the account, oldest first."""
        root = self._state.own_thread(account, call.args["id"]).id
        both: list[Said] = [one for one in self._state.threads.values() if one.account == account]
        both += self._state.world.voices.to(NAME, account)
        family, found = {root}, list[Said]()
        for one in sorted(both, key=lambda one: int(one.time)):
            if _parent(one) in family:
                family.add(one.id)
                found.append(one)
        return found

    def _page(self, listed: Sequence[Said], call: Call, params: Params) -> Answer:
        """Answer with a page of a list; only what is on it is written out."""
        since, until = (_time(params, name) for name in ("since", "until"))
        if since is not None and until is not None and since >= until:
            raise invalid("since must be less than until")
        wanted = [one for one in listed if (since or 0.0) <= int(one.time) <= (until or inf)]
        asked = text(params, "limit") or "25"
        if not asked.isdecimal() or not 0 < (limit := int(asked)) <= MOST_LISTED:
            raise invalid(f"Param limit must be at most {MOST_LISTED}")
        after = text(params, "after")
        ids = [one.id for one in wanted]
        start = ids.index(after) + 1 if after in ids else 0
        page = wanted[start : start + limit]
        told: Entity = {"data": [picked(self._entity(one, call), params) for one in page]}
        if page:
            more = len(wanted) > start + limit
            told["paging"] = {"cursors": {"before": page[0].id, **({"after": page[-1].id} if more else {})}}
        return json_answer(told)

    def _entity(self, one: Said, call: Call) -> Entity:
        if isinstance(one, Thread):
            return post_entity(self._state, one)
        return voice_entity(self._state, one, call.base)


def _parent(one: Said) -> str | None:
    """Return what something replies to."""
    if isinstance(one, Thread):
        return one.reply_to
    return one.to if one.kind == "reply" else None


def _ordered(oldest_first: list[Said], params: Params) -> list[Said]:
    return oldest_first if text(params, "reverse") == "false" else oldest_first[::-1]


def _time(params: Params, name: str) -> float | None:
    given = text(params, name)
    if not given:
        return None
    if not given.isdecimal() or int(given) < 1_688_540_400:
        raise invalid(f"Param {name} must be a timestamp from 1688540400 on")
    return float(given)
