"""How Mastodon lets us in: a token that does not expire; and what its instance allows."""

from collections.abc import Mapping
from typing import Any

from shared.adapter.contract import Account, Answer, Http
from shared.adapter.errors import Unauthorized
from shared.platforms.mastodon.spec import SHOWN_PIXELS

_LIMITS: Mapping[str, tuple[str, str]] = {
    "text": ("statuses", "max_characters"),
    "per_url": ("statuses", "characters_reserved_per_url"),
    "images": ("statuses", "max_media_attachments"),
    "alt": ("media_attachments", "description_limit"),
    "image_bytes": ("media_attachments", "image_size_limit"),
    "image_pixels": ("media_attachments", "image_matrix_limit"),
    "poll_options": ("polls", "max_options"),
    "poll_option": ("polls", "max_characters_per_option"),
    "poll_shortest": ("polls", "min_expiration"),
    "poll_longest": ("polls", "max_expiration"),
}


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer:
    """Call the account's instance with its token."""
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"mastodon: the secrets of {account.channel} lack 'access_token'")
    headers = {**parts.pop("headers", {}), "Authorization": f"Bearer {token}"}
    url = f"{account.base_url.rstrip('/')}{path}"
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


async def own_account(account: Account, http: Http) -> Mapping[str, Any]:
    """Return the account that the token opens; raises Unauthorized."""
    answer = await call(account, http, "GET", "/api/v1/accounts/verify_credentials", operation="verify_credentials")
    return dict(answer.json)


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open; raises Unauthorized."""
    return str((await own_account(account, http))["acct"])


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return the instance's own limits by the keys of `Spec.adjusted`; what it does not say is absent."""
    url = f"{account.base_url.rstrip('/')}/api/v2/instance"
    told = (await http.call("GET", url, operation="instance", mutates=False)).json.get("configuration") or {}
    said = {key: (told.get(group) or {}).get(name) for key, (group, name) in _LIMITS.items()}
    found = {key: value for key, value in said.items() if isinstance(value, int)}
    if "image_pixels" in found:
        found["image_pixels"] = min(found["image_pixels"], SHOWN_PIXELS)
    return found
