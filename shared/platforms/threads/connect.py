"""How Threads lets us in: a code is worth a token of an hour, that one of sixty days, which is then renewed in time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from shared.adapter.answers import codes_of, failure_of
from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized
from shared.adapter.hosts import beside
from shared.adapter.oauth import asking, granted
from shared.platforms.threads.spec import SPEC

API, SITE = "https://graph.threads.net", "https://threads.net"
SCOPES = (  # overview; the last two are for replies and quotes below what other people said
    "threads_basic",
    "threads_content_publish",
    "threads_manage_replies",
    "threads_read_replies",
    "threads_manage_insights",
    "threads_delete",
    "threads_manage_mentions",
    "threads_profile_discovery",
)
SHORT = timedelta(hours=1)  # get-access-tokens: a code's token; its answer does not say so
TRIES = 3
"""How often the second step of letting us in is tried: the code is spent by then, and the first token soon over."""
MISSING = frozenset({"100/33", "24/4279009"})
"""The codes of an object that is not there (the first as on graph.facebook.com; here it is unconfirmed)."""


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer:
    """Call the API with the account's token, in a header: the pages show it in the query, where logs would keep it.

    That the header is good on this host is unconfirmed; the Graph API takes it.
    """
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"threads: the secrets of {account.channel} lack 'access_token'; connect the account")
    url = f"{account.base_url.rstrip('/')}/{account.version or SPEC.version}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


async def look_at(account: Account, http: Http, method: str, path: str, *, operation: str, **parts: Any) -> Any:
    """Return what a call about one object answers, None where there is no such object."""
    answer = await call(account, http, method, path, operation=operation, expected=(200, 400, 404), **parts)
    if answer.status == 200:
        return answer.json
    if MISSING & set(codes_of(answer.json, SPEC.codes)):
        return None
    raise failure_of(SPEC, operation, answer.status, answer.json, answer.headers, False)


def id_in(answer: Answer, otherwise: type[PlatformError]) -> str:
    """Return the id of what a call made; raises what it is told to where the answer names none."""
    told = answer.json if isinstance(answer.json, dict) else {}
    if not told.get("id"):
        raise otherwise("threads: the answer names no id")
    return str(told["id"])


def me(account: Account) -> str:
    """Return the account's own node in a path."""
    return f"/{account.id or 'me'}"


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open; raises Unauthorized."""
    params = {"fields": "id,username"}
    return str((await call(account, http, "GET", "/me", operation="me", params=params)).json["username"])


async def limits(_account: Account, _http: Http) -> Mapping[str, int]:
    """Return nothing: all accounts have the same limits."""
    return {}


async def quota(account: Account, http: Http) -> Sequence[Reported]:
    """Return how much of the day's posts is used; replies have a quota of their own, a larger one (overview)."""
    path, params = f"{me(account)}/threads_publishing_limit", {"fields": "quota_usage,config"}
    told = (await call(account, http, "GET", path, operation="threads_publishing_limit", params=params)).json
    first = dict(next(iter(told.get("data") or ()), None) or {})
    config = first.get("config") or {}
    posts, per = int(config.get("quota_total") or 0), timedelta(seconds=config.get("quota_duration") or 0)
    return [Reported(posts, per, int(first.get("quota_usage") or 0))] if posts and per else ()


# ---- OAuth -----------------------------------------------------------------------------------------------------------


def start(app: App, state: str, _verifier: str) -> str:
    """Return the address at which the account's owner lets us in; Threads uses no PKCE."""
    asked = asking(app, SCOPES, state, between=",")
    return f"{beside(app.base_url, API, SITE)}/oauth/authorize?{urlencode(asked)}"


async def exchange(app: App, code: str, _verifier: str, http: Http) -> Grant:
    """Return a grant of sixty days for a code; one of an hour, which `refresh` makes longer, if that fails for now."""
    form = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "grant_type": "authorization_code",
        "redirect_uri": app.redirect_uri,
        "code": code.removesuffix("#_"),  # get-access-tokens: that end is not part of it
    }
    url = f"{app.base_url.rstrip('/')}/oauth/access_token"
    told = (await http.call("POST", url, operation="token", mutates=False, data=form)).json
    first = granted({"expires_in": SHORT.total_seconds(), **told})
    grant = replace(first, account_id=str(told.get("user_id") or ""), refresh_token=first.access_token)
    for _ in range(TRIES):
        try:
            return await _lengthened(app, grant, http)
        except TryLater:
            continue
    return grant


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return a grant of sixty days; a token must be a day old for that, and not yet over."""
    if grant.refresh_token == grant.access_token:  # the mark of the token of an hour
        return await _lengthened(app, grant, http)
    params = {"grant_type": "th_refresh_token", "access_token": grant.access_token}
    return await _asked("refresh_access_token", params, app, grant, http)


async def revoke(_app: App, _grant: Grant, _http: Http) -> None:
    """Threads has no call for it; raises Rejected."""
    raise Rejected(
        "threads: a grant cannot be given back over the API; take it back by hand: in Threads, the account's "
        "settings, website permissions"
    )


async def _lengthened(app: App, grant: Grant, http: Http) -> Grant:
    params = {
        "grant_type": "th_exchange_token",
        "client_secret": app.client_secret,
        "access_token": grant.access_token,
    }
    return replace(await _asked("access_token", params, app, grant, http), refresh_token=None)


async def _asked(endpoint: str, params: Mapping[str, str], app: App, grant: Grant, http: Http) -> Grant:
    """Ask a token endpoint, which takes its parameters in the query only (get-started/long-lived-tokens)."""
    url = f"{app.base_url.rstrip('/')}/{endpoint}"
    try:
        told = await http.call("GET", url, operation=endpoint, mutates=False, params=params)
    except Unauthorized:
        raise
    except PlatformError as error:
        raise TryLater(error.reason, error.after if isinstance(error, TryLater) else None) from None
    return granted(told.json, grant)
