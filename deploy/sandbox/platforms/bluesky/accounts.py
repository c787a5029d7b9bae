"""Accounts and sessions: any handle exists; its password is `sandbox`."""

import base64
import hashlib
import re
import secrets
from typing import Any

import jwt

from deploy.sandbox.platforms.bluesky.errors import refused
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

OPEN_SESAME = "sandbox"
ACCESS_SECONDS = 120 * 60
REFRESH_SECONDS = 90 * 86_400
GRACE_SECONDS = 2 * 3_600
TOKENS_REMEMBERED = 1_000
ACCESS, REFRESH = "com.atproto.appPass", "com.atproto.refresh"
UPLOAD = "com.atproto.repo.uploadBlob"
SERVER_DID = "did:web:sandbox.invalid"
_HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class Accounts:
    """Who is who, and whose token is whose; ids and signatures follow from the seed and so survive a restart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._key = hashlib.sha256(f"bluesky sessions of {world.settings.seed}".encode()).digest()
        self._handles: dict[str, str] = {}
        self._dids: dict[str, str] = {}
        self._verified: dict[str, dict[str, Any]] = {}
        self._rotated: dict[str, tuple[str | None, float]] = {}

    def did(self, handle: str) -> str | None:
        """Return the DID of a handle, None for a text that can't be a handle; nothing resolves under `.invalid`."""
        handle = handle.lower()
        if did := self._dids.get(handle):
            return did
        if len(handle) > 253 or not _HANDLE.fullmatch(handle) or handle.endswith(".invalid"):
            return None
        digest = hashlib.sha256(f"{self._world.settings.seed}/{handle}".encode()).digest()
        did = "did:plc:" + base64.b32encode(digest).decode().lower()[:24]
        self._dids[handle], self._handles[did] = did, handle
        return did

    def find(self, actor: str) -> tuple[str, str] | None:
        """Return DID and handle of an actor named by either; a DID must have been seen before."""
        if actor.startswith("did:"):
            handle = self._handles.get(actor)
            return (actor, handle) if handle else None
        did = self.did(actor)
        return (did, self._handles[did]) if did else None

    def open_session(self, did: str, handle: str, jti: str | None = None) -> dict[str, Any]:
        """Return a new pair of tokens."""
        return {
            "accessJwt": self._token(did, handle, ACCESS, ACCESS_SECONDS),
            "refreshJwt": self._token(did, handle, REFRESH, REFRESH_SECONDS, jti or secrets.token_urlsafe(16)),
        }

    def refresh(self, call: Call) -> tuple[str, str, dict[str, Any]]:
        """Rotate a refresh token; the old one still gives the same successor for two hours."""
        claims = self._claims(call, REFRESH)
        successor, until = self._rotated.get(claims["jti"], (None, None))
        if until is not None and (successor is None or until < self._world.now()):
            raise refused("ExpiredToken", "Token has been revoked")
        successor = successor or secrets.token_urlsafe(16)
        self._rotated.setdefault(claims["jti"], (successor, self._world.now() + GRACE_SECONDS))
        return claims["sub"], claims["handle"], self.open_session(claims["sub"], claims["handle"], successor)

    def end_session(self, call: Call) -> None:
        """Revoke a refresh token."""
        self._rotated[self._claims(call, REFRESH)["jti"]] = (None, 0.0)

    def caller(self, call: Call) -> tuple[str, str]:
        """Return DID and handle of the access token; raises the errors of the reference server."""
        claims = self._claims(call, ACCESS)
        return claims["sub"], claims["handle"]

    def service_token(self, did: str, audience: str, method: str, until: int) -> str:
        """Return a token with which another service may call one method of a server for this account."""
        claims = {"iss": did, "aud": audience, "lxm": method, "exp": until}
        return jwt.encode(claims, self._key, "HS256", headers={"typ": "JWT"})

    def trusted(self, call: Call) -> str:
        """Return for whom a service may upload to this server; raises an XRPC error."""
        try:
            claims = jwt.decode(call.bearer(), self._key, ["HS256"], audience=SERVER_DID, options={"verify_exp": False})
        except jwt.InvalidTokenError as error:
            raise refused("InvalidToken", "Token could not be verified", 401) from error
        if claims.get("lxm") != UPLOAD or claims["exp"] <= self._world.now() - self._world.ahead:
            raise refused("InvalidToken", "Token is for another method, or has expired", 401)
        return str(claims["iss"])

    def _token(self, did: str, handle: str, scope: str, seconds: int, jti: str | None = None) -> str:
        now = int(self._world.now())
        claims = {"scope": scope, "aud": SERVER_DID, "sub": did, "iat": now, "exp": now + seconds, "handle": handle}
        kind = "refresh+jwt" if scope == REFRESH else "at+jwt"
        return jwt.encode(claims | ({"jti": jti} if jti else {}), self._key, "HS256", headers={"typ": kind})

    def _claims(self, call: Call, scope: str) -> dict[str, Any]:
        token = call.bearer()
        if not token:
            raise refused("AuthMissing", "Authentication Required", 401)
        claims = self._verified.get(token) or self._verify(token)
        if claims["exp"] <= self._world.now():
            raise refused("ExpiredToken", "Token has expired")
        if claims["scope"] != scope:
            raise refused("InvalidToken", "Bad token scope")
        return claims

    def _verify(self, token: str) -> dict[str, Any]:
        """Check a signature, and remember the token: load tests use few tokens very often."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, ["HS256"], audience=SERVER_DID, options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidTokenError as error:
            raise refused("InvalidToken", "Token could not be verified") from error
        self.did(claims["handle"])
        if len(self._verified) >= TOKENS_REMEMBERED:
            self._verified.clear()
        self._verified[token] = claims
        return claims
