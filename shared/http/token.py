"""Service tokens of one's own: `python -m shared.http.token --tool NAME --scope posts:write …` prints one.

The key pair is made when there is none. Where the Foundation's identity provider issues tokens, nobody needs this.
"""

import argparse
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from shared.events import Trust
from shared.http.auth import ALGORITHM, SCOPES, TOOL


def make_key_pair(private: Path, public: Path) -> Ed25519PrivateKey:
    """Return the private key of a file; when it is missing, make a pair, of which only the owner may read it."""
    private.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = _private_key(private)
    else:
        key = Ed25519PrivateKey.generate()
        with os.fdopen(handle, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if not public.exists():
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return key


def issue(
    key: Ed25519PrivateKey,
    tool: str,
    scopes: Iterable[str],
    *,
    trust: Trust = Trust.GUEST,
    lasting: timedelta = timedelta(days=30),
    audience: str = "carillon",
    issuer: str | None = None,
) -> str:
    """Return a token by which `tool` may do what the scopes say."""
    now = datetime.now(UTC)
    claims: dict[str, object] = {
        "sub": tool,
        "scope": " ".join(scopes),
        "trust": trust.value,
        "aud": audience,
        "iat": now,
        "exp": now + lasting,
    }
    claims |= {"iss": issuer} if issuer else {}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def main() -> None:
    """Print a token."""
    parser = argparse.ArgumentParser(prog="python -m shared.http.token", description="Issue a service token.")
    parser.add_argument("--tool", required=True, type=_tool, help="the tool that will call")
    parser.add_argument("--scope", action="append", choices=list(SCOPES), help="what it may do; repeat for more (all)")
    parser.add_argument("--trust", choices=[t.value for t in Trust], default=Trust.GUEST.value)
    parser.add_argument("--days", type=_days, default=30, help="how long the token is valid (30)")
    parser.add_argument(
        "--key", type=Path, default=Path(".local/keys/jwt.pem"), help="the private key, made when missing"
    )
    parser.add_argument("--audience", default="carillon", help="JWT_AUDIENCE of the services")
    parser.add_argument("--issuer", help="JWT_ISSUER of the services")
    asked = parser.parse_args()
    key = make_key_pair(asked.key, asked.key.with_suffix(".pub.pem"))
    print(
        issue(
            key,
            asked.tool,
            asked.scope or list(SCOPES),
            trust=Trust(asked.trust),
            lasting=timedelta(days=asked.days),
            audience=asked.audience,
            issuer=asked.issuer,
        )
    )


def _private_key(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit(f"{path} is not an Ed25519 key; move it away, and a new pair is made")
    return key


def _tool(value: str) -> str:
    if not TOOL.fullmatch(value):
        raise argparse.ArgumentTypeError("letters, digits and . _ : @ / - only, 128 at the most")
    return value


def _days(value: str) -> float:
    days = float(value)
    if not 0 < days <= 366:
        raise argparse.ArgumentTypeError("more than 0 and 366 at the most")
    return days


if __name__ == "__main__":
    main()
