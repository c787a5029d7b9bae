"""A change and a call at the same time; a thread of which a part is public: nothing is undone, nothing is forgotten."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.publisher import pace
from services.publisher.claim import Claimed, claim, keep
from services.publisher.handlers import Planner
from services.publisher.outcome import Tried
from services.publisher.schedule import Scheduler
from services.publisher.settings import PublisherSettings
from services.publisher.settle import settle
from shared import platforms
from shared.adapter.contract import Published
from shared.adapter.errors import Rejected, TryLater
from shared.database import begin, statements
from shared.events import Event, PostChangeSettled, PostUncertain, Settlement
from tests.publisher.conftest import CONFIG, Publisher, approved, cancelled, requested

CHANNEL = "wikipedia/bluesky"
BLUESKY = platforms.specs()["bluesky"]
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Hands:
    """A worker's three beats, its call left out."""

    def __init__(self, publisher: Publisher, planner: Planner, settings: PublisherSettings) -> None:
        self.publisher, self.planner, self.settings = publisher, planner, settings
        self.engine = publisher.engine

    async def begun(self, *parts: str) -> Claimed:
        """Bring a post to where its worker has it, these parts of it public."""
        request = requested()
        await self.publisher.hear(request, approved(request))
        await self.set("state = 'due'", request.post)
        claimed = await self.claim(request.post)
        if parts:
            assert await self.keep(claimed, *parts)
        return claimed

    async def claim(self, post: UUID) -> Claimed:
        async with begin(self.engine) as db:
            (claimed,) = await claim(
                [post],
                "bluesky",
                worker=uuid4(),
                running=(),
                channels=[CHANNEL],
                counts=pace.values([]),
                db=db,
                settings=self.settings,
            )
        return claimed

    async def keep(self, claimed: Claimed, *parts: str) -> bool:
        async with begin(self.engine) as db:
            done = {"parts": list(parts)}
            return await keep(claimed, done, touched=True, channels=[CHANNEL], db=db, settings=self.settings)

    async def set(self, change: str, post: UUID) -> None:
        await self.publisher.force(change, post)

    async def settle(self, claimed: Claimed, outcome: Published | Rejected | TryLater) -> list[Event]:
        async with begin(self.engine) as db:
            return list(await settle(claimed, Tried(outcome), BLUESKY, db, self.planner, self.settings))


@pytest.fixture
def hands(publisher: Publisher, planner: Planner, settings: PublisherSettings) -> Hands:
    return Hands(publisher, planner, settings)


async def test_a_cancel_in_the_moment_of_settling_is_answered(hands: Hands) -> None:
    """The change is committed while settle waits for its row: settle must see it all the same."""
    claimed = await hands.begun()
    request = requested(post=claimed.post)
    async with begin(hands.engine) as db:
        assert await hands.planner.cancel(cancelled(request), db) == []
        settling = asyncio.create_task(hands.settle(claimed, TryLater("later", 1.0)))
        async with asyncio.timeout(30), statements(hands.engine) as other:
            while not (await other.execute(text(BLOCKED))).scalar_one():  # noqa: ASYNC110 - another connection waits
                await asyncio.sleep(0.01)
    (answer,) = await settling
    assert isinstance(answer, PostChangeSettled)
    assert answer.settlement is Settlement.APPLIED
    assert await hands.publisher.state(claimed.post) == "cancelled"


async def test_a_thread_begun_is_not_cancelled(hands: Hands) -> None:
    claimed = await hands.begun("at://one")
    await hands.settle(claimed, TryLater("later", 1.0))
    assert await hands.publisher.state(claimed.post) == "planned"
    await hands.publisher.hear(cancelled(requested(post=claimed.post)))
    (answer,) = hands.publisher.said[-1:]
    assert isinstance(answer, PostChangeSettled)
    assert answer.settlement is Settlement.TOO_LATE
    assert await hands.publisher.state(claimed.post) == "planned"


async def test_a_thread_begun_is_not_begun_anew_by_an_edit(hands: Hands) -> None:
    claimed = await hands.begun("at://one")
    edit = requested("Another text", post=claimed.post, revision=2)
    assert await hands.publisher.hear(edit) == []
    (answer,) = await hands.settle(claimed, TryLater("later", 1.0))
    assert isinstance(answer, PostChangeSettled)
    assert answer.settlement is Settlement.TOO_LATE
    row = await hands.publisher.row(claimed.post)
    assert (row.revision, row.resume) == (1, {"parts": ["at://one"]})


async def test_the_verdict_on_an_edit_leaves_the_thread_under_way_alone(hands: Hands) -> None:
    claimed = await hands.begun("at://one")
    edit = requested("Another text", post=claimed.post, revision=2)
    await hands.publisher.hear(edit, approved(edit))
    assert await hands.keep(claimed, "at://one", "at://two")
    await hands.settle(claimed, TryLater("later", 1.0))
    await hands.set("state = 'due'", claimed.post)
    again = await hands.claim(claimed.post)
    assert again.payload == claimed.payload


@pytest.mark.parametrize("verdict_first", [True, False])
async def test_an_edit_and_its_verdict_apply_when_nothing_was_sent(hands: Hands, verdict_first: bool) -> None:
    claimed = await hands.begun()
    edit = requested("Another text", post=claimed.post, revision=2)
    both = (approved(edit), edit) if verdict_first else (edit, approved(edit))
    await hands.publisher.hear(*both)
    events = await hands.settle(claimed, TryLater("later", 1.0))
    assert sorted(event.name for event in events) == ["post.change_settled", "post.scheduled"]
    row = await hands.publisher.row(claimed.post)
    assert (row.state, row.revision, row.approved_revision, row.waiting) == ("planned", 2, 2, False)


async def test_a_thread_that_breaks_off_is_a_question(hands: Hands) -> None:
    claimed = await hands.begun("at://one")
    (event,) = await hands.settle(claimed, Rejected("the second part is refused"))
    assert isinstance(event, PostUncertain)
    assert event.needs_person
    row = await hands.publisher.row(claimed.post)
    assert (row.state, row.due_at) == ("needs_review", None)


async def test_a_thread_whose_time_is_over_is_a_question(hands: Hands) -> None:
    """It is half public, and nobody may claim it any more."""
    claimed = await hands.begun("at://one")
    await hands.set("state = 'planned', due_at = now(), not_after = now()", claimed.post)
    async with begin(hands.engine) as db:
        caused, _ = await Scheduler(hands.settings, lambda: CONFIG).tick(db)
    assert [event.name for event, _ in caused] == ["post.uncertain"]
    assert await hands.publisher.state(claimed.post) == "needs_review"


async def test_uploads_alone_make_nothing_public(hands: Hands) -> None:
    claimed = await hands.begun()
    await hands.set("""resume = '{"parts": [], "media": {}}'""", claimed.post)
    await hands.settle(claimed, TryLater("later", 1.0))
    await hands.publisher.hear(cancelled(requested(post=claimed.post)))
    assert await hands.publisher.state(claimed.post) == "cancelled"


async def test_what_nobody_approves_expires_after_two_hours(hands: Hands) -> None:
    request = requested()
    await hands.publisher.hear(request)
    row = await hands.publisher.row(request.post)
    assert row.due_at == row.not_after
