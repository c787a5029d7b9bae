"""How Bluesky lets us in: by an app password, which its owner makes and may take back; and how it is called then."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Answer, App, Grant, Http, Reported
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.platforms.bluesky.session import Session, ask, opened, session_from, session_of

PASSWORDS = "https://bsky.app/settings/app-passwords"  # the page where they are made
ACCESS, REFRESH = timedelta(minutes=120), timedelta(days=90)
"""How long the tokens of a session last, as the reference server makes them."""


# ---- the session in use ----------------------------------------------------------------------------------------------


async def call(account: Account, http: Http, method: str, nsid: str, *, mutates: bool = False, **parts: Any) -> Answer:
    """Call the account's server, signed in; a session that has expired is renewed and the call made once again."""
    session = await session_of(account, http)
    try:
        return await _signed(session, http, method, nsid, mutates, parts)
    except Unauthorized:  # an answer, so nothing was done
        session = await session_of(account, http, expired=session)
        return await _signed(session, http, method, nsid, mutates, parts)


async def verify(account: Account, http: Http) -> str:
    """Return the handle that the account's secrets open; raises Unauthorized."""
    if account.secrets.get("password") or not account.secrets.get("access_token"):
        return (await opened(account, http)).handle
    return str((await call(account, http, "GET", "com.atproto.server.getSession")).json["handle"])


async def limits(_account: Account, _http: Http) -> Mapping[str, int]:
    """Return no limits of the account's own: the lexicon has them for all."""
    return {}


async def quota(_account: Account, _http: Http) -> Sequence[Reported]:
    """Return nothing: Bluesky tells in its answers' headers only."""
    return ()


async def _signed(
    session: Session, http: Http, method: str, nsid: str, mutates: bool, parts: Mapping[str, Any]
) -> Answer:
    headers = {**parts.get("headers", {}), "Authorization": f"Bearer {session.access}"}
    return await http.call(
        method,
        f"{session.base}/xrpc/{nsid}",
        operation=nsid.rpartition(".")[2],
        mutates=mutates,
        **{**parts, "headers": headers},
    )


# ---- the session's life ----------------------------------------------------------------------------------------------


def start(_app: App, _state: str, _verifier: str) -> str:
    """Return the address at which the account's owner makes an app password; nothing leads back from there."""
    return PASSWORDS


async def exchange(app: App, code: str, _verifier: str, http: Http) -> Grant:
    """Return the session that `handle:app-password` opens; raises Unauthorized for a wrong one."""
    identifier, _, password = code.rpartition(":")
    secrets = {"identifier": identifier.removeprefix("@"), "password": password}
    return _grant(await opened(Account("bluesky", identifier, app.base_url, secrets), http))


async def refresh(app: App, grant: Grant, http: Http) -> Grant:
    """Return the session's next tokens; the old refresh token gives the same ones for about two hours more.

    Raises Unauthorized for a refresh token that has ended or was revoked, TryLater else.
    """
    if not grant.refresh_token:
        raise Unauthorized("bluesky: there is no refresh token; connect the account again")
    try:
        told = await ask("refreshSession", app.base_url, http, grant.refresh_token)
    except Rejected as error:
        raise TryLater(error.reason) from error
    return _grant(session_from(told, app.base_url))


async def revoke(app: App, grant: Grant, http: Http) -> None:
    """End the session; one that has ended already is fine. The app password stays until its owner deletes it."""
    if grant.refresh_token:
        try:
            await ask("deleteSession", app.base_url, http, grant.refresh_token)
        except Unauthorized:
            return  # it has ended


def _grant(session: Session) -> Grant:
    now = datetime.now(UTC)
    return Grant(session.access, now + ACCESS, session.refresh, now + REFRESH, account_id=session.did)
