"""The public keys that tokens are checked with: a file, or what an identity provider publishes (JWKS)."""

import asyncio
import time
from pathlib import Path
from typing import Any, Protocol

import httpx
import jwt
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from shared.http.problems import Problem
from shared.settings import Settings, WrongSettingError

log = structlog.get_logger()

LOOK_AGAIN = 1.0
"""Seconds after which a key file is looked at again."""
JWKS_FRESH = 300.0
"""Seconds for which an identity provider's keys are used without asking again."""
JWKS_PAUSE = 10.0
"""Seconds between two questions to the provider, whatever tokens claim."""


class Keys(Protocol):
    """Where public keys come from."""

    async def version(self) -> int:
        """Return a number that changes when the keys do: then tokens are checked anew."""

    async def find(self, kid: str | None) -> Any:
        """Return the key of this id; raises jwt.InvalidKeyError, or Problem (503) when no key can be had."""


def keys_for(settings: Settings) -> Keys:
    """Return the source of keys that the settings name; raises WrongSettingError when there is none."""
    if settings.jwks_url:
        return ProviderKeys(settings.jwks_url)
    if settings.jwt_key_file is None:
        raise WrongSettingError(
            "JWT_KEY_FILE", "name the file of the public key that tokens are checked with, or set JWKS_URL"
        )
    return FileKey(settings.jwt_key_file)


class FileKey:
    """One public key in a PEM file, read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = 0
        self._looked = time.monotonic()
        self._seen = self._state()
        try:
            self._key = _read(path)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise WrongSettingError(
                "JWT_KEY_FILE", f"name a readable Ed25519 public key in PEM form ({error})"
            ) from error

    async def version(self) -> int:
        """Look at the file, once a second at the most, and read it when it is another one."""
        if time.monotonic() - self._looked >= LOOK_AGAIN:
            self._looked = time.monotonic()
            if (state := self._state()) != self._seen:
                self._reread(state)
        return self._version

    async def find(self, kid: str | None) -> Ed25519PublicKey:
        """Return the one key there is."""
        return self._key

    def _reread(self, state: tuple[int, int, int] | None) -> None:
        """Take the new key; while the file cannot be read the old one stays, and the next look tries again."""
        try:
            self._key = _read(self._path)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            log.warning("the key file cannot be read; the key before it stays", file=str(self._path), error=str(error))
            return
        self._seen = state
        self._version += 1
        log.info("the key that tokens are checked with has changed", file=str(self._path))

    def _state(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


class ProviderKeys:
    """The keys that an identity provider publishes; asked for when they are old, or when a token names a new one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched = self._asked = float("-inf")
        self._version = 0
        self._asking = asyncio.Lock()

    async def version(self) -> int:
        """Ask again when the keys are old."""
        if time.monotonic() - self._fetched > JWKS_FRESH:
            await self._refresh()
        return self._version

    async def find(self, kid: str | None) -> jwt.PyJWK:
        """Return the key of this id, or the only one there is for a token that names none."""
        if kid not in self._keys:
            await self._refresh()
        if not self._keys:
            raise Problem(
                503,
                "keys-unavailable",
                "The identity provider's keys cannot be had at the moment, so no token can be checked.",
                remedy="Try again in some seconds.",
                headers={"Retry-After": str(int(JWKS_PAUSE))},
            )
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise jwt.InvalidKeyError
        return self._keys[kid]

    async def _refresh(self) -> None:
        """Fetch the keys, unless that was tried a moment ago; when it fails, the keys at hand stay."""
        async with self._asking:
            if time.monotonic() - self._asked < JWKS_PAUSE:
                return
            self._asked = time.monotonic()
            try:
                async with httpx.AsyncClient(timeout=5) as client:
                    answer = (await client.get(self._url)).raise_for_status()
                found = {key.key_id: key for key in jwt.PyJWKSet.from_dict(answer.json()).keys if key.key_type == "OKP"}
            except (httpx.HTTPError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
                log.warning("the identity provider's keys cannot be had", error=type(error).__name__)
                return
            self._fetched = time.monotonic()
            self._version += found.keys() != self._keys.keys()
            self._keys = found


def _read(path: Path) -> Ed25519PublicKey:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the key is of another kind than Ed25519")
    return key
