"""The address of an upload, which is as good as a token: kept sealed, for whoever has the account's own token.

What is done so far stands in the database and in its backups, so the address must not stand there in clear. It is
good for an hour; one sealed with a token that was renewed since can't be opened, and is as if it were over.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

from shared.adapter.contract import Account

GOOD_FOR = 3_600
"""Seconds (content-posting-api-reference-direct-post: upload_url is valid for one hour)."""


def seal(address: str, account: Account) -> str:
    """Return the address so that only the account's token opens it."""
    return _lock(account).encrypt(address.encode()).decode()


def opened(sealed: str | None, account: Account) -> str | None:
    """Return the address; None where there is none, its hour is over, or the token is another one now."""
    try:
        return _lock(account).decrypt(sealed, ttl=GOOD_FOR).decode() if sealed else None
    except InvalidToken:
        return None


def _lock(account: Account) -> Fernet:
    secret = f"tiktok upload address\0{account.secrets.get('access_token', '')}"
    return Fernet(urlsafe_b64encode(sha256(secret.encode()).digest()))
