"""Followers: count who follows each channel, once in every day of the channel's zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import ARRAY, Text, bindparam, text

from services.metrics.accounts import Accounts
from services.metrics.cadence import day_of, next_count, pause
from services.metrics.settings import MetricsSettings
from shared.adapter.errors import PlatformError, TryLater
from shared.database import Session
from shared.events import Event

log = structlog.get_logger()

FOLLOWERS = Gauge("carillon_metrics_followers", "Followers of a channel at the last count", ["channel"])
FAILED = Counter("carillon_metrics_follower_counts_failed_total", "Counts that the platform did not give", ["channel"])

CLAIM = text(
    """
    WITH new AS (
        INSERT INTO audience (channel, fence, due_at)
        SELECT c, 1, now() + CAST(:lease AS interval) FROM unnest(:channels) AS c
        WHERE NOT EXISTS (SELECT FROM audience WHERE channel = c) LIMIT :most
        ON CONFLICT DO NOTHING RETURNING channel, fence, tries
    ), due AS (
        SELECT channel FROM audience WHERE due_at <= now() AND channel = ANY(:channels)
        ORDER BY due_at LIMIT greatest(0, :most - (SELECT count(*) FROM new)) FOR UPDATE SKIP LOCKED
    ), old AS (
        UPDATE audience AS a SET fence = fence + 1, due_at = now() + CAST(:lease AS interval)
        FROM due WHERE a.channel = due.channel RETURNING a.channel, a.fence, a.tries
    )
    SELECT * FROM new UNION ALL SELECT * FROM old
    """
).bindparams(bindparam("channels", type_=ARRAY(Text)))
NEXT = text(
    """
    SELECT CASE WHEN count(*) < cardinality(:channels) THEN 0.0
           ELSE extract(epoch FROM min(due_at) - now())::float END
    FROM audience WHERE channel = ANY(:channels)
    """
).bindparams(bindparam("channels", type_=ARRAY(Text)))
LATER = text("UPDATE audience SET due_at = :due_at, tries = :tries WHERE channel = :channel AND fence = :fence")
KEEP = text(
    """
    WITH kept AS (
        UPDATE audience SET due_at = :due_at, tries = 0 WHERE channel = :channel AND fence = :fence RETURNING channel
    )
    INSERT INTO follower_count AS f (channel, day, count, taken_at) SELECT channel, :day, :count, :now FROM kept
    ON CONFLICT (channel, day) DO UPDATE SET count = excluded.count, taken_at = excluded.taken_at
    """
)
NOW = text("SELECT clock_timestamp()")


@dataclass(frozen=True, slots=True)
class Counting:
    """A channel whose followers are being counted."""

    channel: str
    fence: int
    tries: int
    traceparent: None = None

    @property
    def subject(self) -> str:
        """The channel."""
        return self.channel


@dataclass(frozen=True, slots=True)
class Failed:
    """The platform did not tell."""

    after: float | None = None


class Followers:
    """Claim channels whose day has begun, ask their platform, keep the count."""

    name = "followers"

    def __init__(self, accounts: Accounts, settings: MetricsSettings) -> None:
        self._accounts = accounts
        self._settings = settings

    async def claim(self, most: int, db: Session) -> Sequence[Counting]:
        """Claim channels that are due, and those that are new in the registry."""
        lease = timedelta(seconds=self._settings.collect_lease_seconds)
        rows = await db.execute(CLAIM, {"channels": self._channels(), "most": most, "lease": lease})
        return [Counting(row.channel, row.fence, row.tries) for row in rows]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next channel is due."""
        seconds: float | None = (await db.execute(NEXT, {"channels": self._channels()})).scalar()
        return seconds

    async def call(self, claim: Counting) -> int | Failed:
        """Ask how many follow the channel."""
        try:
            measurer, account, http = self._accounts.of(claim.channel)
            return await measurer.followers(account, http)
        except PlatformError as error:
            FAILED.labels(claim.channel).inc()
            log.warning("followers could not be counted", channel=claim.channel, reason=error.reason)
            return Failed(error.after if isinstance(error, TryLater) else None)

    async def settle(self, claim: Counting, outcome: int | Failed, db: Session) -> Sequence[Event]:
        """Keep the day's count, or ask again later; a count that failed is missing, never zero."""
        now: datetime = (await db.execute(NOW)).scalar_one()
        mine = {"channel": claim.channel, "fence": claim.fence}
        if isinstance(outcome, Failed):
            due_at = now + pause(claim.tries, outcome.after)
            await db.execute(LATER, mine | {"due_at": due_at, "tries": claim.tries + 1})
            return ()
        zone = self._accounts.zone_of(claim.channel)
        when = {"now": now, "day": day_of(now, zone), "due_at": next_count(now, zone)}
        await db.execute(KEEP, mine | when | {"count": outcome})
        FOLLOWERS.labels(claim.channel).set(outcome)
        return ()

    def _channels(self) -> list[str]:
        return [channel.id for channel in self._accounts.counted(even_off=self._settings.count_channels_off)]
