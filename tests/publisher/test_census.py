"""What operators see of all deliveries: right when there are few, bounded when there are many."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher import census
from services.publisher.census import BUSY_ONES, MOST, PLAIN, SOONEST, Census
from services.publisher.life import ENDED, State
from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from shared.content import Timing
from shared.database import begin
from tests.publisher.conftest import CONFIG, Publisher, approved, requested

MANY = 60_000


def seen(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, {"platform": "bluesky", **labels})
    assert value is not None, f"{name}{labels} is not there"
    return value


@pytest.fixture
async def post(publisher: Publisher) -> Any:
    """An approved post whose time was an hour ago."""
    request = requested(timing=Timing(publish_at=datetime.now(UTC) - timedelta(hours=1)))
    await publisher.hear(request, approved(request))
    return request.post


async def count(engine: AsyncEngine) -> None:
    async with begin(engine) as db:
        _, rest = await Census(lambda: CONFIG).tick(db)
    assert rest == census.EVERY


async def test_without_posts_there_is_nothing_late(publisher: Publisher, engine: AsyncEngine) -> None:
    await count(engine)
    assert seen("carillon_oldest_due_seconds") == 0
    assert {seen("carillon_deliveries", state=state) for state in census.BUSY} == {0}
    assert {seen("carillon_deliveries", state=state, platform="") for state in census.IDLE} == {0}


@pytest.mark.parametrize(
    ("is_", "late"),
    [
        ("state = 'due', due_at = now() + interval '1 minute'", 3600),
        ("state = 'attempting', lease_until = now()", 3600),
        ("due_at = now() - interval '10 seconds'", 10),
        ("due_at = now() + interval '1 minute'", 0),
        ("due_at = now() + interval '1 minute', tries = 1", 3600),
        ("state = 'held'", 0),
        ("state = 'awaiting'", 0),
        ("state = 'pending'", 0),
        ("state = 'attempting', unproven = true", 0),
        ("state = 'uncertain', tried_at = now() - interval '5 minutes'", 0),
        ("state = 'published'", 0),
    ],
)
async def test_late_is_what_only_we_hold_back(
    post: Any, publisher: Publisher, engine: AsyncEngine, is_: str, late: float
) -> None:
    await publisher.force(is_, post)
    await count(engine)
    assert late <= seen("carillon_oldest_due_seconds") < late + 10


async def test_what_is_announced_stays_late_until_it_is_out(
    settings: PublisherSettings, post: Any, publisher: Publisher, engine: AsyncEngine
) -> None:
    async with begin(engine) as db:
        await Scheduler(settings, lambda: CONFIG).tick(db)
    assert await publisher.state(post) == "due"
    await count(engine)
    assert seen("carillon_oldest_due_seconds") > 3590
    await publisher.force("state = 'published', due_at = NULL", post)
    await count(engine)
    assert seen("carillon_oldest_due_seconds") == 0


async def test_the_unproven_are_as_old_as_their_try_and_the_open_questions_as_they_are_open(
    post: Any, publisher: Publisher, engine: AsyncEngine
) -> None:
    await publisher.force("state = 'uncertain', tried_at = now() - interval '5 minutes'", post)
    await count(engine)
    assert seen("carillon_deliveries", state="uncertain") == 1
    assert 300 <= seen("carillon_deliveries_oldest_seconds", state="uncertain") < 310
    async with begin(engine) as db:
        await db.execute(text("UPDATE delivery SET state = 'needs_review' WHERE post = :post"), {"post": post})
    await count(engine)
    assert seen("carillon_deliveries", state="uncertain") == 0
    assert seen("carillon_deliveries", state="needs_review") == 1
    assert seen("carillon_deliveries_oldest_seconds", state="needs_review") < 10


async def test_a_lease_that_overran_is_counted(
    settings: PublisherSettings, post: Any, publisher: Publisher, engine: AsyncEngine
) -> None:
    def overrun() -> float:
        return REGISTRY.get_sample_value("carillon_leases_overrun_total", {"platform": "bluesky"}) or 0

    before = overrun()
    await publisher.force("state = 'attempting', lease_until = now() - interval '1 second'", post)
    async with begin(engine) as db:
        await Scheduler(settings, lambda: CONFIG).tick(db)
    assert overrun() == before + 1


async def test_many_posts_are_not_walked_through(publisher: Publisher, engine: AsyncEngine) -> None:
    """No count reads more rows than `MOST` of a state, however many there are."""
    async with begin(engine) as db:
        await db.execute(
            text(
                """
                INSERT INTO delivery (post, state, due_at, platform, publish_at)
                SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN 'planned' WHEN n % 3 = 1 THEN 'held'
                    ELSE 'cancelled' END, now() + make_interval(secs => n), 'bluesky', now()
                FROM generate_series(1, :many) AS n
                """
            ),
            {"many": MANY},
        )
        await db.execute(text("ANALYZE delivery"))
    await count(engine)
    assert seen("carillon_deliveries", state="held") == MOST
    assert seen("carillon_deliveries", state="planned", platform="") == pytest.approx(MANY / 3, rel=0.1)
    assert seen("carillon_deliveries", state="cancelled", platform="") == pytest.approx(MANY / 3, rel=0.1)
    async with begin(engine) as db:
        await db.execute(PLAIN)
        for statement in (BUSY_ONES, SOONEST):
            plans = (await db.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}"))).scalar_one()
            assert max(rows_read(plans[0]["Plan"])) < MOST * 1.01  # they are averages


def rows_read(plan: dict[str, Any]) -> Iterator[float]:
    """Yield how many rows each part of a plan took or threw away."""
    yield (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from rows_read(part)


def test_every_state_is_counted_in_one_way() -> None:
    ways = [*census.BUSY, *census.IDLE, *ENDED]
    assert sorted(ways) == sorted(State)
