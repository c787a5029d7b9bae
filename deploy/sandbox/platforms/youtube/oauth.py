"""Google's token endpoint: codes `code-<channel>`, tokens of an hour, refresh tokens that stay the same."""

from deploy.sandbox.params import read_params, text
from deploy.sandbox.platforms.youtube.state import TOKEN_SECONDS, State
from deploy.sandbox.wire import Answer, Call, json_answer

SCOPES = " ".join(f"https://www.googleapis.com/auth/{name}" for name in ("youtube.force-ssl", "yt-analytics.readonly"))


class Tokens:
    """The handlers of the token endpoint."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, call: Call) -> Answer:
        """Exchange a code, or renew a token."""
        params = await read_params(call)
        if not (text(params, "client_id") and text(params, "client_secret")):
            return _refused(401, "invalid_client", "The OAuth client was not found.")
        shown = {"expires_in": TOKEN_SECONDS - 1, "scope": SCOPES, "token_type": "Bearer"}
        match text(params, "grant_type"):
            case "authorization_code":
                if not text(params, "redirect_uri"):
                    return _refused(400, "invalid_request", "Missing parameter: redirect_uri")
                if granted := self._state.people.grant(text(params, "code")):
                    tokens = {"access_token": granted.access_token, "refresh_token": granted.refresh_token}
                    return json_answer({**shown, **tokens})
                return _refused(400, "invalid_grant", "Malformed auth code.")
            case "refresh_token":
                if granted := self._state.people.renew(text(params, "refresh_token")):
                    return json_answer({**shown, "access_token": granted.access_token})
                return _refused(400, "invalid_grant", "Token has been expired or revoked.")
        return _refused(400, "unsupported_grant_type", "Invalid grant_type")

    async def revoke(self, call: Call) -> Answer:
        """Take a token back, and all that were granted with it."""
        token = text(await read_params(call), "token")
        people = self._state.people
        if not token or (people.owner(token) is None and people.renew(token) is None):
            return _refused(400, "invalid_token", "Token expired or revoked")
        people.revoke(token)
        return json_answer({})


def _refused(status: int, error: str, description: str) -> Answer:
    return json_answer({"error": error, "error_description": description}, status)
