"""What is due when it is planned is announced in the same transaction; what is not waits for the scheduler."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.handlers import Planner
from services.publisher.settings import PublisherSettings
from shared.content import Timing
from tests.publisher.conftest import CONFIG, Publisher, approved, requested


@pytest.fixture
def planner(settings: PublisherSettings, engine: AsyncEngine) -> Publisher:
    return Publisher(engine, Planner(settings, lambda: CONFIG))


async def test_due_at_once_is_announced_at_once(planner: Publisher) -> None:
    request = requested()
    assert await planner.hear(request) == []
    assert await planner.hear(approved(request)) == ["post.due"]
    assert await planner.state(request.post) == "due"


async def test_the_other_order_is_the_same(planner: Publisher) -> None:
    request = requested()
    await planner.hear(approved(request))
    assert await planner.hear(request) == ["post.due"]


async def test_due_later_waits_for_the_scheduler(planner: Publisher) -> None:
    request = requested(timing=Timing(publish_at=datetime.now(UTC) + timedelta(minutes=1)))
    assert await planner.hear(request, approved(request)) == ["post.scheduled"]
    assert await planner.state(request.post) == "planned"


async def test_a_post_of_a_channel_that_is_off_stays_planned(planner: Publisher) -> None:
    request = requested(channel="rehearsal/bluesky")
    assert await planner.hear(request, approved(request)) == ["post.scheduled"]
    assert await planner.state(request.post) == "planned"


async def test_a_post_whose_time_is_over_stays_planned(planner: Publisher) -> None:
    now = datetime.now(UTC)
    request = requested(timing=Timing(publish_at=now - timedelta(hours=2), not_after=now - timedelta(hours=1)))
    assert await planner.hear(request, approved(request)) == ["post.scheduled"]


async def test_an_edit_that_was_approved_before_it_came_is_announced(planner: Publisher) -> None:
    first = requested()
    edited = requested("Hello again", post=first.post, revision=2)
    assert await planner.hear(first, approved(edited)) == []
    assert await planner.hear(edited) == ["post.change_settled", "post.due"]


async def test_an_edit_that_nobody_approved_waits(planner: Publisher) -> None:
    first = requested()
    edited = requested("Hello again", post=first.post, revision=2)
    assert await planner.hear(first, edited) == ["post.change_settled"]
    assert await planner.state(first.post) == "awaiting"


async def test_a_post_that_must_follow_another_stays_planned(planner: Publisher) -> None:
    first = requested()
    request = requested(after=first.post)
    assert await planner.hear(request, approved(request)) == ["post.scheduled"]
    assert await planner.state(request.post) == "planned"
