"""Letting an app in: OAuth 2.0, access tokens of two hours, refresh tokens that are good once."""

import base64
import binascii

from deploy.sandbox.params import read_params, text
from deploy.sandbox.people import Tokens
from deploy.sandbox.platforms.x.state import TOKEN_SECONDS, State
from deploy.sandbox.wire import Answer, Call, RefusedError, json_answer

SCOPES = "tweet.write users.read media.write tweet.read offline.access"


class OAuth:
    """The handlers about tokens."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def token(self, call: Call) -> Answer:
        """Hand out tokens for a code or for a refresh token."""
        params = await read_params(call)
        _client(call, text(params, "client_id"))
        kind = text(params, "grant_type")
        tokens: Tokens | None = None
        if kind == "authorization_code":
            if not text(params, "code_verifier") or not text(params, "redirect_uri"):
                raise _refused("invalid_request", "Missing required parameter.")
            tokens = self._state.people.grant(text(params, "code"))
        elif kind == "refresh_token":
            tokens = self._state.people.renew(text(params, "refresh_token"))
        else:
            raise _refused("unsupported_grant_type", "Value passed for the grant type was invalid.")
        if tokens is None:
            raise _refused("invalid_request", "Value passed for the token was invalid.")
        return json_answer(
            {
                "token_type": "bearer",
                "expires_in": int(TOKEN_SECONDS),
                "access_token": tokens.access_token,
                "scope": SCOPES,
                "refresh_token": tokens.refresh_token,
            }
        )

    async def revoke(self, call: Call) -> Answer:
        """Make a token worthless; one that is so already is fine (RFC 7009)."""
        params = await read_params(call)
        _client(call, text(params, "client_id"))
        self._state.people.revoke(text(params, "token"))
        return json_answer({"revoked": True})


def _client(call: Call, client_id: str) -> None:
    scheme, _, pair = call.header(b"authorization").partition(" ")
    if scheme.lower() != "basic":
        if not client_id:
            raise _refused("unauthorized_client", "Missing valid authorization header", 401)
        return
    try:
        name, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = secret = ""
    if not name or not secret:
        raise _refused("unauthorized_client", "Missing valid authorization header", 401)


def _refused(code: str, words: str, status: int = 400) -> RefusedError:
    return RefusedError(json_answer({"error": code, "error_description": words}, status))
