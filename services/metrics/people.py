"""People: who follows each channel, by country and age, once a week where its platform says."""

import json
from datetime import datetime, timedelta

from sqlalchemy import Date, bindparam, text

from services.metrics.cadence import day_of
from services.metrics.rounds import Round, Rounds
from shared.adapter.contract import Account, Http, Measurer
from shared.adapter.contract import People as Told
from shared.database import Session

WEEK = timedelta(days=7)

KEEP = text(
    """
    INSERT INTO people (channel, day, countries, ages, taken_at)
    VALUES (:channel, :day, CAST(:countries AS jsonb), CAST(:ages AS jsonb), :now)
    ON CONFLICT (channel, day) DO UPDATE
    SET countries = excluded.countries, ages = excluded.ages, taken_at = excluded.taken_at
    """
).bindparams(bindparam("day", type_=Date))


class People(Rounds[Told]):
    """Claim channels whose week is over, ask their platform, keep what it says."""

    name = "people"

    async def ask(self, measurer: Measurer, account: Account, http: Http, claim: Round) -> Told:
        """Ask who follows the channel."""
        return await measurer.people(account, http)

    def next(self, channel: str, now: datetime) -> datetime:
        """Return the same time in a week."""
        return now + WEEK

    async def keep(self, claim: Round, answer: Told, now: datetime, db: Session) -> None:
        """Keep what was said; a platform that does not say leaves no row."""
        if not answer.countries and not answer.ages:
            return
        values = {"countries": json.dumps(dict(answer.countries)), "ages": json.dumps(dict(answer.ages))}
        day = day_of(now, self._accounts.zone_of(claim.channel))
        await db.execute(KEEP, values | {"channel": claim.channel, "day": day, "now": now})
