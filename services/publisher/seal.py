"""Secrets at rest: sealed with the first of our keys, opened with whichever of them it was (AES-256-GCM).

Form: a byte 1, the key's id (8 bytes), a random nonce (12 bytes), the text with its tag. What a secret is about is
bound to it, so that a row's secret opens in no other row.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.publisher.settings import PublisherSettings
from shared.box import key_bytes, public_key, said_or_filed
from shared.settings import WrongSettingError

FORM = b"\x01"
ID, NONCE = 8, 12


class SealError(Exception):
    """What is sealed cannot be opened: its key is not among ACCOUNT_KEYS, or it was sealed about something else."""


class Sealed(NamedTuple):
    """A secret as it lies in the database."""

    bytes: bytes
    key_id: str


class Keys:
    """Our keys, the one that seals first; without any, nothing is sealed and nothing opened."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_id_of(key): AESGCM(key) for key in keys}

    @classmethod
    def of(cls, settings: PublisherSettings) -> Self:
        """Read the keys that the settings hold or name; raises WrongSettingError."""
        given = settings.account_keys.get_secret_value() if settings.account_keys else None
        try:
            told = said_or_filed(given, settings.account_keys_file) or ""
            return cls([key_bytes(one) for one in re.split(r"[\s,]+", told.strip()) if one])
        except ValueError as error:
            name = "ACCOUNT_KEYS" if given else "ACCOUNT_KEYS_FILE"
            raise WrongSettingError(name, f"{error}; several keys stand one a line, or with commas") from None

    @property
    def newest(self) -> str | None:
        """The id of the key that seals, 16 hexadecimal digits; None without keys."""
        return next((one.hex() for one in self._keys), None)

    def seal(self, text: bytes, about: str) -> Sealed:
        """Seal with the first key; raises SealError without keys."""
        for name, key in self._keys.items():
            nonce = os.urandom(NONCE)
            return Sealed(FORM + name + nonce + key.encrypt(nonce, text, about.encode()), name.hex())
        raise SealError("ACCOUNT_KEYS is not set, so nothing can be sealed")

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return what was sealed about this; raises SealError."""
        name, rest = sealed[1 : 1 + ID], sealed[1 + ID :]
        if sealed[:1] != FORM or (key := self._keys.get(name)) is None:
            raise SealError(f"what is sealed about {about} is of the key {name.hex()}, which ACCOUNT_KEYS lacks")
        try:
            return key.decrypt(rest[:NONCE], rest[NONCE:], about.encode())
        except InvalidTag:
            raise SealError(f"what is sealed about {about} is damaged, or was sealed about something else") from None


def receiver_of(settings: PublisherSettings) -> X25519PublicKey | None:
    """Return to what metrics' tokens are sealed, None where no key is set; raises WrongSettingError."""
    try:
        told = said_or_filed(settings.metrics_public_key, settings.metrics_public_key_file)
        return public_key(told) if told else None
    except ValueError as error:
        name = "METRICS_PUBLIC_KEY" if settings.metrics_public_key else "METRICS_PUBLIC_KEY_FILE"
        raise WrongSettingError(name, str(error)) from None


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"carillon account key\0" + key).digest()[:ID]
