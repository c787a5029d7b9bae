"""What metrics remembers of what it hears."""

from uuid import uuid4

import pytest

from services.metrics.settings import MetricsSettings
from shared.events import PostFailed, PostHeld
from tests.metrics.conftest import Metrics, published


async def test_a_public_post_is_kept_and_measured_after_an_hour(metrics: Metrics) -> None:
    event = published("at://a/b/c", campaign="wiki25", parts=("at://a/b/c", "at://a/b/d"))
    await metrics.hear(event)
    (row,) = await metrics.rows("SELECT * FROM publication")
    assert (row.post, row.channel, row.platform, row.campaign) == (event.post, "wikipedia/bluesky", "bluesky", "wiki25")
    assert row.parts == ["at://a/b/c", "at://a/b/d"]
    assert row.published_at == event.published_at
    assert '"tool": "test"' in row.brief if isinstance(row.brief, str) else row.brief["requester"]["tool"] == "test"
    assert await metrics.due_in(event.post) == pytest.approx(3_600, abs=60)


async def test_a_post_that_is_told_twice_is_kept_once(metrics: Metrics) -> None:
    event = published("1")
    await metrics.hear(event, event)
    assert [(r.event, r.count) for r in await metrics.rows("SELECT * FROM tally")] == [("post.published", 1)]


async def test_what_happens_on_the_way_is_counted_by_day(metrics: Metrics) -> None:
    failed = PostFailed(post=uuid4(), remedy="rejected", reason="no")
    await metrics.hear(failed, PostHeld(post=uuid4(), reason="crisis"), failed)
    rows = await metrics.rows("SELECT event, count FROM tally ORDER BY event")
    assert [tuple(row) for row in rows] == [("post.failed", 2), ("post.held", 1)]


def test_settings_of_the_demo() -> None:
    settings = MetricsSettings(_env_file=None, measure_ages="2s,5s,1h")
    assert [age.total_seconds() for age in settings.ages] == [2, 5, 3_600]
