"""How TikTok is called: with the account's token, and an answer is good only where its own code says so."""

from typing import Any

from shared.adapter.answers import failure_of
from shared.adapter.contract import Account, Http
from shared.adapter.errors import TryLater, Unauthorized, Uncertain
from shared.platforms.tiktok.spec import SPEC


async def call(
    account: Account, http: Http, method: str, path: str, *, operation: str, mutates: bool = False, **parts: Any
) -> dict[str, Any]:
    """Call the account's API with its token and return the answer's `data`; raises PlatformError.

    Some refusals come beside HTTP 200 (tiktok-api-v2-error-handling): there, `error.code` alone tells.
    """
    if not (token := account.secrets.get("access_token")):
        raise Unauthorized(f"tiktok: the secrets of {account.channel} lack 'access_token'")
    url = f"{account.base_url.rstrip('/')}/{account.version or SPEC.version}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    if method == "POST":
        headers["Content-Type"] = "application/json; charset=UTF-8"
    answer = await http.call(method, url, operation=operation, mutates=mutates, headers=headers, **parts)
    told = answer.json if isinstance(answer.json, dict) else {}
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if code == "ok":
        data = told.get("data")
        return data if isinstance(data, dict) else {}
    if not isinstance(code, str):
        reason = f"tiktok {operation}: an answer without a code"
        raise Uncertain(reason) if mutates else TryLater(reason)
    status = 500 if code == "internal_error" else answer.status
    raise failure_of(SPEC, operation, status, told, answer.headers, mutates)
