"""Who calls: the tool, how far it is trusted and what it may do, from a signed token (JWT, EdDSA)."""

import re
import time
from dataclasses import dataclass
from typing import Any

import jwt
from fastapi import Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.openapi.models import SecurityBase as SecurityModel
from fastapi.security.base import SecurityBase

from shared.events import Trust
from shared.http.keys import Keys, keys_for
from shared.http.problems import Problem
from shared.settings import Settings

SCOPES = {
    "posts:write": "ask for posts, change and cancel them",
    "posts:read": "read requests, posts and their history",
    "reviews:write": "decide reviews",
    "reviews:legal": "decide reviews that are Legal's",
    "ops:write": "place and release holds, settle what is uncertain, send dead letters again, connect accounts",
    "metrics:read": "read measurements and reports",
}
ALGORITHM = "EdDSA"
LEEWAY = 30
"""Seconds that the issuer's clock may differ from ours."""
REMEMBERED = 2_000
"""Tokens whose signature is not checked again until they expire or the keys change."""
TOOL = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$")


@dataclass(frozen=True, slots=True)
class Caller:
    """The tool behind a call; the person behind the tool, if any, is named in the request (`requested_by`)."""

    tool: str
    trust: Trust
    scopes: frozenset[str]


class Tokens:
    """Checks tokens against the keys that the settings name."""

    def __init__(self, settings: Settings, keys: Keys | None = None) -> None:
        self._keys = keys or keys_for(settings)
        self._audience = settings.jwt_audience
        self._issuer = settings.jwt_issuer
        self._known: dict[str, tuple[Caller, float, int]] = {}

    async def caller(self, token: str) -> Caller:
        """Return who holds the token; raises a Problem (401) that says why it is not taken."""
        version = await self._keys.version()
        if (known := self._known.get(token)) and known[1] > time.time() and known[2] == version:
            return known[0]
        claims = await self._claims(token)
        caller = _caller(claims)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[token] = (caller, float(claims["exp"]) + LEEWAY, version)
        return caller

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["sub", "exp", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise _unauthorized("The token has expired.", "Ask for a new token.") from error
        except jwt.InvalidAudienceError as error:
            raise _unauthorized("The token is meant for somebody else.", f"Use one for '{self._audience}'.") from error
        except jwt.PyJWTError as error:
            raise _unauthorized(
                f"The token is not taken: {_why(error)}.", "Use a token issued for Carillon."
            ) from error
        return claims


def require(scope: str) -> "Required":
    """Return a dependency that admits callers with this scope: `caller: Annotated[Caller, Depends(require(...))]`."""
    if scope not in SCOPES:
        raise ValueError(f"no such scope: {scope}; there are {', '.join(SCOPES)}")
    return Required(scope)


class Required(SecurityBase):
    """Admits callers with a scope; to OpenAPI it says that a token is needed."""

    model: SecurityModel = HTTPBearerModel(
        bearerFormat="JWT", description="A service token: a JWT signed with Ed25519."
    )
    scheme_name = "token"

    def __init__(self, scope: str) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        """Return who calls; raises a Problem: 401 for nobody known, 403 without the scope."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            detail, remedy = "The request names no caller.", "Send the header Authorization: Bearer <token>."
            raise _unauthorized(detail, remedy, bare=True)
        tokens: Tokens = request.app.state.tokens
        caller = await tokens.caller(token.strip())
        if self._scope not in caller.scopes:
            raise Problem(
                403,
                "scope-missing",
                f"The token of '{caller.tool}' does not carry the scope '{self._scope}'.",
                remedy=f"Ask for a token with '{self._scope}': it lets its holder {SCOPES[self._scope]}.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self._scope}"'},
            )
        return caller


def _caller(claims: dict[str, Any]) -> Caller:
    tool, trust, scope = claims["sub"], claims.get("trust", Trust.GUEST), claims.get("scope", "")
    if not isinstance(tool, str) or not TOOL.fullmatch(tool):
        raise _unauthorized("The token's 'sub' does not name a tool.", "Use a token whose 'sub' is the tool's name.")
    if not isinstance(scope, str) or trust not in list(Trust):
        raise _unauthorized("The token's 'scope' or 'trust' cannot be read.", "Use a token issued for Carillon.")
    return Caller(tool, Trust(trust), frozenset(scope.split()))


def _unauthorized(detail: str, remedy: str, *, bare: bool = False) -> Problem:
    challenge = "Bearer" if bare else 'Bearer error="invalid_token"'
    return Problem(401, "unauthorized", detail, remedy=remedy, headers={"WWW-Authenticate": challenge})


def _why(error: jwt.PyJWTError) -> str:
    """Say what is wrong in our words: the library's may repeat what was sent."""
    reasons: dict[type[jwt.PyJWTError], str] = {
        jwt.MissingRequiredClaimError: "it lacks 'sub', 'exp' or 'aud'",
        jwt.InvalidIssuerError: "it comes from another issuer",
        jwt.ImmatureSignatureError: "it is not valid yet",
        jwt.InvalidAlgorithmError: "it is not signed with EdDSA",
        jwt.InvalidSignatureError: "its signature is not by a key known here",
        jwt.InvalidKeyError: "it is signed with a key not known here",
    }
    return next((text for kind, text in reasons.items() if isinstance(error, kind)), "it is not a JWT")
