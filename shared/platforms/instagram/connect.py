"""How Instagram lets us in: Instagram Login, a token of an hour, one of sixty days for it, and later ones for that.

Sources: developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login, and
documentation/instagram-platform/reference/{access_token,refresh_access_token}. There is no PKCE.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.hosts import beside
from shared.adapter.oauth import asking, granted
from shared.platforms.instagram.spec import HOME, SPEC

WINDOW = "https://www.instagram.com"
CODES = "https://api.instagram.com"
SCOPES = (
    "instagram_business_basic",
    "instagram_business_content_publish",
    "instagram_business_manage_comments",
    "instagram_business_manage_insights",
)


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer:
    """Call the API with the account's token.

    Codes that leave open what became of a call say nothing worse of one that makes nothing public than "again later".
    """
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"instagram: the secrets of {account.channel} lack 'access_token'")
    url = f"{account.base_url.rstrip('/')}/{account.version or SPEC.version}/{path}"
    headers = {"Authorization": f"Bearer {token}"}
    try:
        return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)
    except Uncertain as error:
        if mutates:
            raise
        raise TryLater(error.reason) from None


def own(account: Account) -> str:
    """Return how the account is called in a path."""
    return account.id or "me"


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open; raises Unauthorized."""
    params = {"fields": "user_id,username"}
    return str(_first((await call(account, http, "GET", "me", operation="me", params=params)).json)["username"])


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return nothing: an account has a quota of its own, which is a pace, and no limit of a post."""
    return {}


async def quota(account: Account, http: Http) -> Sequence[Reported]:
    """Return how much of the day's posts is used (ig-user/content_publishing_limit)."""
    params = {"fields": "quota_usage,config"}
    path = f"{own(account)}/content_publishing_limit"
    told = _first((await call(account, http, "GET", path, operation="content_publishing_limit", params=params)).json)
    config = told.get("config") or {}
    posts, per = int(config.get("quota_total") or 0), timedelta(seconds=config.get("quota_duration") or 0)
    return [Reported(posts, per, int(told.get("quota_usage") or 0))] if posts and per else ()


# ---- being let in ----------------------------------------------------------------------------------------------------


def start(app: App, state: str, verifier: str) -> str:
    """Return the address of the authorization window."""
    asked = asking(app, SCOPES, state, between=",")
    return f"{beside(app.base_url, HOME, WINDOW)}/oauth/authorize?{urlencode(asked)}"


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return the token of sixty days that the code is worth; raises Unauthorized for a code that is spent or wrong."""
    form = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "grant_type": "authorization_code",
        "redirect_uri": app.redirect_uri,
        "code": code.removesuffix("#_"),  # the redirect has this at its end, which is no part of the code
    }
    url = f"{beside(app.base_url, HOME, CODES)}/oauth/access_token"
    try:
        told = _first((await http.call("POST", url, operation="exchange", mutates=False, data=form)).json)
    except Rejected as error:
        raise Unauthorized(error.reason) from None
    brief = granted({**told, "scope": _scopes(told.get("permissions"))})
    # The page has secret and token in the query, and no other form.
    asked = {
        "grant_type": "ig_exchange_token",
        "client_secret": app.client_secret,
        "access_token": brief.access_token,
    }
    longer = await _token("access_token", asked, app, http)
    return granted({**longer, "scope": ",".join(brief.scopes)}, await _named(brief, told, app, http))


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return the token with another sixty days; it must be a day old. Raises Unauthorized once it is dead."""
    asked = {"grant_type": "ig_refresh_token", "access_token": grant.access_token}
    return granted(await _token("refresh_access_token", asked, app, http), grant)


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Say that only the owner can give the grant back."""
    raise Rejected(
        "instagram has no call for giving a grant back; do it by hand: in the account's settings, under website "
        "permissions, apps and websites, remove Carillon"
    )


async def _token(name: str, asked: Mapping[str, str], app: App, http: Http) -> Mapping[str, Any]:
    """Ask for a token; only what says that the old one is dead is more than trouble that passes."""
    url = f"{app.base_url.rstrip('/')}/{name}"
    try:
        return dict((await http.call("GET", url, operation=name, mutates=False, params=asked)).json)
    except (Rejected, Uncertain) as error:
        raise TryLater(error.reason) from None


async def _named(grant: Grant, told: Mapping[str, Any], app: App, http: Http) -> Grant:
    """Return the grant with the account's id: calls take `user_id` of `me`, which the first answer may not name."""
    account = Account("instagram", "", app.base_url, {"access_token": grant.access_token})
    try:
        me = _first((await call(account, http, "GET", "me", operation="me", params={"fields": "user_id"})).json)
    except PlatformError:
        me = told
    return Grant(grant.access_token, account_id=str(me.get("user_id") or ""))


def _first(told: Any) -> Mapping[str, Any]:
    """Return what is told of one thing: the pages show it in a list named `data`, the servers as it is."""
    inner = told.get("data") if isinstance(told, dict) else None
    return dict(inner[0]) if isinstance(inner, list) and inner else dict(told or {})


def _scopes(told: Any) -> str:
    return ",".join(map(str, told)) if isinstance(told, list) else str(told or "")
