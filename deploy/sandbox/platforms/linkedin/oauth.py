"""Tokens: for a code, for a refresh token that lasts a year whatever is done with it, and given back."""

from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import Tokens
from deploy.sandbox.platforms.linkedin.errors import oauth_error
from deploy.sandbox.platforms.linkedin.state import TOKEN_SECONDS, State
from deploy.sandbox.wire import Answer, Call, json_answer

YEAR = 365 * 86_400


class OAuth:
    """The handlers of www.linkedin.com/oauth/v2."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._begun: dict[str, float] = {}

    async def token(self, call: Call) -> Answer:
        """Return tokens for a code or a refresh token."""
        params = await read_params(call)
        if not text(params, "client_id") or not text(params, "client_secret"):
            raise oauth_error("invalid_client", "Client authentication failed", 401)
        kind, people = text(params, "grant_type"), self._state.people
        if kind == "authorization_code":
            if not text(params, "redirect_uri"):
                raise oauth_error("invalid_redirect_uri", "A required parameter redirect_uri is missing")
            tokens, reason = people.grant(text(params, "code")), "Unable to retrieve access token: code not found"
            return self._answer(tokens, "invalid_request", reason)
        if kind == "refresh_token":
            refresh = text(params, "refresh_token")
            over = self._begun.get(refresh, 0.0) + YEAR < self._state.world.now()
            tokens = None if over else people.renew(refresh)
            return self._answer(tokens, "invalid_grant", "The provided refresh token is invalid, expired or revoked")
        raise oauth_error("unsupported_grant_type", f"grant_type {kind!r} is not supported")

    async def revoke(self, call: Call) -> Answer:
        """Make a token and all that came with it worthless."""
        self._state.people.revoke(text(await read_params(call), "token"))
        return json_answer({})

    def _answer(self, tokens: Tokens | None, code: str, reason: str) -> Answer:
        if tokens is None:
            raise oauth_error(code, reason)
        now = self._state.world.now()
        begun = self._begun.setdefault(tokens.refresh_token, now)
        return json_answer(
            {
                "access_token": tokens.access_token,
                "expires_in": TOKEN_SECONDS,
                "refresh_token": tokens.refresh_token,
                "refresh_token_expires_in": int(begun + YEAR - now),
                "scope": "w_organization_social,r_organization_social,rw_organization_admin",
            }
        )
