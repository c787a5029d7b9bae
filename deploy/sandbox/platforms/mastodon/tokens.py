"""The application's way in: /oauth/token takes the code `code-<account>`, /oauth/revoke takes a token back."""

from deploy.sandbox.params import Params, read_params, text
from deploy.sandbox.platforms.mastodon.state import State
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer

SCOPE = "profile read write"


def oauth_error(status: int, code: str, words: str) -> RefusedError:
    """Return an error of the token endpoints, which have two fields."""
    return RefusedError(json_answer({"error": code, "error_description": words}, status))


class OAuth:
    """The handlers of the token endpoints."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, call: Call) -> Answer:
        """Return a token for a code; it has no end, and no refresh token comes with it."""
        params = await read_params(call)
        check_app(params)
        if text(params, "grant_type") != "authorization_code":
            raise oauth_error(400, "unsupported_grant_type", "The authorization grant type is not supported.")
        tokens = self._state.people.grant(text(params, "code"))
        if tokens is None or not text(params, "redirect_uri"):
            raise oauth_error(400, "invalid_grant", "The provided authorization grant is invalid, expired or revoked.")
        shown = {"access_token": tokens.access_token, "token_type": "Bearer", "scope": text(params, "scope") or SCOPE}
        return json_answer({**shown, "created_at": int(self._state.world.now())})

    async def revoke(self, call: Call) -> Answer:
        """Take a token back; one that is gone already is fine."""
        params = await read_params(call)
        check_app(params)
        self._state.people.revoke(text(params, "token"))
        return json_answer({})


def check_app(params: Params) -> None:
    """Refuse a call that does not say which application makes it."""
    if not text(params, "client_id") or not text(params, "client_secret"):
        raise oauth_error(401, "invalid_client", "Client authentication failed: no client authentication included.")
