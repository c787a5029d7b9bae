"""A sealed box: anybody who has the public key can close it, only the holder of the private one can open it.

An ephemeral X25519 key agrees on a secret with the receiver's (RFC 7748); HKDF-SHA-256 (RFC 5869) makes of it the key
of one AES-256-GCM message. The sender keeps nothing with which it could be opened again. `python -m shared.box` prints
a new pair of keys, each as 64 hexadecimal digits.
"""

import base64
import binascii
import re
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")
SIZE = 32
_USE = b"carillon sealed box 1"
_NONCE = bytes(12)
"""Each key is used once, so the nonce need not differ."""


class BoxError(Exception):
    """The box cannot be opened: it was closed for another key or about something else, or it is damaged."""


def close(text: str, key: X25519PublicKey, about: str) -> str:
    """Return the text sealed to a public key, as base64; it opens only for the same `about`."""
    own = X25519PrivateKey.generate()
    sender = own.public_key().public_bytes_raw()
    secret = own.exchange(key)
    sealed = AESGCM(_derived(secret, sender, key)).encrypt(_NONCE, text.encode(), about.encode())
    return base64.b64encode(sender + sealed).decode()


def open_box(box: str, key: X25519PrivateKey, about: str) -> str:
    """Return what was sealed; raises BoxError."""
    try:
        raw = base64.b64decode(box, validate=True)
        sender, sealed = raw[:SIZE], raw[SIZE:]
        secret = key.exchange(X25519PublicKey.from_public_bytes(sender))
        return AESGCM(_derived(secret, sender, key.public_key())).decrypt(_NONCE, sealed, about.encode()).decode()
    except (binascii.Error, ValueError, InvalidTag) as error:
        raise BoxError(f"the box about {about} cannot be opened ({type(error).__name__})") from None


def public_key(digits: str) -> X25519PublicKey:
    """Read a public key; raises ValueError, which does not repeat it."""
    return X25519PublicKey.from_public_bytes(key_bytes(digits))


def private_key(digits: str) -> X25519PrivateKey:
    """Read a private key; raises ValueError, which does not repeat it."""
    return X25519PrivateKey.from_private_bytes(key_bytes(digits))


def key_bytes(digits: str) -> bytes:
    """Read 32 bytes; raises ValueError, which does not repeat them."""
    if not HEX_KEY.fullmatch(digits.strip()):
        raise ValueError("give 64 hexadecimal digits, which are 32 bytes")
    return bytes.fromhex(digits.strip())


def said_or_filed(value: str | None, file: Path | None) -> str | None:
    """Return a key that a setting holds, or a file names, in this order; raises ValueError for a file without one."""
    if value or file is None:
        return value
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"its file cannot be read ({type(error).__name__})") from None


def new_pair() -> tuple[str, str]:
    """Return a new private key and its public one."""
    key = X25519PrivateKey.generate()
    return key.private_bytes_raw().hex(), key.public_key().public_bytes_raw().hex()


def _derived(secret: bytes, sender: bytes, receiver: X25519PublicKey) -> bytes:
    """Bind the key to both public keys, as RFC 9180 does."""
    info = _USE + sender + receiver.public_bytes_raw()
    return HKDF(SHA256(), SIZE, salt=None, info=info).derive(secret)


if __name__ == "__main__":
    private, public = new_pair()
    print(f"METRICS_PRIVATE_KEY={private}\nMETRICS_PUBLIC_KEY={public}")
