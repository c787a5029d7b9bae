"""What operators see of all deliveries: how many are in which state, and how long the oldest of them has waited.

Counted in the database every quarter of a minute, up to `MOST` rows a state. What is beyond that, and what has ended,
is PostgreSQL's own estimate: counting a million rows again and again would cost more than it tells.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import time

from prometheus_client import Gauge
from sqlalchemy import text

from services.publisher.life import ENDED, WATCHED, State, quoted
from shared.channels import Registry
from shared.database import Row, Session
from shared.events import Event

STATES = Gauge(
    "carillon_deliveries",
    "Posts by state; what is awaiting, planned or ended has no platform, and may be an estimate",
    ["state", "platform"],
)
OLDEST = Gauge(
    "carillon_deliveries_oldest_seconds",
    "How long ago the oldest post of a state was to be public; uncertain: was tried; needs_review: came to need it",
    ["state", "platform"],
)
LATE = Gauge(
    "carillon_oldest_due_seconds",
    "How long ago the longest waiting post was due that nothing but us holds back; 0 when there is none",
    ["platform"],
)
COUNTED = Gauge("carillon_deliveries_counted_timestamp_seconds", "When deliveries were counted last")

EVERY = 15.0
"""Seconds between two counts."""
MOST = 10_000
"""Rows of one state that are counted; for more, what PostgreSQL thinks must do."""
BUSY = (State.HELD, State.DUE, State.ATTEMPTING, State.PENDING, State.UNCERTAIN, State.NEEDS_REVIEW)
"""States with few rows, unless something is wrong: counted by platform."""
IDLE = (State.AWAITING, State.PLANNED)
"""States in which nothing happens for days: there may be a million of them."""

PLAIN = text("SET LOCAL jit = off")
"""Compiling these statements would take longer than running them."""
# A first try is late from the time that was planned for. What the platform is still at, or what is looked up, is no
# longer ours to send: the ages of its state tell.
BUSY_ONES = text(
    f"""
    SELECT state, platform, count(*) AS posts, max(age)::float AS oldest, max(late)::float AS late FROM (
        SELECT one.state, coalesce(one.platform, '') AS platform,
            extract(epoch FROM now() - CASE one.state
                WHEN 'uncertain' THEN coalesce(one.tried_at, one.publish_at)
                WHEN 'needs_review' THEN (SELECT max(at) FROM transition t WHERE t.post = one.post)
                ELSE one.publish_at END) AS age,
            CASE WHEN one.state = 'due' OR one.state = 'attempting' AND NOT one.unproven AND one.resume = '{{}}'::jsonb
                THEN extract(epoch FROM now() - one.publish_at) END AS late
        FROM unnest(ARRAY[{quoted(BUSY)}]) AS busy (state), LATERAL (
            SELECT * FROM delivery d
            WHERE d.state = busy.state AND d.state NOT IN ('published', 'awaiting', 'planned')
            ORDER BY d.post LIMIT {MOST}) AS one
    ) AS ones GROUP BY state, platform
    """  # noqa: S608 - constants
)
# Those that are looked at soonest, of whatever state. A post that was tried and is to be tried again is late; one that
# was not is only where the scheduler is: quiet hours, spacing, a quota and the post before it set another time.
SOONEST = text(
    f"""
    SELECT state, platform, count(*) AS posts, max(late)::float AS late FROM (
        SELECT state, coalesce(platform, '') AS platform, CASE WHEN state = 'planned' THEN extract(epoch FROM now() -
            CASE WHEN tries > 0 THEN publish_at ELSE due_at END) END AS late
        FROM delivery WHERE state IN ({quoted(WATCHED)}) ORDER BY due_at LIMIT {MOST}
    ) AS ones GROUP BY state, platform
    """  # noqa: S608 - constants
)
ESTIMATES = text(
    """
    SELECT known.state, (table_.reltuples * known.share)::float AS posts
    FROM pg_class table_
    JOIN pg_namespace place ON place.oid = table_.relnamespace
    JOIN pg_stats told ON told.schemaname = place.nspname AND told.tablename = table_.relname,
        unnest(told.most_common_vals::text::text[], told.most_common_freqs) AS known (state, share)
    WHERE table_.oid = to_regclass('delivery') AND told.attname = 'state' AND table_.reltuples >= 0
    """
)


class Census:
    """Counts, again and again; two of them at once are harmless."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry

    async def tick(self, db: Session) -> tuple[Sequence[Event], float | None]:
        """Count, and let Prometheus see it."""
        await db.execute(PLAIN)
        busy, soonest = (await db.execute(BUSY_ONES)).all(), (await db.execute(SOONEST)).all()
        estimates = {row.state: row.posts for row in await db.execute(ESTIMATES)}
        platforms = {channel.platform for channel in self._registry().channels.values()}
        platforms |= {row.platform for row in (*busy, *soonest) if row.platform}
        _show_busy(busy, platforms)
        _show_idle(soonest, estimates)
        for platform in platforms:
            late = (row.late or 0 for row in (*busy, *soonest) if row.platform == platform)
            LATE.labels(platform).set(max((0.0, *late)))
        COUNTED.set(time())
        return (), EVERY


def _show_busy(rows: Iterable[Row], platforms: Iterable[str]) -> None:
    found = {(row.state, row.platform): row for row in rows}
    for platform in platforms:
        for state in BUSY:
            row = found.get((state, platform))
            STATES.labels(state, platform).set(row.posts if row else 0)
            OLDEST.labels(state, platform).set(max(0.0, row.oldest or 0.0) if row else 0)


def _show_idle(soonest: Sequence[Row], estimates: Mapping[str, float]) -> None:
    whole = sum(row.posts for row in soonest) < MOST
    for state in IDLE:
        counted = sum(row.posts for row in soonest if row.state == state)
        STATES.labels(state, "").set(counted if whole else max(counted, estimates.get(state, 0)))
    for state in ENDED:
        STATES.labels(state, "").set(estimates.get(state, 0))
