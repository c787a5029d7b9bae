"""Followers of every channel are counted daily, over real HTTP."""

from datetime import UTC, datetime

from services.metrics.cadence import day_of
from tests.metrics.conftest import Metrics, Platforms

COUNTS = "SELECT channel, day, count FROM follower_count ORDER BY channel, day"
COUNTED = ["foundation/bluesky", "foundation/mastodon", "rehearsal/mastodon", "wikipedia/bluesky"]


async def test_every_channel_is_counted_once_a_day(metrics: Metrics, platforms: Platforms) -> None:
    await platforms.set_followers(bluesky={"wikipedia.org": 51_966})
    assert sorted(await metrics.count_followers()) == COUNTED
    rows = {row.channel: row for row in await metrics.rows(COUNTS)}
    assert sorted(rows) == COUNTED
    assert rows["wikipedia/bluesky"].count == 51_966
    assert rows["wikipedia/bluesky"].day == day_of(datetime.now(UTC), "America/Sao_Paulo")
    assert await metrics.count_followers() == []


async def test_the_next_day_is_counted_anew(metrics: Metrics, platforms: Platforms) -> None:
    await metrics.count_followers()
    await metrics.pass_time(25 * 3_600)
    await platforms.set_followers(bluesky={"wikipedia.org": 60_000})
    assert sorted(await metrics.count_followers()) == COUNTED  # the same day here, so the day's last count stays
    rows = await metrics.rows(COUNTS)
    assert [row.count for row in rows if row.channel == "wikipedia/bluesky"] == [60_000]


async def test_a_count_that_fails_is_missing_and_made_up_for(metrics: Metrics, platforms: Platforms) -> None:
    await platforms.fault("bluesky", times=2)
    await metrics.count_followers()
    assert {row.channel for row in await metrics.rows(COUNTS)} == {"foundation/mastodon", "rehearsal/mastodon"}
    await metrics.pass_time(60)
    assert sorted(await metrics.count_followers()) == ["foundation/bluesky", "wikipedia/bluesky"]
    assert len(await metrics.rows(COUNTS)) == 4


async def test_few_at_once(metrics: Metrics) -> None:
    counted = [await metrics.count_followers(1) for _ in range(5)]
    assert sorted(name for some in counted for name in some) == COUNTED
    assert [len(some) for some in counted] == [1, 1, 1, 1, 0]
