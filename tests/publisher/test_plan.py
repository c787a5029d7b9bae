"""What is due when it is planned is announced in the same transaction; what is not waits for the scheduler."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.plan import planning
from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from shared.channels import Registry
from shared.content import Timing
from tests.publisher.conftest import Publisher, approved, requested
from tests.publisher.test_schedule import CONFIG


@pytest.fixture
def planner(settings: PublisherSettings, engine: AsyncEngine) -> Publisher:
    return on(CONFIG, settings, engine)


def on(registry: Registry, settings: PublisherSettings, engine: AsyncEngine) -> Publisher:
    return Publisher(engine, planning(Scheduler(settings, lambda: registry)))


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


async def test_the_scheduler_s_rules_hold(settings: PublisherSettings, engine: AsyncEngine) -> None:
    planner = on(CONFIG, settings, engine)
    request = requested(channel="rehearsal/bluesky")
    assert await planner.hear(request, approved(request)) == ["post.held"]


async def test_a_post_that_must_follow_another_stays_planned(planner: Publisher) -> None:
    first = requested()
    request = requested(after=first.post)
    assert await planner.hear(request, approved(request)) == ["post.scheduled"]
    assert await planner.state(request.post) == "planned"
