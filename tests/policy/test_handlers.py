"""What policy answers to what it hears, on a real database."""

from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import RaiseError
from sqlalchemy import text

from shared.content import Timing
from shared.database import begin
from shared.events import (
    PostApproved,
    PostCancelled,
    PostExpired,
    PostFailed,
    PostPublished,
    PostRefused,
    PostRequested,
    PostReviewRequested,
    Requester,
    Trust,
)
from tests.policy.conftest import PACK, TEAM, Policy, payload, picture, requested


def published(request: PostRequested) -> PostPublished:
    return PostPublished(
        post=request.post,
        revision=request.revision,
        payload_hash=request.payload_hash,
        external_id="1",
        published_at=datetime.now(UTC),
        brief=request.brief,
    )


def cancelled(request: PostRequested) -> PostCancelled:
    return PostCancelled(post=request.post, revision=request.revision, requester=TEAM)


async def test_a_post_without_look_ups_is_answered_at_once(policy: Policy) -> None:
    request = requested()
    (answer,) = await policy.hear(request)
    assert isinstance(answer, PostApproved)
    assert (answer.post, answer.revision, answer.payload_hash) == (request.post, 1, request.payload_hash)
    assert (answer.pack, answer.renewed) == (PACK.version, False)
    row = await policy.row(request.post)
    assert row.valid_for == pytest.approx(30 * 60, abs=60)
    assert row.due_in == pytest.approx(20 * 60, abs=60)
    (decision,) = await policy.decisions(request.post)
    assert (decision.id, decision.verdict, decision.valid_until) == (answer.decision, "approved", answer.valid_until)


async def test_refusals_and_reviews_say_why(policy: Policy) -> None:
    (refused,) = await policy.hear(requested(payload(channel="rehearsal/bluesky")))
    assert isinstance(refused, PostRefused)
    assert [(o.rule, o.clause, o.place) for o in refused.objections] == [("channel.stance", "C12", "/channel")]
    guest = requested(requester=Requester(tool="form", trust=Trust.GUEST))
    (review,) = await policy.hear(guest)
    assert isinstance(review, PostReviewRequested)
    assert [o.rule for o in review.objections] == ["caller.guest"]
    row = await policy.row(guest.post)
    assert (row.due_at, row.valid_until) == (None, None)


async def test_a_payload_with_another_hash_is_not_approved(policy: Policy) -> None:
    (answer,) = await policy.hear(requested(payload_hash="0" * 64))
    assert isinstance(answer, PostReviewRequested)


async def test_an_approval_ahead_of_time_ends_when_the_post_is_due(policy: Policy) -> None:
    at = datetime.now(UTC) + timedelta(hours=5)
    request = requested(timing=Timing(publish_at=at))
    (answer,) = await policy.hear(request)
    assert isinstance(answer, PostApproved)
    assert answer.valid_until == at
    assert (await policy.row(request.post)).due_in == pytest.approx(5 * 3600 - 600, abs=60)


async def test_an_approval_never_outlasts_the_post(policy: Policy) -> None:
    end = datetime.now(UTC) + timedelta(minutes=5)
    request = requested(timing=Timing(not_after=end))
    (answer,) = await policy.hear(request)
    assert isinstance(answer, PostApproved)
    assert answer.valid_until == end
    assert (await policy.row(request.post)).due_at is None


async def test_who_asks_again_gets_the_recorded_answer(policy: Policy) -> None:
    request = requested(payload(channel="rehearsal/bluesky"))
    first = await policy.hear(request)
    assert await policy.hear(request, request) == first * 2
    assert len(await policy.decisions(request.post)) == 1


async def test_a_newer_revision_is_judged_anew_and_an_older_one_ignored(policy: Policy) -> None:
    first = requested()
    second = requested(payload("Hello again"), post=first.post, revision=2)
    assert [e.revision for e in await policy.hear(second, first, first) if isinstance(e, PostApproved)] == [2]
    third = requested(payload(channel="rehearsal/bluesky"), post=first.post, revision=3)
    (answer,) = await policy.hear(third)
    assert isinstance(answer, PostRefused)
    assert [d.revision for d in await policy.decisions(first.post)] == [2, 3]


async def test_a_post_with_media_waits_for_its_look_up(policy: Policy) -> None:
    request = requested(payload("Hello", picture()))
    assert await policy.hear(request) == []
    assert policy.nudge.is_set()
    assert (await policy.row(request.post)).due_in <= 0
    assert await policy.hear(request) == []  # asked again: the answer is on its way


@pytest.mark.parametrize("last", ["cancelled", "published", "failed", "expired"])
async def test_nothing_is_renewed_after_the_end(policy: Policy, last: str) -> None:
    request = requested()
    await policy.hear(request)
    end = {
        "cancelled": cancelled(request),
        "published": published(request),
        "failed": PostFailed(post=request.post, remedy="rejected", reason="no"),
        "expired": PostExpired(post=request.post, reason="late"),
    }[last]
    assert await policy.hear(end, end, request) == []
    row = await policy.row(request.post)
    assert (row.terminal, row.due_at) == (last, None)
    again = requested(post=request.post, revision=2)
    assert len(await policy.hear(again)) == (1 if last in ("failed", "expired") else 0)


async def test_an_end_of_an_older_revision_ends_nothing(policy: Policy) -> None:
    request = requested(revision=2)
    await policy.hear(request, PostFailed(post=request.post, revision=1, remedy="rejected", reason="no"))
    assert (await policy.row(request.post)).terminal is None
    await policy.hear(published(requested(post=request.post)))
    assert (await policy.row(request.post)).terminal == "published"


async def test_a_cancel_that_comes_first_waits_for_its_post(policy: Policy) -> None:
    request = requested()
    assert await policy.hear(cancelled(request), request) == []
    assert (await policy.row(request.post)).terminal == "cancelled"


async def test_decisions_are_never_changed(policy: Policy) -> None:
    request = requested()
    await policy.hear(request)
    for statement in ("UPDATE decision SET verdict = 'refused'", "DELETE FROM decision"):
        with pytest.raises(RaiseError, match="never changed"):
            async with begin(policy.engine) as db:
                await db.execute(text(statement))
