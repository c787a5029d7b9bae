"""Signing in at Facebook: a person's code becomes a long-lived token, and that the token of one of their Pages.

Sources, under developers.facebook.com: docs/facebook-login/guides/advanced/manual-flow,
documentation/facebook-login/guides/access-tokens/get-long-lived, docs/graph-api/reference/user/permissions.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from shared.adapter.contract import App, Grant, Http
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.hosts import beside
from shared.adapter.oauth import granted
from shared.platforms.facebook.spec import SPEC

GRAPH = "https://graph.facebook.com"
WEB = "https://www.facebook.com"

SCOPES = (
    "pages_show_list",
    "pages_read_engagement",
    "pages_manage_posts",
    "pages_manage_engagement",
    "pages_read_user_content",
    "read_insights",
)
"""pages-api/posts and page/insights: publishing, the first comment, what people say, the figures."""
TASK = "CREATE_CONTENT"
_FRAGMENT = "_=_"
"""What Facebook puts behind the `#` of the redirect."""


def start(app: App, state: str, verifier: str) -> str:
    """Return the address at which a person with a task on the Page lets us in; there is no PKCE here."""
    asked = {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "state": state,
        "response_type": "code",
        "scope": ",".join(app.scopes or SCOPES),
    }
    return f"{beside(app.base_url, GRAPH, WEB)}/{SPEC.version}/dialog/oauth?{urlencode(asked)}"


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return the token of the person's Page; `#` and a Page's id behind the code, or `App.account`, say which.

    The grant's refresh token is the person's own, which ends; the Page's does not. Raises Unauthorized, and Rejected
    where it is not clear which Page is meant.
    """
    code, _, page_id = code.partition("#")
    said = {"client_id": app.client_id, "client_secret": app.client_secret}
    short = await _token({**said, "redirect_uri": app.redirect_uri, "code": code}, app, http)
    swap = {"grant_type": "fb_exchange_token", "fb_exchange_token": short.access_token}
    person = await _token({**said, **swap}, app, http)
    page = _chosen(await _pages(person.access_token, app, http), page_id.removesuffix(_FRAGMENT) or app.account)
    return Grant(
        access_token=page["access_token"],
        refresh_token=person.access_token,
        refresh_expires_at=person.expires_at,
        account_id=str(page["id"]),
    )


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return the grant as it is, if the Page's token still works: it names no end, and nothing would renew it."""
    try:
        await _call("GET", "/me", grant.access_token, app, http, operation="me", params={"fields": "id"})
    except Rejected as refusal:
        raise TryLater(refusal.reason) from None
    return grant


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Take back what the person granted: Facebook closes every Page that they opened to us, not only this one."""
    if grant.refresh_token is None:
        raise Rejected(
            "facebook: the person's own token is not kept; remove Carillon by hand under Business integrations"
        )
    try:
        await _call("DELETE", "/me/permissions", grant.refresh_token, app, http, operation="revoke")
    except Unauthorized:
        return  # gone already


async def _token(asked: Mapping[str, str], app: App, http: Http) -> Grant:
    """Ask the token endpoint; in a body, since what it is told must not be in an address."""
    url = f"{app.base_url.rstrip('/')}/{SPEC.version}/oauth/access_token"
    try:
        answer = await http.call("POST", url, operation="token", mutates=False, data=asked)
    except Rejected as refusal:
        raise Unauthorized(refusal.reason) from None
    return granted(answer.json)


async def _pages(token: str, app: App, http: Http) -> list[Mapping[str, Any]]:
    """Return the Pages that the person opened to us and may write on."""
    params = {"fields": "id,name,access_token,tasks", "limit": 100}
    told = await _call("GET", "/me/accounts", token, app, http, operation="accounts", params=params)
    return [page for page in told["data"] if TASK in page.get("tasks", ())]


def _chosen(pages: list[Mapping[str, Any]], page_id: str) -> Mapping[str, Any]:
    fitting = [page for page in pages if page_id in ("", str(page["id"]))]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise Unauthorized(f"facebook: the person opened no Page{' ' + page_id if page_id else ''} they may write on")
    listed = ", ".join(f"{page['name']} ({page['id']})" for page in fitting)
    raise Rejected(f"facebook: the person opened several Pages: {listed}; open one, or give code#id")


async def _call(method: str, path: str, token: str, app: App, http: Http, **parts: Any) -> Mapping[str, Any]:
    url = f"{app.base_url.rstrip('/')}/{SPEC.version}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    told: Mapping[str, Any] = (await http.call(method, url, mutates=False, headers=headers, **parts)).json
    return told
