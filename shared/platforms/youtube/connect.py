"""How YouTube lets us in: Google's OAuth for web servers; and the one way of calling with a channel's token."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import TryLater, Unauthorized
from shared.adapter.hosts import beside
from shared.adapter.oauth import asking, granted, proving, redeeming
from shared.platforms.youtube.spec import HOME, LONG_FILM, SIGN_IN, SPEC, TOKENS

_SCOPE = "https://www.googleapis.com/auth/"
SCOPES = tuple(f"{_SCOPE}{name}" for name in ("youtube.force-ssl", "yt-analytics.readonly"))
"""The first opens all that we do of the Data API, the second watch time (discovery documents)."""


async def call(
    account: Account,
    http: Http,
    method: str,
    path: str,
    *,
    operation: str,
    mutates: bool = False,
    host: str = HOME,
    **parts: Any,
) -> Answer:
    """Call one of the API's hosts with the channel's token; a `path` that is an address is called as it is."""
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"youtube: the secrets of {account.channel} lack 'access_token'; connect the channel")
    headers = {**parts.pop("headers", {}), "Authorization": f"Bearer {token}"}
    url = path if "://" in path else f"{beside(account.base_url, HOME, host)}{path}"
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


def api(account: Account, resource: str) -> str:
    """Return the path of a resource, in the version that the account speaks."""
    return f"/youtube/{account.version or SPEC.version}/{resource}"


async def listed(account: Account, http: Http, resource: str, **params: Any) -> Mapping[str, Any]:
    """Return a page of a resource: `items`, and `nextPageToken` where there are more."""
    return dict(
        (await call(account, http, "GET", api(account, resource), operation=f"{resource}_list", params=params)).json
        or {}
    )


async def own_channel(account: Account, http: Http, part: str) -> Mapping[str, Any]:
    """Return parts of the channel that the token opens; raises Unauthorized for a person without a channel."""
    items = (await listed(account, http, "channels", part=part, mine="true")).get("items") or []
    if not items:
        raise Unauthorized(f"youtube: who connected {account.channel} has no channel; connect as the channel itself")
    return dict(items[0])


async def channel_id(account: Account, http: Http) -> str:
    """Return the channel's id: the account's own, else the one that the token opens."""
    return account.id or str((await own_channel(account, http, "id"))["id"])


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open, without its `@`; raises Unauthorized."""
    snippet = (await own_channel(account, http, "snippet"))["snippet"]
    return str(snippet.get("customUrl") or snippet["title"]).removeprefix("@")


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return how long a film may last where the channel is verified (`status.longUploadsStatus`), else nothing."""
    status = (await own_channel(account, http, "status")).get("status") or {}
    if status.get("longUploadsStatus") != "allowed":
        return {}
    return {"video_longest": LONG_FILM // timedelta(seconds=1)}


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: YouTube tells in the Cloud console only."""
    return ()


# ---- OAuth: developers.google.com/identity/protocols/oauth2/web-server ----------------------------------------------


def start(app: App, state: str, verifier: str) -> str:
    """Return the address at which the channel's owner lets us in; consent is asked for, else no refresh token comes."""
    more = {"access_type": "offline", "prompt": "consent"}
    params = asking(app, SCOPES, state) | proving(verifier) | more
    return f"{beside(app.base_url, HOME, SIGN_IN)}/o/oauth2/v2/auth?{urlencode(params)}"


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return what the code is worth; raises Unauthorized for a code that is spent, and where scopes were refused."""
    grant = granted(await _tokens(app, redeeming(app, code, verifier), "exchange", http))
    if grant.scopes and (missing := set(app.scopes or SCOPES) - grant.scopes):
        names = ", ".join(sorted(scope.removeprefix(_SCOPE) for scope in missing))
        raise Unauthorized(f"youtube: the owner did not allow {names}; connect again and tick every box")
    return grant


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return a grant with a later end; Google keeps the refresh token the same."""
    if not grant.refresh_token:
        raise Unauthorized("youtube: there is no refresh token; connect the channel again")
    data = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    return granted(await _tokens(app, data, "refresh", http), grant)


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Give the grant back with all its tokens; one that is gone already is fine."""
    url = f"{beside(app.base_url, HOME, TOKENS)}/revoke"
    data = {"token": grant.refresh_token or grant.access_token}
    answer = await http.call("POST", url, operation="revoke", mutates=False, data=data, expected=(200, 400))
    if answer.status == 400 and _error(answer) != "invalid_token":
        raise TryLater(f"youtube revoke: 400 {_error(answer)}")


async def _tokens(app: App, data: Mapping[str, str], operation: str, http: Http) -> Mapping[str, Any]:
    """Ask the token endpoint: only `invalid_grant` says that the owner must help, anything else may pass."""
    url = f"{beside(app.base_url, HOME, TOKENS)}/token"
    data = {**data, "client_id": app.client_id, "client_secret": app.client_secret}
    expected = (200, 400, 401, 403)
    answer = await http.call("POST", url, operation=operation, mutates=False, data=data, expected=expected)
    if answer.status == 200:
        return dict(answer.json or {})
    if _error(answer) == "invalid_grant":
        raise Unauthorized(f"youtube {operation}: invalid_grant; connect the channel again")
    raise TryLater(f"youtube {operation}: {answer.status} {_error(answer)}")


def _error(answer: Answer) -> str:
    told = answer.json.get("error") if isinstance(answer.json, dict) else None
    return told if isinstance(told, str) else "without a code"
