"""What the clock does to accounts: ends are watched and shown, old seals renewed, unfinished sign-ins forgotten."""

from collections.abc import Sequence
from math import inf

import structlog
from prometheus_client import Gauge
from sqlalchemy import text

from services.publisher.grants import about
from services.publisher.seal import Keys, SealError
from services.publisher.settings import PublisherSettings
from services.publisher.tables import AccountState
from shared.database import Row, Session
from shared.events import Event

log = structlog.get_logger()

DAYS_LEFT = Gauge(
    "carillon_token_days_left",
    "Days until a channel's owner must let us in again at the latest; +Inf where no end is known",
    ["channel"],
)
STATES = Gauge("carillon_account_state", "1 for the state that a channel's account is in", ["channel", "state"])
OLD_SEALS = Gauge("carillon_account_old_seals", "Accounts that are not yet sealed with the first of ACCOUNT_KEYS")

OFTEN = 30.0
"""Seconds between two looks."""
SOME = 50

EXPIRING = text(
    """
    UPDATE account SET state = 'expiring'
    WHERE state = 'connected' AND ends_at <= now() + make_interval(days => 1) * :soon RETURNING channel, ends_at
    """
)
# What can be renewed has a date; of the rest, only the end is waited for.
OVER = text(
    """
    UPDATE account SET state = 'reconnect', reason = 'its token is over, and nothing renews it'
    WHERE state <> 'reconnect' AND due_at IS NULL AND expires_at <= now() RETURNING channel
    """
)
STANDING = text(
    """
    SELECT channel, state, (extract(epoch FROM CASE
        WHEN state = 'reconnect' THEN greatest(coalesce(expires_at, now()) - now(), interval '0')
        ELSE ends_at - now() END) / 86400)::float AS days
    FROM account
    """
)
"""Each account with the days that are left to it: once it must be connected again, those of its last token."""
OLD = """
    FROM account WHERE sealed IS NOT NULL AND (
        key_id <> :newest OR encode(substring(previous FROM 2 FOR 8), 'hex') <> :newest)
"""
OLD_ONES = text(f"SELECT channel, sealed, previous {OLD} ORDER BY channel LIMIT :most FOR UPDATE SKIP LOCKED")
COUNT_OLD = text(f"SELECT count(*) {OLD}")
RESEAL = text("UPDATE account SET sealed = :sealed, key_id = :newest, previous = :previous WHERE channel = :channel")
FORGET = text("DELETE FROM connection WHERE ends_at <= now()")


class Watch:
    """Looks at all accounts again and again; two of them at once are safe."""

    def __init__(self, keys: Keys, settings: PublisherSettings) -> None:
        self._keys = keys
        self._soon = settings.expiring_days

    async def tick(self, db: Session) -> tuple[Sequence[Event], float | None]:
        """Write down whose end is near or here, renew old seals, forget sign-ins that nobody finished."""
        for row in await db.execute(EXPIRING, {"soon": self._soon}):
            log.warning("an account's owner must let us in again soon", channel=row.channel, until=str(row.ends_at))
        for row in await db.execute(OVER):
            log.error("an account must be connected again", channel=row.channel, reason="its token is over")
        await self._reseal(db)
        await db.execute(FORGET)
        _show((await db.execute(STANDING)).all())
        return (), OFTEN

    async def _reseal(self, db: Session) -> None:
        """Seal some that are sealed with an older key with the first one; the rest has its turn next."""
        if (newest := self._keys.newest) is None:
            return
        for row in await db.execute(OLD_ONES, {"newest": newest, "most": SOME}):
            try:
                sealed = self._again(row.channel, row.sealed)
                previous = row.previous and self._again(row.channel, row.previous)
            except SealError as error:
                log.error("an account cannot be sealed anew", channel=row.channel, reason=str(error))
                continue
            values = {"channel": row.channel, "sealed": sealed, "previous": previous, "newest": newest}
            await db.execute(RESEAL, values)
            log.info("an account is sealed with the newest key", channel=row.channel)
        OLD_SEALS.set((await db.execute(COUNT_OLD, {"newest": newest})).scalar_one())

    def _again(self, channel: str, sealed: bytes) -> bytes:
        return self._keys.seal(self._keys.open(sealed, about(channel)), about(channel)).bytes


def _show(rows: Sequence[Row]) -> None:
    DAYS_LEFT.clear()
    STATES.clear()
    for row in rows:
        DAYS_LEFT.labels(row.channel).set(inf if row.days is None else row.days)
        for state in AccountState:
            STATES.labels(row.channel, state).set(row.state == state)
