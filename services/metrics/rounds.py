"""Rounds: what is asked about a channel as a whole: claim the channels whose turn has come, ask, keep the answer."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter
from sqlalchemy import ARRAY, DateTime, Text, bindparam, text

from services.metrics.accounts import Accounts, Closed
from services.metrics.cadence import LONGEST_PAUSE, pause
from services.metrics.settings import MetricsSettings
from shared.adapter.contract import Account, Http, Measurer
from shared.adapter.errors import PlatformError, Rejected, TryLater
from shared.channels import Channel
from shared.database import Session
from shared.events import Event

log = structlog.get_logger()

FAILED = Counter(
    "carillon_metrics_rounds_failed_total", "Questions that the platform did not answer", ["act", "channel"]
)

CLAIM = text(
    """
    WITH new AS (
        INSERT INTO round (act, channel, fence, due_at)
        SELECT :act, c, 1, now() + CAST(:lease AS interval) FROM unnest(:channels) AS c
        WHERE NOT EXISTS (SELECT FROM round WHERE act = :act AND channel = c) LIMIT :most
        ON CONFLICT DO NOTHING RETURNING channel, fence, tries, since
    ), due AS (
        SELECT channel FROM round WHERE act = :act AND due_at <= now() AND channel = ANY(:channels)
        ORDER BY due_at LIMIT greatest(0, :most - (SELECT count(*) FROM new)) FOR UPDATE SKIP LOCKED
    ), old AS (
        UPDATE round AS r SET fence = fence + 1, due_at = now() + CAST(:lease AS interval)
        FROM due WHERE r.act = :act AND r.channel = due.channel RETURNING r.channel, r.fence, r.tries, r.since
    )
    SELECT *, clock_timestamp() AS began FROM (SELECT * FROM new UNION ALL SELECT * FROM old) AS claimed
    """
).bindparams(bindparam("act", type_=Text), bindparam("channels", type_=ARRAY(Text)))
NEXT = text(
    """
    SELECT CASE WHEN count(*) < cardinality(:channels) THEN 0.0
           ELSE extract(epoch FROM min(due_at) - now())::float END
    FROM round WHERE act = :act AND channel = ANY(:channels)
    """
).bindparams(bindparam("act", type_=Text), bindparam("channels", type_=ARRAY(Text)))
SETTLE = text(
    """
    UPDATE round SET due_at = :due_at, tries = :tries, since = coalesce(:since, since)
    WHERE act = :act AND channel = :channel AND fence = :fence RETURNING channel
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)), bindparam("due_at", type_=DateTime(timezone=True)))
NOW = text("SELECT clock_timestamp()")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Round:
    """A channel that is being asked about."""

    channel: str
    fence: int
    tries: int
    since: datetime | None
    """Up to when an earlier round has heard everything, where that matters."""
    began: datetime
    traceparent: None = None

    @property
    def subject(self) -> str:
        """The channel."""
        return self.channel


@dataclass(frozen=True, slots=True)
class Failed:
    """The platform did not tell; `after` says in how many seconds to ask again, if it said that much."""

    after: float | None = None
    closed: bool = False
    """Whether there is no account to ask with: no failure, and nothing was sent."""
    final: bool = False
    """Whether asking again soon would not help: the platform does not tell this of this account."""


class Rounds(ABC, Generic[T]):
    """An act that asks one question about every channel; a subclass says which, when again, and what is kept."""

    name: str

    def __init__(self, accounts: Accounts, settings: MetricsSettings) -> None:
        self._accounts = accounts
        self._settings = settings

    def channels(self) -> Iterable[Channel]:
        """Return the channels that are asked about."""
        return self._accounts.counted(even_off=self._settings.count_channels_off)

    @abstractmethod
    async def ask(self, measurer: Measurer, account: Account, http: Http, claim: Round) -> T:
        """Ask the platform; raises PlatformError."""

    @abstractmethod
    def next(self, channel: str, now: datetime) -> datetime:
        """Return when a channel that has answered now is asked about again."""

    @abstractmethod
    async def keep(self, claim: Round, answer: T, now: datetime, db: Session) -> None:
        """Keep what was answered."""

    async def claim(self, most: int, db: Session) -> Sequence[Round]:
        """Claim channels that are due, and those that are new in the registry."""
        lease = timedelta(seconds=self._settings.collect_lease_seconds)
        rows = await db.execute(CLAIM, {"act": self.name, "channels": self._ids(), "most": most, "lease": lease})
        return [Round(row.channel, row.fence, row.tries, row.since, row.began) for row in rows]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next channel is due."""
        seconds: float | None = (await db.execute(NEXT, {"act": self.name, "channels": self._ids()})).scalar()
        return seconds

    async def call(self, claim: Round) -> T | Failed:
        """Ask about one channel; what fails is missing, never zero."""
        try:
            return await self._accounts.ask(
                claim.channel, self.name, lambda measurer, account, http: self.ask(measurer, account, http, claim)
            )
        except Closed:
            return Failed(closed=True)
        except PlatformError as error:
            FAILED.labels(self.name, claim.channel).inc()
            log.warning("a channel did not answer", act=self.name, channel=claim.channel, reason=error.reason)
            return Failed(error.after if isinstance(error, TryLater) else None, final=isinstance(error, Rejected))

    async def settle(self, claim: Round, outcome: T | Failed, db: Session) -> Sequence[Event]:
        """Keep the answer, or ask again later, where the channel is still ours."""
        now: datetime = (await db.execute(NOW)).scalar_one()
        if isinstance(outcome, Failed):
            tries = 0 if outcome.closed else claim.tries + 1
            await self._settled(claim, self._again(claim, outcome, now), tries, None, db)
        elif await self._settled(claim, self.next(claim.channel, now), 0, claim.began, db):
            await self.keep(claim, outcome, now, db)
        return ()

    def _again(self, claim: Round, outcome: Failed, now: datetime) -> datetime:
        """Return when a channel that did not answer is asked about again."""
        if outcome.closed:
            return now + LONGEST_PAUSE  # costs nothing, and an account may have come
        soon = now + pause(claim.tries, outcome.after)
        return max(soon, self.next(claim.channel, now)) if outcome.final else soon

    async def _settled(self, claim: Round, due_at: datetime, tries: int, since: datetime | None, db: Session) -> bool:
        values = {"act": self.name, "channel": claim.channel, "fence": claim.fence}
        return bool(await db.execute(SETTLE, values | {"due_at": due_at, "tries": tries, "since": since}))

    def _ids(self) -> list[str]:
        return [channel.id for channel in self.channels()]
