"""Content identifiers: DAG-CBOR encoding of records, CIDs of records and blobs (CIDv1, SHA-256, base32)."""

import base64
import binascii
import hashlib
import struct
from functools import lru_cache
from typing import Any

RAW, DAG_CBOR = 0x55, 0x71
_CID_TAG = b"\xd8\x2a"


class UnencodableError(ValueError):
    """The value can't be part of a record."""


def blob_cid(data: bytes) -> str:
    """Return the CID of a blob's bytes."""
    return _cid(RAW, hashlib.sha256(data).digest())


def record_cid(record: object) -> str:
    """Return the CID of a record in its JSON form; raises UnencodableError."""
    try:
        return _cid(DAG_CBOR, hashlib.sha256(encode(record)).digest())
    except RecursionError as error:
        raise UnencodableError("nested too deeply") from error


def commit_cid(description: str) -> str:
    """Return a CID that stands for a commit; the sandbox keeps no tree of commits that it could be the hash of."""
    return _cid(DAG_CBOR, hashlib.sha256(description.encode()).digest())


def encode(value: Any) -> bytes:
    """Return the DAG-CBOR form of a JSON value, `$link` and `$bytes` included; raises UnencodableError."""
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, dict):
        return _special(value) if len(value) == 1 and ("$link" in value or "$bytes" in value) else _map(value)
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(encode, value))
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    raise UnencodableError(f"{type(value).__name__} {str(value)[:40]} is not allowed in a record")


def _map(value: dict[str, Any]) -> bytes:
    parts = [_head(5, len(value))]
    for key in sorted(value, key=_order):
        parts += (_name(key), encode(value[key]))
    return b"".join(parts)


@lru_cache(maxsize=256)
def _order(key: str) -> tuple[int, bytes]:
    """Return what keys are ordered by; the same few come with every record."""
    raw = key.encode()
    return len(raw), raw


@lru_cache(maxsize=256)
def _name(key: str) -> bytes:
    return _head(3, len(key.encode())) + key.encode()


def _special(value: dict[str, Any]) -> bytes:
    name, text = next(iter(value.items()))
    if not isinstance(text, str):
        raise UnencodableError(f"{name} must be a string")
    try:
        if name == "$link":
            link = b"\x00" + base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
            return _CID_TAG + _head(2, len(link)) + link
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnencodableError(f"{name} can't be decoded") from error
    return _head(2, len(data)) + data


def _head(major: int, number: int) -> bytes:
    kind = major << 5
    if number < 24:
        return bytes((kind | number,))
    for size, form in ((1, ">BB"), (2, ">BH"), (4, ">BI"), (8, ">BQ")):
        if number < 1 << 8 * size:
            return struct.pack(form, kind | 23 + size.bit_length(), number)
    raise UnencodableError("number too big")


def _cid(codec: int, digest: bytes) -> str:
    return "b" + base64.b32encode(bytes((1, codec, 0x12, 0x20)) + digest).decode().lower().rstrip("=")
