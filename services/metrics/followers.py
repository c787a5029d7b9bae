"""Followers: count who follows each channel, once in every day of the channel's zone."""

from datetime import datetime

from prometheus_client import Gauge
from sqlalchemy import Date, bindparam, text

from services.metrics.cadence import day_of, next_count
from services.metrics.rounds import Round, Rounds
from shared.adapter.contract import Account, Http, Measurer
from shared.database import Session

FOLLOWERS = Gauge("carillon_metrics_followers", "Followers of a channel at the last count", ["channel"])

KEEP = text(
    """
    INSERT INTO follower_count AS f (channel, day, count, taken_at) VALUES (:channel, :day, :count, :now)
    ON CONFLICT (channel, day) DO UPDATE SET count = excluded.count, taken_at = excluded.taken_at
    """
).bindparams(bindparam("day", type_=Date))


class Followers(Rounds[int]):
    """Claim channels whose day has begun, ask their platform, keep the count."""

    name = "followers"

    async def ask(self, measurer: Measurer, account: Account, http: Http, claim: Round) -> int:
        """Ask how many follow the channel."""
        return await measurer.followers(account, http)

    def next(self, channel: str, now: datetime) -> datetime:
        """Return when the channel's next day has begun."""
        return next_count(now, self._accounts.zone_of(channel))

    async def keep(self, claim: Round, answer: int, now: datetime, db: Session) -> None:
        """Keep the day's last count."""
        day = day_of(now, self._accounts.zone_of(claim.channel))
        await db.execute(KEEP, {"channel": claim.channel, "day": day, "count": answer, "now": now})
        FOLLOWERS.labels(claim.channel).set(answer)
