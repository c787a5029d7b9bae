"""A part waits for the one before it, and for its channel's hours; why it ended is said."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from shared.channels import QuietHours, Registry
from shared.content import Priority, Timing
from shared.database import begin
from shared.events import Event, PostExpired, PostRequested
from tests.publisher.conftest import CONFIG, Publisher, approved, cancelled, requested

NOW = datetime.now(UTC)


def quiet() -> Registry:
    """Return a registry in which the hours around this moment are quiet for Bluesky."""
    hours = QuietHours(
        start=(NOW - timedelta(hours=1)).time().replace(microsecond=0),
        end=(NOW + timedelta(hours=3)).time().replace(microsecond=0),
    )
    channel = CONFIG.channels["wikipedia/bluesky"].model_copy(update={"zone": "UTC", "quiet": hours})
    return Registry({**CONFIG.channels, channel.id: channel}, CONFIG.owners, CONFIG.strategy, "0" * 64, ())


async def tick(publisher: Publisher, settings: PublisherSettings, registry: Registry = CONFIG) -> list[Event]:
    async with begin(publisher.engine) as db:
        await db.execute(text("UPDATE delivery SET due_at = now() WHERE due_at < now() + interval '10 seconds'"))
        caused, _ = await Scheduler(settings, lambda: registry).tick(db)
    return [event for event, _ in caused]


async def series(publisher: Publisher, *, minutes: float = 60) -> tuple[PostRequested, PostRequested]:
    """Ask for two parts; the first is not due yet, the second would be."""
    late = datetime.now(UTC) + timedelta(minutes=minutes)
    first = requested("one", timing=Timing(publish_at=datetime.now(UTC) + timedelta(minutes=5)))
    second = requested("two", timing=Timing(publish_at=datetime.now(UTC), not_after=late), after=first.post)
    await publisher.hear(first, approved(first), second, approved(second, minutes=90))
    return first, second


async def test_a_part_waits_and_says_so(publisher: Publisher, settings: PublisherSettings) -> None:
    _, second = await series(publisher)
    assert await tick(publisher, settings) == []
    row = await publisher.row(second.post)
    assert (row.state, row.reason) == ("planned", "it waits for the post before it")


@pytest.mark.parametrize("state", ["attempting", "uncertain", "needs_review", "failed", "held"])
async def test_what_may_still_become_public_is_waited_for(
    publisher: Publisher, settings: PublisherSettings, state: str
) -> None:
    first, second = await series(publisher)
    await publisher.force(f"state = '{state}', due_at = NULL", first.post)
    assert await tick(publisher, settings) == []
    assert await publisher.state(second.post) == "planned"
    await publisher.force("not_after = now()", second.post)
    (said,) = await tick(publisher, settings)
    assert isinstance(said, PostExpired)
    as_told = state.replace("_", " ")
    assert said.reason == f"its time ran out while the post that it follows, {first.post}, was {as_told}"


async def test_what_follows_an_expired_post_ends_at_once(publisher: Publisher, settings: PublisherSettings) -> None:
    first, second = await series(publisher)
    await publisher.force("state = 'expired', due_at = NULL", first.post)
    (said,) = await tick(publisher, settings)
    assert said == PostExpired(
        post=second.post,
        revision=1,
        reason=f"the post that it follows, {first.post}, will never be public: it is expired",
    )
    assert await publisher.state(second.post) == "expired"


async def test_what_follows_a_cancelled_post_ends_at_once(publisher: Publisher, settings: PublisherSettings) -> None:
    first, second = await series(publisher)
    await publisher.hear(cancelled(first))
    assert [event.name for event in await tick(publisher, settings)] == ["post.expired"]
    assert (await publisher.row(second.post)).reason.endswith("will never be public: it is cancelled")


async def test_a_part_of_which_something_is_public_is_no_less_finished(
    publisher: Publisher, settings: PublisherSettings
) -> None:
    first, second = await series(publisher)
    await publisher.force("state = 'expired', due_at = NULL", first.post)
    await publisher.force("touched = true", second.post)
    assert await tick(publisher, settings) == []
    assert await publisher.state(second.post) == "planned"


async def test_nobody_knows_the_post_before_it(publisher: Publisher, settings: PublisherSettings) -> None:
    _, second = await series(publisher)
    await publisher.force("after = gen_random_uuid(), not_after = now()", second.post)
    (said,) = await tick(publisher, settings)
    assert isinstance(said, PostExpired)
    assert said.reason.endswith("was unknown")


async def test_quiet_hours_are_waited_for_until_they_end(publisher: Publisher, settings: PublisherSettings) -> None:
    request = requested(timing=Timing(publish_at=NOW, not_after=NOW + timedelta(hours=9)))
    await publisher.hear(request, approved(request))
    assert await tick(publisher, settings, quiet()) == []
    row = await publisher.row(request.post)
    ends = (NOW + timedelta(hours=3)).replace(microsecond=0)
    assert (row.state, row.reason, row.due_at) == ("planned", "its channel's hours are quiet", ends)


async def test_a_post_that_cannot_wait_for_their_end_expires_in_its_time(
    publisher: Publisher, settings: PublisherSettings
) -> None:
    request = requested(timing=Timing(publish_at=NOW, not_after=NOW + timedelta(hours=1)))
    await publisher.hear(request, approved(request))
    await tick(publisher, settings, quiet())
    row = await publisher.row(request.post)
    assert row.due_at == row.not_after


async def test_what_was_announced_and_not_claimed_waits_for_their_end(
    publisher: Publisher, settings: PublisherSettings
) -> None:
    request = requested(timing=Timing(publish_at=NOW, not_after=NOW + timedelta(hours=9)))
    await publisher.hear(request, approved(request))
    await publisher.force("state = 'due', due_at = now()")
    assert await tick(publisher, settings, quiet()) == []
    assert await publisher.state(request.post) == "planned"


@pytest.mark.parametrize("priority", [Priority.CORRECTION, Priority.CRISIS])
async def test_what_is_urgent_goes_out_in_quiet_hours(
    publisher: Publisher, settings: PublisherSettings, priority: Priority
) -> None:
    request = requested(timing=Timing(publish_at=NOW))
    about = request.brief.about.model_copy(update={"priority": priority})
    request = request.model_copy(update={"brief": request.brief.model_copy(update={"about": about})})
    await publisher.hear(request, approved(request))
    assert [event.name for event in await tick(publisher, settings, quiet())] == ["post.due"]


async def test_an_urgent_part_waits_for_the_one_before_it_no_longer_than_that(
    publisher: Publisher, settings: PublisherSettings
) -> None:
    first, second = await series(publisher)
    await publisher.force("urgency = 1", second.post)
    assert await tick(publisher, settings, quiet()) == []
    row = await publisher.row(second.post)
    assert (row.reason, row.due_at < datetime.now(UTC) + timedelta(seconds=5)) == (
        "it waits for the post before it",
        True,
    )
    await publisher.force("state = 'published', due_at = NULL", first.post)
    (said,) = await tick(publisher, settings, quiet())
    assert said.subject == str(second.post)
