"""Request, approval and change come in any order; the post's one row ends up the same."""

from itertools import permutations
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import statements
from shared.events import PostChangeSettled, Settlement
from tests.publisher.conftest import Publisher, approved, cancelled, refused, requested


async def test_a_request_waits_for_its_approval(publisher: Publisher) -> None:
    request = requested()
    assert await publisher.hear(request) == []
    assert await publisher.state(request.post) == "awaiting"
    assert await publisher.hear(approved(request)) == ["post.scheduled"]
    assert await publisher.state(request.post) == "planned"


async def test_an_approval_may_come_first(publisher: Publisher) -> None:
    request = requested()
    assert await publisher.hear(approved(request)) == []
    assert await publisher.hear(request) == ["post.scheduled"]
    assert await publisher.state(request.post) == "planned"


async def test_an_approval_of_another_form_approves_nothing(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(request, approved(request, payload_hash="0" * 64))
    assert await publisher.state(request.post) == "awaiting"


async def test_an_approval_taken_back_stops_the_post(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(request, approved(request), refused(request))
    assert await publisher.state(request.post) == "awaiting"


async def test_duplicates_change_nothing(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(request, approved(request))
    before = await publisher.row(request.post)
    await publisher.hear(request, request)
    assert await publisher.row(request.post) == before


async def test_a_revision_voids_the_approval_before_it(publisher: Publisher) -> None:
    first = requested("one")
    second = requested("two", post=first.post, revision=2)
    await publisher.hear(first, approved(first))
    assert await publisher.hear(second) == ["post.change_settled"]
    assert await publisher.state(first.post) == "awaiting"
    assert await publisher.hear(approved(second)) == ["post.scheduled"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_revisions_and_approvals_in_any_order(publisher: Publisher, order: tuple[int, ...]) -> None:
    first = requested("one")
    second = requested("two", post=first.post, revision=2)
    # Each emitter numbered its own events when it made them.
    events = [(first, 1), (approved(first), 1), (second, 2), (approved(second), 2)]
    for number in order:
        event, sequence = events[number]
        await publisher.hear(event, sequence=sequence)
    row = await publisher.row(first.post)
    assert (row.state, row.revision, row.payload_hash) == ("planned", 2, second.payload_hash)


async def test_a_payload_with_a_wrong_hash_is_refused(publisher: Publisher) -> None:
    request = requested(payload_hash="0" * 64)
    assert await publisher.hear(request) == ["post.failed"]
    assert await publisher.state(request.post) == "failed"


async def test_a_cancel_before_anything_was_sent(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(request, approved(request))
    assert await publisher.hear(cancelled(request)) == ["post.change_settled"]
    assert await publisher.state(request.post) == "cancelled"
    assert await publisher.hear(approved(request, renewed=True)) == []
    assert await publisher.state(request.post) == "cancelled"


async def test_a_cancel_that_overtakes_its_request(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(cancelled(request))
    await publisher.hear(request)
    await publisher.hear(approved(request))
    assert await publisher.state(request.post) == "cancelled"


async def test_a_change_under_way_waits_for_proof(publisher: Publisher, engine: AsyncEngine) -> None:
    request = requested()
    await publisher.hear(request, approved(request))
    await publisher.force("state = 'attempting'")
    assert await publisher.hear(cancelled(request)) == []
    assert await publisher.state(request.post) == "attempting"
    async with statements(engine) as db:
        assert (await db.execute(text("SELECT count(*) FROM change"))).scalar_one() == 1


async def test_a_change_after_publishing_is_too_late(publisher: Publisher, engine: AsyncEngine) -> None:
    request = requested()
    await publisher.hear(request, approved(request))
    await publisher.force("state = 'published'")
    for change in (cancelled(request), requested("two", post=request.post, revision=2)):
        await publisher.hear(change)
        answer = publisher.said[-1]
        assert isinstance(answer, PostChangeSettled)
        assert answer.settlement is Settlement.TOO_LATE
    assert await publisher.state(request.post) == "published"


async def test_a_refusal_of_an_unknown_post_is_remembered(publisher: Publisher) -> None:
    request = requested()
    await publisher.hear(refused(request))
    await publisher.hear(request)
    assert (await publisher.row(request.post)).verdict == "refused"
    assert await publisher.row(uuid4()) is None
