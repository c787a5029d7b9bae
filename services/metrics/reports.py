"""What reports are made of: sums over samples, counts and tallies, worked out by the database."""

import datetime as time
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Text, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from services.metrics.tables import FollowerCount, Heard, People, Publication, Tally
from services.metrics.views import (
    Campaign,
    Day,
    Days,
    FollowersOn,
    HeardPage,
    HeardView,
    Measurement,
    Measurements,
    PeopleOn,
    Sums,
)

SUMS = text(
    """
    SELECT p.channel, s.key AS metric, sum(s.value::bigint)::bigint AS total
    FROM publication AS p, jsonb_each_text(p.latest) AS s
    WHERE p.campaign = :campaign AND s.key <> ALL (:means) GROUP BY p.channel, s.key
    """
).bindparams(bindparam("means", type_=ARRAY(Text)))
MEANS = ["watched_mean"]
"""Metrics that cannot be added up."""
POSTS = text(
    """
    SELECT channel, count(*) AS posts, count(measured_at) AS measured
    FROM publication WHERE campaign = :campaign GROUP BY channel ORDER BY channel
    """
)
# One row a moment: what was told, the unpaid share of it, and what was awaited; a moment may have only one of them.
TAKEN = text(
    """
    WITH told AS (
        SELECT taken_at, max(age_seconds) AS age, jsonb_object_agg(metric, value) AS said,
               coalesce(jsonb_object_agg(metric, organic) FILTER (WHERE organic IS NOT NULL), '{}') AS organic
        FROM sample WHERE post = :post AND taken_at > :after GROUP BY taken_at
    ), expected AS (
        SELECT taken_at, max(age_seconds) AS age, jsonb_agg(metric ORDER BY metric) AS metrics
        FROM awaited WHERE post = :post AND taken_at > :after GROUP BY taken_at
    )
    SELECT taken_at, coalesce(t.age, e.age) AS age, coalesce(t.said, '{}') AS said,
           coalesce(t.organic, '{}') AS organic, coalesce(e.metrics, '[]') AS awaited
    FROM told AS t FULL JOIN expected AS e USING (taken_at) ORDER BY taken_at LIMIT :limit
    """
).bindparams(bindparam("after", type_=DateTime(timezone=True)))
BEGINNING = time.datetime(1, 1, 1, tzinfo=time.UTC)


async def measurements(post: UUID, after: time.datetime | None, limit: int, db: AsyncSession) -> Measurements | None:
    """Return a public post with some of its measurements; None when it is not known."""
    known = await db.get(Publication, post)
    if known is None:
        return None
    rows = await db.execute(TAKEN, {"post": post, "after": after or BEGINNING, "limit": limit + 1})
    found = [
        Measurement(measured_at=at, age_seconds=age, values=values, organic=organic, awaited=awaited)
        for at, age, values, organic, awaited in rows
    ]
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


async def latest_followers(db: AsyncSession, as_of: time.date | None = None) -> Mapping[str, FollowersOn]:
    """Return every channel's newest count, of a day or earlier if one is given."""
    query = (
        select(FollowerCount)
        .ext(distinct_on(FollowerCount.channel))
        .order_by(FollowerCount.channel, FollowerCount.day.desc())
    )
    if as_of:
        query = query.where(FollowerCount.day <= as_of)
    return {row.channel: FollowersOn(day=row.day, count=row.count) for row in await db.scalars(query)}


async def followers(channel: str, after: time.date | None, limit: int, db: AsyncSession) -> list[FollowersOn]:
    """Return a channel's counts after a day, the oldest first."""
    query = select(FollowerCount).where(FollowerCount.channel == channel).order_by(FollowerCount.day).limit(limit)
    if after:
        query = query.where(FollowerCount.day > after)
    return [FollowersOn(day=row.day, count=row.count) for row in await db.scalars(query)]


async def people(channel: str, after: time.date | None, limit: int, db: AsyncSession) -> list[PeopleOn]:
    """Return who followed a channel after a day, the oldest first."""
    query = select(People).where(People.channel == channel).order_by(People.day).limit(limit)
    if after:
        query = query.where(People.day > after)
    return [PeopleOn.model_validate(row) for row in await db.scalars(query)]


async def heard(
    channel: str | None, since: time.datetime | None, cursor: str | None, limit: int, db: AsyncSession
) -> HeardPage:
    """Return what was heard after a cursor, in the order in which it was."""
    query = select(Heard).order_by(Heard.seq).limit(limit + 1)
    if channel:
        query = query.where(Heard.channels.contains([channel]))
    if since:
        query = query.where(Heard.at >= since)
    if cursor:
        query = query.where(Heard.seq > int(cursor))
    found = (await db.scalars(query)).all()
    page = found[:limit]
    return HeardPage(
        heard=[HeardView.model_validate(row) for row in page],
        next=str(page[-1].seq) if len(found) > limit else None,
    )


async def campaign(name: str, db: AsyncSession) -> Campaign | None:
    """Return what a campaign reached; None when no public post belongs to it."""
    counted = (await db.execute(POSTS, {"campaign": name})).all()
    if not counted:
        return None
    values: dict[str, dict[str, int]] = {row.channel: {} for row in counted}
    for row in await db.execute(SUMS, {"campaign": name, "means": MEANS}):
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
