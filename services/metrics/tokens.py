"""The access tokens that publisher tells of: kept as they came, sealed, and opened in memory when they are needed."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Self

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.metrics.settings import MetricsSettings
from shared import box
from shared.adapter.errors import TryLater
from shared.database import Row, is_trouble, statements
from shared.settings import WrongSettingError

log = structlog.get_logger()

REMEMBERED = 5.0
"""Seconds that an opened token is used again without a look into the database."""

READ = text(
    """
    SELECT sealed, account_id FROM token
    WHERE channel = :channel AND sealed <> '' AND (expires_at IS NULL OR expires_at > now())
    """
)


@dataclass(frozen=True, slots=True)
class Token:
    """What opens an account, and the platform's own id of it."""

    access: str = field(repr=False)
    account_id: str


class Tokens:
    """Tokens by channel; `key`: what opens them, None where there is no key."""

    def __init__(self, engine: AsyncEngine, key: X25519PrivateKey | None) -> None:
        self._engine = engine
        self._key = key
        self._opened: dict[str, tuple[float, Token | None]] = {}

    @classmethod
    def of(cls, engine: AsyncEngine, settings: MetricsSettings) -> Self:
        """Read the key that the settings hold or name; raises WrongSettingError."""
        given = settings.metrics_private_key.get_secret_value() if settings.metrics_private_key else None
        try:
            told = box.said_or_filed(given, settings.metrics_private_key_file)
            return cls(engine, box.private_key(told) if told else None)
        except ValueError as error:
            raise WrongSettingError(
                "METRICS_PRIVATE_KEY" if given else "METRICS_PRIVATE_KEY_FILE", str(error)
            ) from None

    async def token_of(self, channel: str) -> Token | None:
        """Return a channel's token; None where publisher told of none that is still good, or nothing opens it.

        Raises TryLater when it cannot be read now.
        """
        if self._key is None:
            return None
        until, token = self._opened.get(channel, (0.0, None))
        if until < monotonic():
            row = await self._read(channel)
            token = self._open(channel, row, self._key) if row else None
            self._opened[channel] = monotonic() + REMEMBERED, token
        return token

    def forget(self, channel: str) -> None:
        """Look into the database at the next question: the platform did not take the token."""
        self._opened.pop(channel, None)

    async def _read(self, channel: str) -> Row | None:
        try:
            async with statements(self._engine) as db:
                found: Row | None = (await db.execute(READ, {"channel": channel})).one_or_none()
        except Exception as error:
            if not is_trouble(error):
                raise
            raise TryLater("the token cannot be read: the database does not answer") from error
        return found

    def _open(self, channel: str, row: Row, key: X25519PrivateKey) -> Token | None:
        try:
            return Token(box.open_box(row.sealed, key, channel), row.account_id)
        except box.BoxError as error:
            remedy = "METRICS_PRIVATE_KEY must belong to publisher's METRICS_PUBLIC_KEY"
            log.error("a token cannot be opened", channel=channel, reason=str(error), remedy=remedy)
            return None
