"""Being let in: a code for a token of an hour, that for one of sixty days, and that for a later one."""

from typing import Any

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.instagram.errors import bad_token, refused, unsupported
from deploy.sandbox.platforms.instagram.state import DAY, LONG, State
from deploy.sandbox.wire import Answer, Call, json_answer

SCOPES = "instagram_business_basic,instagram_business_content_publish"


class SignIn:
    """The handlers about tokens."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._given: dict[str, float] = {}

    async def exchange(self, call: Call) -> Answer:
        """Give a token of an hour for the code `code-<account>`."""
        params = await read_params(call)
        if text(params, "grant_type") != "authorization_code" or not text(params, "client_secret"):
            return _no("Invalid platform app")
        tokens = self._state.brief.grant(text(params, "code"))
        if tokens is None:
            return _no("Matching code was not found or was already used")
        account = self._state.brief.owner(tokens.access_token) or ""
        return json_answer(
            {"access_token": tokens.access_token, "user_id": int(number_of(account)), "permissions": SCOPES}
        )

    async def lengthen(self, call: Call) -> Answer:
        """Give a token of sixty days for one of an hour."""
        params = await read_params(call)
        if text(params, "grant_type") != "ig_exchange_token" or not text(params, "client_secret"):
            raise unsupported("grant_type", "must be ig_exchange_token, with client_secret")
        if not (account := self._state.brief.owner(text(params, "access_token"))):
            raise bad_token()
        return self._long(account)

    async def refresh(self, call: Call) -> Answer:
        """Give another sixty days for a token that is a day old; with what it refuses a younger one is not known."""
        params = await read_params(call)
        token = text(params, "access_token")
        account = self._known(params)
        given = self._given.get(token)
        if given is not None and self._state.world.now() - given < DAY:
            raise refused(100, "(#100) The access token must be at least 24 hours old")
        return self._long(account)

    def _known(self, params: Params) -> str:
        if text(params, "grant_type") != "ig_refresh_token":
            raise unsupported("grant_type", "must be ig_refresh_token")
        if not (account := self._state.lasting(text(params, "access_token"))):
            raise bad_token()
        return account

    def _long(self, account: str) -> Answer:
        token = LONG + self._state.people.issue(account).access_token
        self._given[token] = self._state.world.now()
        told: dict[str, Any] = {"access_token": token, "token_type": "bearer", "expires_in": 60 * DAY}
        return json_answer(told)


def _no(message: str) -> Answer:
    return json_answer({"error_type": "OAuthException", "code": 400, "error_message": message}, 400)
