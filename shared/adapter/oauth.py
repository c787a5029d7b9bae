"""Being let in: what an account's owner granted us, for how long, and how it is renewed (RFC 6749, RFC 7636)."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.errors import TryLater


@dataclass(frozen=True, slots=True)
class App:
    """Carillon as a platform's developer console knows it."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    base_url: str
    """The platform's API host, as in the channel registry; a sandbox has all of a platform's hosts in one."""
    scopes: tuple[str, ...] = ()
    """What to ask for, where it is not all that `connect.py` knows to be needed."""
    account: str = ""
    """The platform's id of the account that is meant, where its owner may let us into several."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What lets us in, and until when."""

    access_token: str = field(repr=False)
    expires_at: datetime | None = None
    """None: the platform names no end."""
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    account_id: str = ""
    """The platform's own id of the account, where the answer names it."""


def granted(told: Mapping[str, Any], before: Grant | None = None, now: datetime | None = None) -> Grant:
    """Read a token endpoint's answer; what it leaves out or leaves empty stays as `before`.

    Raises TryLater for an answer without an access token: a fault of the platform must not cost us the old one.
    """
    now = now or datetime.now(UTC)
    token = told.get("access_token")
    if not isinstance(token, str) or not token:
        raise TryLater("the token endpoint answered without an access token")
    old = before or Grant(token)
    scopes = told.get("scope")
    return replace(
        old,
        access_token=token,
        expires_at=_end(told.get("expires_in"), now),
        refresh_token=told.get("refresh_token") or old.refresh_token,
        refresh_expires_at=_end(told.get("refresh_token_expires_in") or told.get("refresh_expires_in"), now)
        or old.refresh_expires_at,
        scopes=frozenset(scopes.replace(",", " ").split()) if isinstance(scopes, str) and scopes else old.scopes,
    )


def _end(seconds: Any, now: datetime) -> datetime | None:
    """Return when a token ends; platforms say the seconds as a number or as text."""
    try:
        return now + timedelta(seconds=float(seconds))
    except (TypeError, ValueError):
        return None


def asking(app: App, scopes: Sequence[str], state: str, between: str = " ") -> dict[str, str]:
    """Return what an authorization request says on every platform (RFC 6749, 4.1.1); some part scopes by commas."""
    return {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": between.join(app.scopes or scopes),
        "state": state,
    }


def proving(verifier: str) -> dict[str, str]:
    """Return what it says besides where PKCE is used (RFC 7636, 4.3)."""
    return {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}


def redeeming(app: App, code: str, verifier: str) -> dict[str, str]:
    """Return what a token request says that redeems a code with PKCE (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
        "code_verifier": verifier,
    }


def challenge(verifier: str) -> str:
    """Return PKCE's S256 challenge of a verifier, base64url without padding (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
