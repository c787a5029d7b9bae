"""What is due is announced, what is too late expires, what may not go is held; all by the database's clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from shared.content import Timing
from shared.database import begin
from shared.events import Event
from tests.publisher.conftest import CONFIG, Publisher, approved, refused, requested


@pytest.fixture
def scheduler(settings: PublisherSettings) -> Scheduler:
    return Scheduler(settings, lambda: CONFIG)


async def tick(scheduler: Scheduler, engine: AsyncEngine) -> list[Event]:
    async with begin(engine) as db:
        caused, _ = await scheduler.tick(db)
    return [event for event, _ in caused]


async def names(scheduler: Scheduler, engine: AsyncEngine) -> list[str]:
    return [event.name for event in await tick(scheduler, engine)]


def at(seconds: float, not_after: float | None = None) -> Timing:
    now = datetime.now(UTC)
    late = now + timedelta(seconds=not_after) if not_after is not None else None
    return Timing(publish_at=now + timedelta(seconds=seconds), not_after=late)


async def test_what_is_due_is_announced_once(scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine) -> None:
    request = requested(timing=at(-1))
    await publisher.hear(request, approved(request))
    (event,) = await tick(scheduler, engine)
    assert (event.name, event.routing_key, event.subject) == ("post.due", "post.due.bluesky", str(request.post))
    assert await tick(scheduler, engine) == []
    assert await publisher.state(request.post) == "due"


async def test_what_is_not_due_waits(scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine) -> None:
    request = requested(timing=at(60))
    await publisher.hear(request, approved(request))
    async with begin(engine) as db:
        events, rest = await scheduler.tick(db)
    assert events == []
    assert rest is not None
    assert 50 < rest <= 60


async def test_what_nobody_claimed_is_announced_again(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested(timing=at(-1))
    await publisher.hear(request, approved(request))
    await tick(scheduler, engine)
    await pass_time(engine)
    assert await names(scheduler, engine) == ["post.due"]


async def test_what_was_due_long_ago_is_found_soon(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested(timing=at(60, not_after=120))
    await publisher.hear(request, approved(request))
    assert await tick(scheduler, engine) == []
    await publisher.force("due_at = now() - interval '1 hour'")
    async with asyncio.timeout(5):
        while not (events := await tick(scheduler, engine)):
            pass
    assert [event.name for event in events] == ["post.due"]


async def test_what_was_never_approved_expires(scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine) -> None:
    request = requested(timing=at(-10, not_after=-1))
    await publisher.hear(request)
    assert await names(scheduler, engine) == ["post.expired"]
    assert await publisher.hear(approved(request)) == []
    assert await publisher.state(request.post) == "expired"


async def test_what_nobody_judges_expires_without_being_told_when(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested()
    await publisher.hear(request)
    row = await publisher.row(request.post)
    assert row.due_at == row.not_after == row.publish_at + timedelta(hours=2)


@pytest.mark.parametrize(
    ("pending", "ends"),
    [
        ("touched = false", "expired"),
        ("touched = true", "pending"),
        ("touched = true, not_after = now() - interval '2 hours'", "needs_review"),
    ],
)
async def test_what_a_platform_is_still_at_does_not_wait_for_ever(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine, pending: str, ends: str
) -> None:
    request = requested(timing=at(-10, not_after=-1))
    await publisher.hear(request, approved(request))
    await publisher.force(f"state = 'pending', {pending}")
    said = {"expired": "post.expired", "pending": "post.due", "needs_review": "post.uncertain"}
    assert await names(scheduler, engine) == [said[ends]]
    assert await publisher.state(request.post) == ends


async def test_an_approval_too_late_is_no_post(scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine) -> None:
    request = requested(timing=at(-10, not_after=-1))
    await publisher.hear(request, approved(request))
    assert await names(scheduler, engine) == ["post.expired"]


async def test_a_refused_post_expires_in_its_time(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested(timing=at(-10, not_after=30))
    await publisher.hear(request, approved(request), refused(request))
    assert await names(scheduler, engine) == []
    await pass_time(engine)
    async with begin(engine) as db:
        await db.execute(text("UPDATE delivery SET not_after = now() - interval '1 second'"))
    assert await names(scheduler, engine) == ["post.expired"]


async def test_a_channel_that_is_off_holds_its_posts(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested(timing=at(-1), channel="rehearsal/bluesky")
    await publisher.hear(request, approved(request))
    assert await names(scheduler, engine) == ["post.held"]
    await pass_time(engine)
    assert await names(scheduler, engine) == []
    assert await publisher.state(request.post) == "held"


async def test_a_post_waits_for_the_one_before_it(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    first = requested("one", timing=at(60))
    second = requested("two", timing=at(-1), after=first.post)
    await publisher.hear(first, approved(first), second, approved(second))
    assert await names(scheduler, engine) == []
    await publisher.force("state = 'published'", first.post)
    await pass_time(engine)
    (event,) = await tick(scheduler, engine)
    assert event.subject == str(second.post)


async def test_what_its_worker_left_is_uncertain(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested(timing=at(-1))
    await publisher.hear(request, approved(request))
    await publisher.force("state = 'attempting', lease_until = now() - interval '1 second'")
    assert await names(scheduler, engine) == ["post.uncertain", "post.due"]
    assert await publisher.state(request.post) == "uncertain"


async def test_a_begun_thread_that_ran_out_of_time_is_a_question(
    scheduler: Scheduler, publisher: Publisher, engine: AsyncEngine
) -> None:
    request = requested(timing=at(-10, not_after=-1))
    await publisher.hear(request, approved(request))
    await publisher.force("""resume = '{"parts": ["at://one"]}', touched = true""")
    assert await names(scheduler, engine) == ["post.uncertain"]
    assert await publisher.state(request.post) == "needs_review"


async def test_two_schedulers_announce_each_post_once(
    settings: PublisherSettings, publisher: Publisher, engine: AsyncEngine
) -> None:
    requests = [requested(str(n), timing=at(-1)) for n in range(20)]
    for request in requests:
        await publisher.hear(request, approved(request))
    one, two = (Scheduler(settings, lambda: CONFIG) for _ in range(2))
    async with begin(engine) as first, begin(engine) as second:
        some, _ = await one.tick(first)
        more, _ = await two.tick(second)
    assert len(some) + len(more) == len(requests)


async def pass_time(engine: AsyncEngine) -> None:
    """Let the time come at which rows are looked at again."""
    async with begin(engine) as db:
        await db.execute(text("UPDATE delivery SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL"))
