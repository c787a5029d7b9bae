"""How Facebook lets us in: a Page's token, got by one of its people, which names no end but can be taken back."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.answers import codes_of, failure_of
from shared.adapter.contract import Account, Answer, Http, Reported
from shared.adapter.errors import Unauthorized
from shared.adapter.hosts import beside
from shared.platforms.facebook.login import GRAPH
from shared.platforms.facebook.login import exchange as exchange
from shared.platforms.facebook.login import refresh as refresh
from shared.platforms.facebook.login import revoke as revoke
from shared.platforms.facebook.login import start as start
from shared.platforms.facebook.spec import SPEC

GONE = frozenset({"100/33", "803"})
"""What an object answers that is not there, or that the token may not see: the two look the same."""


async def call(
    account: Account,
    http: Http,
    method: str,
    path: str,
    *,
    operation: str,
    mutates: bool = False,
    host: str = GRAPH,
    **parts: Any,
) -> Answer:
    """Call the Graph API with the Page's token; `path` follows the version, `host` is another of its hosts."""
    url = f"{beside(account.base_url, GRAPH, host)}/{version_of(account)}{path}"
    headers = {**parts.pop("headers", {}), "Authorization": f"Bearer {token_of(account)}"}
    return await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)


async def call_unless_gone(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> Answer | None:
    """Call about an object; None where it is not there."""
    answer = await call(
        account, http, method, path, operation=operation, mutates=mutates, expected=(200, 400, 404), **parts
    )
    if answer.status == 200:
        return answer
    if is_gone(answer.json):
        return None
    raise failure_of(SPEC, operation, answer.status, answer.json, answer.headers, mutates)


def is_gone(told: Any) -> bool:
    """Say whether an error means that there is no such object."""
    return not GONE.isdisjoint(codes_of(told, SPEC.codes))


def token_of(account: Account) -> str:
    """Return the Page's token; raises Unauthorized where there is none."""
    if token := account.secrets.get("access_token"):
        return token
    raise Unauthorized(f"facebook: the secrets of {account.channel} lack 'access_token', a token of the Page")


def page_of(account: Account) -> str:
    """Return the Page's id; raises Unauthorized where the account has none."""
    if account.id:
        return account.id
    raise Unauthorized(f"facebook: {account.channel} lacks the id of its Page; connect it again")


def version_of(account: Account) -> str:
    """Return the version of the API to speak."""
    return account.version or SPEC.version


async def verify(account: Account, http: Http) -> str:
    """Return the Page's name in addresses, else its name; raises Unauthorized, also for another Page's token."""
    params = {"fields": "id,name,username"}
    told: Mapping[str, Any] = (await call(account, http, "GET", "/me", operation="me", params=params)).json
    if str(told["id"]) != page_of(account):
        raise Unauthorized(f"facebook: the token of {account.channel} is not one of its Page; connect it again")
    return str(told.get("username") or told["name"])


async def limits(account: Account, http: Http) -> Mapping[str, int]:
    """Return nothing: a Page has no limits of its own that could be read."""
    return {}


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: Facebook tells how many calls are left, in headers, and of posts nothing."""
    return ()
