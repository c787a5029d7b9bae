"""Accounts, their statuses, and what the server says about itself."""

from deploy.sandbox.params import Params, read_params, text, truth
from deploy.sandbox.platforms.mastodon.entities import account_entity, status_entity
from deploy.sandbox.platforms.mastodon.errors import not_found
from deploy.sandbox.platforms.mastodon.limits import configuration
from deploy.sandbox.platforms.mastodon.state import State, Status
from deploy.sandbox.wire import Answer, Call, MalformedError, json_answer

MOST_STATUSES = 40


class Accounts:
    """The handlers about accounts and the server."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def verify_credentials(self, call: Call) -> Answer:
        """Return the account of the token."""
        account = self._state.caller(call)
        shown = account_entity(self._state, account, call.base)
        source = {"privacy": "public", "sensitive": False, "language": None, "note": "", "fields": []}
        return json_answer({**shown, "source": source})

    async def lookup(self, call: Call) -> Answer:
        """Return the account with this name; every name that can be one exists."""
        name = text(await read_params(call), "acct").removeprefix("@").split("@")[0]
        if not name or not name.replace("_", "").replace(".", "").replace("-", "").isalnum() or not name.isascii():
            raise not_found()
        return json_answer(account_entity(self._state, name, call.base))

    async def get(self, call: Call) -> Answer:
        """Return an account by its id."""
        return json_answer(account_entity(self._state, self._state.account_of(call.args["id"]), call.base))

    async def statuses(self, call: Call) -> Answer:
        """Return an account's statuses, newest first, within since_id, min_id and max_id."""
        params = await read_params(call)
        if call.bearer():
            self._state.caller(call)
        account = self._state.account_of(call.args["id"])
        limit = min(number(params, "limit") or 20, MOST_STATUSES)
        since, least, most = (number(params, name) for name in ("since_id", "min_id", "max_id"))
        wanted = [
            status
            for status in self._state.by_account.get(account, {}).values()
            if _within(status, since, least, most) and _wanted(status, params)
        ]
        page = wanted[:limit] if least is not None else wanted[-limit:]
        page.reverse()
        answer = json_answer([status_entity(self._state, status, call.base) for status in page])
        if page:
            here = f"{call.base}{call.path}"
            links = f'<{here}?max_id={page[-1].id}>; rel="next", <{here}?min_id={page[0].id}>; rel="prev"'
            answer.headers.append((b"link", links.encode()))
        return answer

    async def instance(self, call: Call) -> Answer:
        """Describe the server and its limits."""
        domain = call.base.partition("://")[2].partition("/")[0]
        return json_answer(
            {
                "domain": domain,
                "title": "Carillon sandbox",
                "version": "4.7.3",
                "source_url": "https://github.com/mastodon/mastodon",
                "description": "A stand-in: nothing here reaches anybody.",
                "usage": {"users": {"active_month": 1}},
                "languages": ["en"],
                "configuration": configuration(self._state.world.mastodon_characters),
                "registrations": {"enabled": False, "approval_required": False, "message": None},
                "api_versions": {"mastodon": 11},
                "contact": {"email": "", "account": None},
                "rules": [],
            }
        )


def number(params: Params, name: str) -> int | None:
    """Return an integer parameter, None where it is missing; raises MalformedError."""
    value = text(params, name)
    if not value:
        return None
    if not (value.isascii() and value.isdecimal()) or len(value) > 20:
        raise MalformedError(f"{name} must be a number")
    return int(value)


def _within(status: Status, since: int | None, least: int | None, most: int | None) -> bool:
    value = int(status.id)
    return value > max(since or 0, least or 0) and (most is None or value < most)


def _wanted(status: Status, params: Params) -> bool:
    if status.boost_of and truth(params, "exclude_reblogs"):
        return False
    if status.reply_to and truth(params, "exclude_replies"):
        return False
    return bool(status.media) or not truth(params, "only_media")
