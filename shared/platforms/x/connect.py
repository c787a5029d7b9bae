"""How X lets us in: OAuth 2.0 with PKCE, tokens of two hours, refresh tokens that are good once (to be safe)."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import PlatformError, TryLater, Unauthorized
from shared.adapter.hosts import beside
from shared.adapter.oauth import asking, granted, proving, redeeming
from shared.platforms.x.spec import HOME, SITE

SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")
_DEAD = frozenset({"invalid_grant", "invalid_request"})
"""How X calls a code or refresh token that is spent, over or revoked; which of the two is unconfirmed."""


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer:
    """Call the API with the account's token; `path` begins with `/2/`."""
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"x: the secrets of {account.channel} lack 'access_token'; connect the account")
    headers = {**parts.pop("headers", {}), "Authorization": f"Bearer {token}"}
    url = f"{account.base_url.rstrip('/')}{path}"
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


async def own_user(account: Account, http: Http) -> Mapping[str, Any]:
    """Return the user whom the token opens, with public figures; raises Unauthorized."""
    params = {"user.fields": "public_metrics"}
    answer = await call(account, http, "GET", "/2/users/me", operation="own_user", params=params)
    return dict(answer.json["data"])


async def own_id(account: Account, http: Http) -> str:
    """Return the account's numeric id, asking for it where the channel registry does not have it."""
    return account.id or str((await own_user(account, http))["id"])


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open; raises Unauthorized."""
    return str((await own_user(account, http))["username"])


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return nothing: X tells no limits of an account; what a subscriber may is set in the channel registry."""
    return {}


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: X tells in its answers' headers only."""
    return ()


def start(app: App, state: str, verifier: str) -> str:
    """Return the address at which the account's owner lets us in (OAuth 2.0 Authorization Code Flow with PKCE)."""
    asked = asking(app, SCOPES, state) | proving(verifier)
    return f"{beside(app.base_url, HOME, SITE)}/i/oauth2/authorize?{urlencode(asked, quote_via=quote)}"


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return what a code is worth, within 30 seconds of the redirect; raises Unauthorized for a spent or wrong one."""
    return granted(await _token(app, redeeming(app, code, verifier), "exchange", http))


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return a grant with later ends; keep it before the old one is dropped, for the old one is spent.

    Raises Unauthorized when the owner must let us in again, TryLater else, whatever went wrong.
    """
    if not grant.refresh_token:
        raise Unauthorized("x: there is no refresh token; connect the account again, with the scope offline.access")
    form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    return granted(await _token(app, form, "refresh", http), grant)


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Give both tokens back; those that are gone already are fine."""
    for token in filter(None, (grant.refresh_token, grant.access_token)):
        await _post(app, "/2/oauth2/revoke", {"token": token}, "revoke", http)


async def _token(app: App, form: Mapping[str, str], operation: str, http: Http) -> Mapping[str, Any]:
    try:
        answer = await _post(app, "/2/oauth2/token", form, operation, http)
    except PlatformError as error:  # also a wrong client secret: it says nothing of the account's own grant
        raise TryLater(error.reason, getattr(error, "after", None)) from None
    told = answer.json if isinstance(answer.json, dict) else {}
    if answer.status != 400:
        return told
    if told.get("error") in _DEAD:
        raise Unauthorized(f"x {operation}: {told['error']}; the account must be connected again")
    raise TryLater(f"x {operation}: 400 {str(told.get('error'))[:60]}")


async def _post(app: App, path: str, form: Mapping[str, str], operation: str, http: Http) -> Answer:
    """Post a form as a confidential client, or as a public one where the app has no secret."""
    url, headers, data = f"{app.base_url.rstrip('/')}{path}", {}, {**form, "client_id": app.client_id}
    if app.client_secret:
        pair = f"{quote(app.client_id)}:{quote(app.client_secret)}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    expected = (200, 400)
    return await http.call(
        "POST", url, operation=operation, mutates=False, data=data, headers=headers, expected=expected
    )
