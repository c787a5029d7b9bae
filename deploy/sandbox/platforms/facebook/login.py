"""Signing in: a code becomes a person's token, that a longer one, and that the token of the person's Page."""

from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.facebook.errors import bad_parameter, bad_token
from deploy.sandbox.platforms.facebook.state import PERSON, SIXTY_DAYS, State
from deploy.sandbox.wire import Answer, Call, json_answer

AN_HOUR = 3_600
TASKS = ["ANALYZE", "ADVERTISE", "MESSAGING", "MODERATE", "CREATE_CONTENT", "MANAGE"]


class Login:
    """The handlers about letting apps in."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, call: Call) -> Answer:
        """Exchange a code, or a person's token for a longer one."""
        params = await read_params(call)
        if not text(params, "client_id") or not text(params, "client_secret"):
            raise bad_parameter("Missing client_id or client_secret parameter.")
        if text(params, "grant_type") == "fb_exchange_token":
            short = text(params, "fb_exchange_token")
            name = self._state.people.owner(short)
            if name is None or not short.startswith(PERSON):
                raise bad_token("Error validating access token", 467)
            return _granted(self._state.people.issue(name).access_token, SIXTY_DAYS)
        if not text(params, "redirect_uri"):
            raise bad_parameter("Missing redirect_uri parameter.")
        tokens = self._state.people.grant(text(params, "code"))
        if tokens is None:
            raise bad_parameter("This authorization code has been used.", 36009)
        return _granted(tokens.access_token, AN_HOUR)

    async def accounts(self, call: Call) -> Answer:
        """List the person's Pages: the one of their name."""
        name = self._state.owner(call, person=True)
        page = {"id": number_of(name), "name": name, "access_token": f"sandbox-{name}", "tasks": TASKS}
        return json_answer({"data": [page]})

    async def revoke(self, call: Call) -> Answer:
        """Take back all that the person granted; the tokens of their Pages end with it."""
        self._state.people.revoke(f"sandbox-{self._state.owner(call, person=True)}")
        return json_answer({"success": True})


def _granted(token: str, seconds: int) -> Answer:
    return json_answer({"access_token": token, "token_type": "bearer", "expires_in": seconds})
