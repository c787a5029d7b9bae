"""The accounts that publish: what was granted and lies sealed in the database, else what ACCOUNTS_FILE says."""

from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.grants import about, hidden, read
from services.publisher.seal import Keys, SealError
from services.publisher.tables import AccountState
from shared import accounts
from shared.adapter.contract import Account, Published
from shared.adapter.errors import PlatformError, TryLater, Unauthorized
from shared.database import Row, is_trouble, statements

log = structlog.get_logger()

REMEMBERED = 5.0
"""Seconds that an opened account is used again without a look into the database."""
SECRETS = 4
"""Secrets of a channel that are still known when a platform repeats them: a call ends before so many are renewed."""
PUBLIC = "identifier"
"""What stands beside a password and is no secret: the account's handle."""

READ = text("SELECT sealed, state, account_id, expires_at, version, reason FROM account WHERE channel = :channel")
# The platform lets us in no longer: the refresher looks at once, unless it did a moment ago.
LOOK = text(
    """
    UPDATE account SET due_at = now()
    WHERE channel = :channel AND version = :version AND sealed IS NOT NULL AND state <> 'reconnect'
        AND checked_at < now() - interval '10 minutes'
    """
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Opened:
    account: Account
    version: int
    """0 for what the file says."""
    until: float


class Accounts:
    """Accounts by channel, each read with one query and then remembered for some seconds."""

    def __init__(self, file: accounts.Accounts, engine: AsyncEngine, keys: Keys) -> None:
        self._file = file
        self._engine = engine
        self._keys = keys
        self._opened: dict[str, _Opened] = {}
        self._handed: dict[str, deque[str]] = {}
        """The last secrets of each channel: a call that began with one may end when there is another."""

    async def of(self, channel: str) -> Account:
        """Return a channel's account; raises Unauthorized when there is none, TryLater when it cannot be read now."""
        known = self._opened.get(channel)
        if known is None or known.until < monotonic():
            known = self._opened[channel] = await self._open(channel)
            self._remember(known.account)
        return known.account

    async def heard(self, channel: str, outcome: T) -> T:
        """Return what a platform said, without the account's secrets; forget the account if it was refused."""
        secrets = self._handed.get(channel, ())
        if isinstance(outcome, PlatformError):
            outcome.reason = hidden(outcome.reason, secrets)
        if isinstance(outcome, Unauthorized) and (known := self._opened.pop(channel, None)):
            await self._refused(channel, known)
        if isinstance(outcome, Published) and outcome.unsaid:
            return replace(outcome, unsaid=hidden(outcome.unsaid, secrets))
        return outcome

    def _remember(self, account: Account) -> None:
        handed = self._handed.setdefault(account.channel, deque(maxlen=SECRETS))
        secrets = {value for name, value in account.secrets.items() if name != PUBLIC}
        handed.extend(secrets.difference(handed))

    async def _open(self, channel: str) -> _Opened:
        try:
            async with statements(self._engine) as db:
                row = (await db.execute(READ, {"channel": channel})).one_or_none()
        except Exception as error:
            if not is_trouble(error):
                raise
            raise TryLater("the account cannot be read: the database does not answer") from error
        until = monotonic() + REMEMBERED
        if row is None:
            return _Opened(self._file.of(channel), 0, until)
        return _Opened(self._granted(channel, row), row.version, until)

    def _granted(self, channel: str, row: Row) -> Account:
        known = self._file.open(channel)
        over = row.expires_at is not None and row.expires_at <= datetime.now(UTC)
        if known is None or row.sealed is None or (over and row.state == AccountState.RECONNECT):
            raise Unauthorized(f"{channel} must be connected again: {row.reason or 'it is not in the registry'}")
        try:
            grant = read(self._keys.open(row.sealed, about(channel)))
        except SealError as error:
            raise Unauthorized(str(error)) from None
        return replace(known, secrets={"access_token": grant.access_token}, id=row.account_id or known.id)

    async def _refused(self, channel: str, known: _Opened) -> None:
        try:
            async with statements(self._engine) as db:
                await db.execute(LOOK, {"channel": channel, "version": known.version})
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("the refresher was not told that an account was refused", channel=channel)
