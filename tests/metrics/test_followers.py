"""Followers of every channel are counted daily, over real HTTP."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from services.metrics.accounts import CLOSED
from services.metrics.cadence import day_of, next_count
from services.metrics.followers import Followers
from services.metrics.rounds import Round
from services.metrics.settings import MetricsSettings
from shared.adapter.contract import Account, Http, Measurer
from shared.adapter.errors import Rejected
from shared.channels import Stance, load
from shared.platforms import specs
from tests.metrics.conftest import CONFIG, Metrics, Platforms, let_in

COUNTS = "SELECT channel, day, count FROM follower_count ORDER BY channel, day"
PUBLIC = ["foundation/bluesky", "foundation/mastodon", "rehearsal/mastodon", "wikipedia/bluesky"]
"""Channels in use whose platforms tell anybody."""
COUNTED = sorted(
    one.id for one in load(CONFIG).channels.values() if one.platform in specs() and one.stance is not Stance.OFF
)


async def test_every_channel_is_counted_once_a_day(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings)
    await platforms.set_followers(bluesky={"wikipedia.org": 51_966}, instagram={"wikipedia": 376_270})
    assert sorted(await metrics.count_followers()) == COUNTED
    rows = {row.channel: row for row in await metrics.rows(COUNTS)}
    assert sorted(rows) == COUNTED
    assert (rows["wikipedia/bluesky"].count, rows["wikipedia/instagram"].count) == (51_966, 376_270)
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
    counted = [await metrics.count_followers(1) for _ in range(len(COUNTED) + 1)]
    assert sorted(name for some in counted for name in some) == COUNTED
    assert [len(some) for some in counted] == [1] * len(COUNTED) + [0]


async def test_without_an_account_a_channel_is_not_counted_and_says_so_once(
    metrics: Metrics, settings: MetricsSettings
) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            await metrics.count_followers()
            await metrics.pass_time(3_601)
    assert sorted({row.channel for row in await metrics.rows(COUNTS)}) == PUBLIC
    said = [entry for entry in logs if entry["channel"] == "wikipedia/instagram"]
    assert [entry["event"] for entry in said] == ["not asked: the platform tells accounts only"]
    assert "ACCOUNTS_FILE" in said[0]["remedy"]
    assert CLOSED.labels("wikipedia/instagram", "followers")._value.get() == 1
    assert CLOSED.labels("wikipedia/bluesky", "followers")._value.get() == 0
    let_in(settings, "wikipedia/instagram")
    assert "wikipedia/instagram" in await metrics.count_followers()
    assert "wikipedia/instagram" in {row.channel for row in await metrics.rows(COUNTS)}
    assert CLOSED.labels("wikipedia/instagram", "followers")._value.get() == 0


class Hidden(Followers):
    """Followers of channels that hide them."""

    async def ask(self, measurer: Measurer, account: Account, http: Http, claim: Round) -> int:
        raise Rejected("hidden")


async def test_what_a_platform_will_not_tell_is_asked_for_at_the_next_turn(
    metrics: Metrics, settings: MetricsSettings
) -> None:
    hidden = Hidden(metrics.accounts, settings)
    await metrics.go_round(hidden)
    now = datetime.now(UTC)
    expected = (next_count(now, "America/Sao_Paulo") - now).total_seconds()
    assert await metrics.round_in(hidden, "wikipedia/bluesky") == pytest.approx(max(30, expected), abs=30)


async def test_who_follows_is_asked_once_a_week_where_the_platform_says(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings)
    await platforms.set_followers(instagram={"wikipedia": 376_270})
    assert sorted(await metrics.go_round(metrics.people)) == COUNTED
    rows = {row.channel: row for row in await metrics.rows("SELECT channel, countries, ages FROM people")}
    assert "wikipedia/bluesky" not in rows  # says nothing, so nothing is kept
    assert rows["wikipedia/instagram"].countries
    await metrics.pass_time(6 * 86_400)
    assert await metrics.go_round(metrics.people) == []
    await metrics.pass_time(86_400)
    assert sorted(await metrics.go_round(metrics.people)) == COUNTED
