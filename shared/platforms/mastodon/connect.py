"""How Mastodon lets us in: a token that does not expire; and what its instance allows."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.oauth import asking, granted, proving, redeeming
from shared.platforms.mastodon.spec import SENT_PIXELS

SCOPES = (
    "profile",
    "read:accounts",
    "read:notifications",
    "read:search",
    "read:statuses",
    "write:media",
    "write:statuses",
)
"""What Carillon's calls need (docs.joinmastodon.org/api/oauth-scopes)."""
_LIMITS: Mapping[str, tuple[str, str]] = {
    "text": ("statuses", "max_characters"),
    "per_url": ("statuses", "characters_reserved_per_url"),
    "images": ("statuses", "max_media_attachments"),
    "alt": ("media_attachments", "description_limit"),
    "image_bytes": ("media_attachments", "image_size_limit"),
    "image_pixels": ("media_attachments", "image_matrix_limit"),
    "video_bytes": ("media_attachments", "video_size_limit"),
    "poll_options": ("polls", "max_options"),
    "poll_option": ("polls", "max_characters_per_option"),
    "poll_shortest": ("polls", "min_expiration"),
    "poll_longest": ("polls", "max_expiration"),
}


# ---- the token in use ------------------------------------------------------------------------------------------------


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer:
    """Call the account's instance with its token."""
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"mastodon: the secrets of {account.channel} lack 'access_token'")
    url = f"{account.base_url.rstrip('/')}{path}"
    headers = {**parts.pop("headers", {}), "Authorization": f"Bearer {token}"}
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


async def own_account(account: Account, http: Http) -> Mapping[str, Any]:
    """Return the account that the token opens; raises Unauthorized."""
    answer = await call(account, http, "GET", "/api/v1/accounts/verify_credentials", operation="verify_credentials")
    return dict(answer.json)


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open; raises Unauthorized."""
    return str((await own_account(account, http))["acct"])


async def instance(account: Account, http: Http) -> Mapping[str, Any]:
    """Return what the instance says about itself, to anybody."""
    url = f"{account.base_url.rstrip('/')}/api/v2/instance"
    return dict((await http.call("GET", url, operation="instance", mutates=False)).json)


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return the instance's own limits by the keys of `Spec.adjusted`; what it does not say is absent."""
    told = (await instance(account, http)).get("configuration") or {}
    said = {key: (told.get(group) or {}).get(name) for key, (group, name) in _LIMITS.items()}
    found = {key: value for key, value in said.items() if isinstance(value, int)}
    if "image_pixels" in found:
        found["image_pixels"] = min(found["image_pixels"], SENT_PIXELS)
    return found


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: an instance tells in its answers' headers only."""
    return ()


# ---- the token's life ------------------------------------------------------------------------------------------------


def start(app: App, state: str, verifier: str) -> str:
    """Return the address at which the account's owner lets us in; servers before 4.3 pass over the challenge."""
    asked = asking(app, SCOPES, state) | proving(verifier)
    return f"{app.base_url.rstrip('/')}/oauth/authorize?{urlencode(asked)}"


async def exchange(app: App, code: str, verifier: str, http: Http) -> Grant:
    """Return what the code of the redirect is worth; raises Unauthorized for a code that is spent or wrong."""
    asked = redeeming(app, code, verifier) | {"scope": " ".join(app.scopes or SCOPES)}
    return granted((await _ask("token", app, asked, http)).json)


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return the grant as it is, if it still opens the account: tokens do not end, and there is nothing to renew.

    Raises Unauthorized for a token that was revoked.
    """
    account = Account("mastodon", "", app.base_url, {"access_token": grant.access_token})
    try:
        await own_account(account, http)
    except Rejected as error:
        raise TryLater(error.reason) from error
    return grant


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """Give the token back; the server says yes to one that is gone already."""
    await _ask("revoke", app, {"token": grant.access_token}, http)


async def _ask(name: str, app: App, asked: Mapping[str, str], http: Http) -> Answer:
    url = f"{app.base_url.rstrip('/')}/oauth/{name}"
    data = {"client_id": app.client_id, "client_secret": app.client_secret, **asked}
    return await http.call("POST", url, operation=name, mutates=False, data=data)
