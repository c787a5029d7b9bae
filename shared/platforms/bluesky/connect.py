"""How Bluesky lets us in: a session by app password, kept in memory, renewed where it has expired."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.adapter.contract import Account, Answer, Http
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
    """Return the account's session, another one than `expired`; raises Unauthorized."""
    seat = _SEATS.setdefault((account.base_url, _secret(account, "identifier")), _Seat())
    async with seat.lock:
        if seat.session is None:
            seat.session = await _opened(account, http)
        elif seat.session is expired:
            seat.session = await _renewed(account, expired, http)
        return seat.session


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
    return (await _opened(account, http)).handle


async def limits(_account: Account, _http: Http) -> Mapping[str, int]:
    """Return no limits of the account's own: the lexicon has them for all."""
    return {}


async def _signed(
    session: Session, http: Http, method: str, nsid: str, mutates: bool, parts: Mapping[str, Any]
) -> Answer:
    headers = {**parts.get("headers", {}), "Authorization": f"Bearer {session.access}"}
    return await http.call(
        method, f"{session.base}/xrpc/{nsid}", operation=_name(nsid), mutates=mutates, **{**parts, "headers": headers}
    )


async def _opened(account: Account, http: Http) -> Session:
    secrets = {name: _secret(account, name) for name in ("identifier", "password")}
    return await _session("createSession", account.base_url, http, account, json=secrets)


async def _renewed(account: Account, expired: Session, http: Http) -> Session:
    headers = {"Authorization": f"Bearer {expired.refresh}"}
    try:
        return await _session("refreshSession", expired.base, http, account, headers=headers)
    except Unauthorized:
        return await _opened(account, http)


async def _session(name: str, base: str, http: Http, account: Account, **parts: Any) -> Session:
    url = f"{base.rstrip('/')}/xrpc/com.atproto.server.{name}"
    told = (await http.call("POST", url, operation=name, mutates=False, **parts)).json
    try:
        return Session(told["did"], told["handle"], _server(told, account), told["accessJwt"], told["refreshJwt"])
    except (KeyError, TypeError) as error:
        raise Unauthorized(f"bluesky {name}: the answer is no session") from error


def _server(told: Mapping[str, Any], account: Account) -> str:
    """Return where the repository is, which bsky.social says in `didDoc`; never less protected than the way there."""
    base = account.base_url.rstrip("/")
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


def _name(nsid: str) -> str:
    return nsid.rpartition(".")[2]
