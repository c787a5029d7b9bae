"""How LinkedIn lets us in: OAuth of an application that a page's administrator trusts, for 60 days at a time.

Only approved partners are given a refresh token, which lasts for 365 days whatever is done with it (learn.microsoft.com
/en-us/linkedin/shared/authentication/{authorization-code-flow, programmatic-refresh-tokens}). PKCE is not used there.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.hosts import beside
from shared.adapter.oauth import asking, granted
from shared.platforms.linkedin.spec import SPEC

API = "https://api.linkedin.com"
SIGN_IN = "https://www.linkedin.com"
SCOPES = ("w_organization_social", "r_organization_social", "rw_organization_admin")
"""To post and comment, to read both, and to read figures. The comments' page names `..._organization_social_feed`
beside the first two; where an application has those, `App.scopes` says so."""


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer:
    """Call the versioned API with the account's token; `path` may have a query, in which URNs are encoded already."""
    headers = {
        **parts.pop("headers", {}),
        **authorization(account),
        "Linkedin-Version": account.version or SPEC.version,
        "X-Restli-Protocol-Version": "2.0.0",
    }
    url = f"{account.base_url.rstrip('/')}/rest{path}"
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


def authorization(account: Account) -> dict[str, str]:
    """Return the header that lets us in; raises Unauthorized where there is no token."""
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"linkedin: the secrets of {account.channel} lack 'access_token'")
    return {"Authorization": f"Bearer {token}"}


def organization(account: Account) -> str:
    """Return the URN of the account's page; raises Unauthorized where its number is not known."""
    if not account.id:
        raise Unauthorized(f"linkedin: {account.channel} has no 'id'; it is the number of the organization")
    return f"urn:li:organization:{account.id}"


def encoded(urn: str) -> str:
    """Return a URN as it stands in a path or a query."""
    return quote(urn, safe="")


async def verify(account: Account, http: Http) -> str:
    """Return the vanity name of the page; raises Unauthorized where the token's owner does not administer it.

    An administrator is needed, for uploads as the page take no lesser role (images-api, videos-api).
    """
    path = "/organizationAcls?q=roleAssignee&role=ADMINISTRATOR&state=APPROVED"
    told = (await call(account, http, "GET", path, operation="organization_acls")).json or {}
    if organization(account) not in {one.get("organization") for one in told.get("elements", [])}:
        raise Unauthorized(f"linkedin: whose token {account.channel} has is no administrator of {account.id}")
    page = await call(account, http, "GET", f"/organizations/{quote(account.id)}", operation="organization")
    return str(page.json["vanityName"])


async def limits(_account: Account, _http: Http) -> Mapping[str, int]:
    """Return no limits of the account's own: LinkedIn has the same for all pages."""
    return {}


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: LinkedIn tells in its developer portal only."""
    return ()


def start(app: App, state: str, _verifier: str) -> str:
    """Return the address at which an administrator of the page lets us in."""
    return f"{_sign_in(app)}/authorization?{urlencode(asking(app, SCOPES, state))}"


async def exchange(app: App, code: str, _verifier: str, http: Http) -> Grant:
    """Return what the code is worth, which lasts for 30 minutes; raises Unauthorized for one that is spent or wrong."""
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    return granted(await _token(app, asked, "exchange", http))


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return a grant with another access token; raises Unauthorized where there is no refresh token, or a dead one."""
    if not grant.refresh_token:
        raise Unauthorized("linkedin: there is no refresh token; an administrator of the page must sign in again")
    asked = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    try:
        return granted(await _token(app, asked, "refresh", http), grant)
    except Rejected as error:
        raise TryLater(error.reason) from error


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Give both tokens back; what is gone already is fine.

    The endpoint is unconfirmed: the documentation has none, many applications call this one. Where it is not there,
    Rejected says what a person can do.
    """
    for token in (grant.refresh_token, grant.access_token):
        if token:
            data = {**_credentials(app), "token": token}
            url = f"{_sign_in(app)}/revoke"
            answer = await http.call(
                "POST", url, operation="revoke", mutates=False, data=data, expected=(200, 204, 400, 404)
            )
            if answer.status == 404:
                raise Rejected("linkedin revoke: take the access back by hand, in Settings, Data privacy, Other apps")


async def _token(app: App, asked: Mapping[str, str], operation: str, http: Http) -> Mapping[str, Any]:
    url = f"{_sign_in(app)}/accessToken"
    answer = await http.call(
        "POST", url, operation=operation, mutates=False, data={**asked, **_credentials(app)}, expected=(200,)
    )
    return answer.json or {}


def _credentials(app: App) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.client_secret}


def _sign_in(app: App) -> str:
    return f"{beside(app.base_url, API, SIGN_IN)}/oauth/v2"
