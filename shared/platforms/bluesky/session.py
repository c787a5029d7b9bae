"""Sessions on Bluesky, kept in memory: opened by app password and renewed here, or opened and renewed elsewhere."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from shared.adapter.contract import Account, Http
from shared.adapter.errors import Unauthorized


@dataclass(frozen=True, slots=True)
class Session:
    """An open session: who we are, where our repository is, and the tokens."""

    did: str
    handle: str
    base: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(slots=True)
class _Seat:
    """The place of one account's session; one call at a time renews it (createSession is allowed 300 times a day)."""

    session: Session | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_SEATS: dict[tuple[str, str], _Seat] = {}


async def session_of(account: Account, http: Http, expired: Session | None = None) -> Session:
    """Return the account's session, another one than `expired`; raises Unauthorized.

    With `identifier` and `password` we open and renew it. With an `access_token` only, whoever holds the refresh token
    renews it: it rotates, and must not be used in two places.
    """
    granted = account.secrets.get("access_token") if not account.secrets.get("password") else None
    seat = _SEATS.setdefault(
        (account.base_url, account.channel if granted else _secret(account, "identifier")), _Seat()
    )
    async with seat.lock:
        if granted and (seat.session is None or seat.session.access != granted):
            seat.session = await _looked_up(granted, account, http)
        elif seat.session is None:
            seat.session = await opened(account, http)
        elif seat.session is expired:
            if granted:
                raise Unauthorized("bluesky: the session that was granted has ended; renew it, or connect again")
            seat.session = await _renewed(account, expired, http)
        return seat.session


async def opened(account: Account, http: Http) -> Session:
    """Open a session; raises Unauthorized."""
    secrets = {name: _secret(account, name) for name in ("identifier", "password")}
    return session_from(await ask("createSession", account.base_url, http, json=secrets), account.base_url)


async def ask(name: str, base: str, http: Http, token: str | None = None, **parts: Any) -> Any:
    """Call com.atproto.server and return the answer; `token` goes with it."""
    url = f"{base.rstrip('/')}/xrpc/com.atproto.server.{name}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    method = "GET" if name == "getSession" else "POST"
    return (await http.call(method, url, operation=name, mutates=False, headers=headers, **parts)).json


def session_from(told: Any, base: str) -> Session:
    """Read a session from an answer; raises Unauthorized."""
    try:
        return Session(told["did"], told["handle"], _server(told, base), told["accessJwt"], told["refreshJwt"])
    except (KeyError, TypeError) as error:
        raise Unauthorized("bluesky: the answer is no session") from error


async def _renewed(account: Account, expired: Session, http: Http) -> Session:
    try:
        return session_from(await ask("refreshSession", expired.base, http, expired.refresh), account.base_url)
    except Unauthorized:
        return await opened(account, http)


async def _looked_up(token: str, account: Account, http: Http) -> Session:
    told = await ask("getSession", account.base_url, http, token)
    return session_from({**told, "accessJwt": token, "refreshJwt": ""}, account.base_url)


def _server(told: Mapping[str, Any], base_url: str) -> str:
    """Return where the repository is, which bsky.social says in `didDoc`; never less protected than the way there."""
    base = base_url.rstrip("/")
    safe = ("https://", "http://") if base.startswith("http://") else ("https://",)
    for service in (told.get("didDoc") or {}).get("service", []):
        address = str(service.get("serviceEndpoint", "")).rstrip("/")
        if str(service.get("id", "")).endswith("#atproto_pds") and address.startswith(safe):
            return address
    return base


def _secret(account: Account, name: str) -> str:
    if value := account.secrets.get(name):
        return value
    raise Unauthorized(f"bluesky: the secrets of {account.channel} lack '{name}'")


def is_own(base_url: str) -> bool:
    """Say whether a server is one of Bluesky's own: those hold records only, and other hosts do the rest."""
    host = urlsplit(base_url).hostname or ""
    return host == "bsky.social" or host.endswith(".bsky.network")
