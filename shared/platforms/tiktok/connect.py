"""How TikTok lets us in: a token of hours, renewed by one that is good once; and what the account allows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from shared.adapter.answers import clipped
from shared.adapter.contract import Account, App, Grant, Http, Reported
from shared.adapter.errors import TryLater, Unauthorized
from shared.adapter.hosts import beside
from shared.adapter.oauth import granted
from shared.platforms.tiktok.calls import call as call
from shared.platforms.tiktok.creator import creator_of
from shared.platforms.tiktok.spec import HOME, LONGEST, SPEC

DOOR = "https://www.tiktok.com"
"""Where the owner is asked (login-kit-web)."""
SCOPES = ("user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.publish")
_OVER = frozenset({"invalid_grant", "access_denied", "access_token_invalid"})
"""oauth-error-handling: the grant is invalid, expired or revoked."""


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's token opens; raises Unauthorized."""
    params = {"fields": "open_id,username"}
    told = await call(account, http, "GET", "/user/info/", operation="user_info", params=params)
    return str(told["user"]["username"])


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return how long the account's videos may be."""
    longest = (await creator_of(account, http)).longest
    return {"video_longest": int(min(longest, LONGEST.total_seconds()))} if longest else {}


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: creator_info refuses an account that has posted enough, and says no number."""
    return ()


def start(app: App, state: str, verifier: str) -> str:
    """Return where the owner lets us in; the challenge is hexadecimal, not base64 (login-kit-desktop)."""
    asked = {
        "client_key": app.client_id,
        "scope": ",".join(app.scopes or SCOPES),
        "response_type": "code",
        "redirect_uri": app.redirect_uri,
        "state": state,
        "code_challenge": sha256(verifier.encode()).hexdigest(),
        "code_challenge_method": "S256",
    }
    return f"{beside(app.base_url, HOME, DOOR)}/v2/auth/authorize/?{urlencode(asked)}"


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return what a code is worth; raises Unauthorized for one that is spent or wrong."""
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
        "code_verifier": verifier,
    }
    return _grant(await _token(app, "token", asked, http))


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return a grant with later ends; its refresh token replaces the old one, which is dead from now on."""
    if not grant.refresh_token:
        raise Unauthorized("tiktok: there is no refresh token; the owner must connect the account again")
    asked = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    return _grant(await _token(app, "token", asked, http), grant)


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Give the grant back; one that is gone already is fine."""
    try:
        await _token(app, "revoke", {"token": grant.access_token}, http)
    except Unauthorized:
        return


async def _token(app: App, name: str, asked: Mapping[str, str], http: Http) -> Mapping[str, Any]:
    """Ask an OAuth endpoint; its refusals are flat (`error`, `error_description`) and may stand beside HTTP 200."""
    url = f"{app.base_url.rstrip('/')}/{SPEC.version}/oauth/{name}/"
    data = {"client_key": app.client_id, "client_secret": app.client_secret, **asked}
    answer = await http.call(
        "POST", url, operation=f"oauth_{name}", mutates=False, data=data, expected=(200, 400, 401, 403)
    )
    told = answer.json if isinstance(answer.json, dict) else {}
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else error
    if (not code and answer.status == 200) or code == "ok":
        return told
    kind = Unauthorized if code in _OVER else TryLater
    raise kind(f"tiktok oauth_{name}: {answer.status} {clipped(told)}".rstrip())


def _grant(told: Mapping[str, Any], before: Grant | None = None) -> Grant:
    grant = granted(told, before)
    return replace(grant, account_id=str(told.get("open_id") or grant.account_id))
