"""What reports are made of: sums over samples, counts and tallies, worked out by the database."""

import datetime as time
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from services.metrics.tables import FollowerCount, Publication, Sample, Tally
from services.metrics.views import Campaign, Day, Days, FollowersOn, Measurement, Measurements, Sums

SUMS = text(
    """
    SELECT p.channel, s.key AS metric, sum(s.value::bigint)::bigint AS total
    FROM publication AS p, jsonb_each_text(p.latest) AS s WHERE p.campaign = :campaign GROUP BY p.channel, s.key
    """
)
POSTS = text(
    """
    SELECT channel, count(*) AS posts, count(measured_at) AS measured
    FROM publication WHERE campaign = :campaign GROUP BY channel ORDER BY channel
    """
)
LATEST = (
    select(FollowerCount)
    .ext(distinct_on(FollowerCount.channel))
    .order_by(FollowerCount.channel, FollowerCount.day.desc())
)


async def measurements(post: UUID, after: time.datetime | None, limit: int, db: AsyncSession) -> Measurements | None:
    """Return a public post with some of its measurements; None when it is not known."""
    known = await db.get(Publication, post)
    if known is None:
        return None
    query = (
        select(Sample.taken_at, func.max(Sample.age_seconds), func.jsonb_object_agg(Sample.metric, Sample.value))
        .where(Sample.post == post)
        .group_by(Sample.taken_at)
        .order_by(Sample.taken_at)
        .limit(limit + 1)
    )
    if after:
        query = query.where(Sample.taken_at > after)
    found = [Measurement(measured_at=at, age_seconds=age, values=v) for at, age, v in (await db.execute(query)).all()]
    page = found[:limit]
    return Measurements(
        post=known.post,
        channel=known.channel,
        external_id=known.external_id,
        permalink=known.permalink,
        parts=known.parts,
        published_at=known.published_at,
        campaign=known.campaign,
        measured_next=known.due_at,
        measurements=page,
        next=page[-1].measured_at if len(found) > limit else None,
    )


async def latest_followers(db: AsyncSession) -> Mapping[str, FollowersOn]:
    """Return every channel's newest count."""
    return {row.channel: FollowersOn(day=row.day, count=row.count) for row in await db.scalars(LATEST)}


async def followers(channel: str, after: time.date | None, limit: int, db: AsyncSession) -> list[FollowersOn]:
    """Return a channel's counts after a day, the oldest first."""
    query = select(FollowerCount).where(FollowerCount.channel == channel).order_by(FollowerCount.day).limit(limit)
    if after:
        query = query.where(FollowerCount.day > after)
    return [FollowersOn(day=row.day, count=row.count) for row in await db.scalars(query)]


async def campaign(name: str, db: AsyncSession) -> Campaign | None:
    """Return what a campaign reached; None when no public post belongs to it."""
    counted = (await db.execute(POSTS, {"campaign": name})).all()
    if not counted:
        return None
    values: dict[str, dict[str, int]] = {row.channel: {} for row in counted}
    for row in await db.execute(SUMS, {"campaign": name}):
        # A post that became public between the two statements is in the next report.
        values.setdefault(row.channel, {})[row.metric] = row.total
    channels = {c.channel: Sums(posts=c.posts, measured=c.measured, values=values[c.channel]) for c in counted}
    total: Counter[str] = Counter()
    for sums in channels.values():
        total.update(sums.values)
    return Campaign(
        campaign=name,
        posts=sum(s.posts for s in channels.values()),
        measured=sum(s.measured for s in channels.values()),
        values=dict(total),
        channels=channels,
    )


async def days(after: time.date | None, limit: int, db: AsyncSession) -> Days:
    """Return how often what happened, day by day."""
    query = (
        select(Tally.day, func.jsonb_object_agg(Tally.event, Tally.count))
        .group_by(Tally.day)
        .order_by(Tally.day)
        .limit(limit + 1)
    )
    if after:
        query = query.where(Tally.day > after)
    found = [Day(day=day, events=events) for day, events in (await db.execute(query)).all()]
    page = found[:limit]
    return Days(days=page, next=page[-1].day if len(found) > limit else None)
