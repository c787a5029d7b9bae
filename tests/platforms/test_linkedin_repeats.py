"""LinkedIn when an answer is lost: what a look finds, what a refused duplicate proves, and the first comment."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapter.contract import NotFound, Pending, Published
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.content import Content
from shared.platforms import specs
from shared.platforms.linkedin import publish
from shared.platforms.linkedin.connect import call, organization
from shared.platforms.linkedin.share import share_of
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import image
from tests.platforms.linkedin import all_said, requests
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Asked, Killed, KilledError

TEN_MINUTES = 600
COMMENTS = "/rest/socialActions/*"


@pytest.fixture
async def linkedin(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["linkedin"], sandbox):
        yield stage


def commented(text: str = "Hello") -> Content:
    return Content(text=text, first_comment="Sources: https://w.wiki/3 (all_of_them)")


# ---- duplicates ------------------------------------------------------------------------------------------------------


async def test_the_duplicate_of_our_own_lost_try_is_that_try(linkedin: Stage) -> None:
    trial = linkedin.trial(linkedin.plain())
    linkedin.sandbox.arm("linkedin", "accept_then_reset")
    with pytest.raises(Uncertain):
        await trial.once()
    again = await trial.once()  # as when a person says: send it
    assert isinstance(again, Published)
    assert [post["id"] for post in linkedin.posts()] == [again.external_id]


async def test_the_duplicate_of_an_older_post_is_refused_until_ten_minutes_have_passed(linkedin: Stage) -> None:
    published = await linkedin.trial(linkedin.plain()).until_public()
    second = linkedin.trial(linkedin.plain())
    second.attempt = replace(second.attempt, others=frozenset({published.external_id}))
    with pytest.raises(Rejected, match=f"{published.external_id}.*wait for ten minutes"):
        await second.once()
    third = linkedin.trial(linkedin.plain())
    third.attempt = replace(third.attempt, created_at=third.attempt.created_at + timedelta(seconds=120))
    with pytest.raises(Rejected, match="change the text"):
        await third.once()
    linkedin.sandbox.pass_by(TEN_MINUTES + 1)
    assert isinstance(await second.once(), Published)
    assert len(linkedin.posts()) == 2


async def test_the_duplicate_of_a_deleted_post_is_for_a_person(linkedin: Stage) -> None:
    published = await linkedin.trial(linkedin.plain()).until_public()
    await publish.delete(published.parts, linkedin.account, linkedin.http)
    linkedin.sandbox.pass_by(TEN_MINUTES + 1)
    trial = linkedin.trial(linkedin.plain())
    assert isinstance(await trial.until_settled(), Asked)
    assert trial.failures == ["Uncertain"]
    assert linkedin.posts() == []


# ---- looking ---------------------------------------------------------------------------------------------------------


async def test_only_what_the_attempt_may_have_made_is_found(linkedin: Stage) -> None:
    published = await linkedin.trial(linkedin.plain("With #tag_s & C#")).until_public()
    trial = linkedin.trial(linkedin.plain("With #tag_s & C#"))
    found = await publish.find(trial.payload, trial.account, trial.attempt, trial.http)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id
    others = replace(trial.attempt, others=frozenset(published.parts))
    later = replace(trial.attempt, created_at=trial.attempt.created_at + timedelta(seconds=90))
    for attempt in (others, later):
        assert isinstance(await publish.find(trial.payload, trial.account, attempt, trial.http), NotFound)


async def test_two_posts_that_fit_are_for_a_person(linkedin: Stage) -> None:
    await linkedin.trial(linkedin.plain()).until_public()
    linkedin.sandbox.pass_by(TEN_MINUTES + 1)
    await linkedin.trial(linkedin.plain()).until_public()
    with pytest.raises(Uncertain, match="2 posts fit"):
        await linkedin.trial(linkedin.plain()).look()


async def test_the_same_text_with_another_picture_is_another_post(linkedin: Stage) -> None:
    await linkedin.trial(image(linkedin.store)).until_public()
    trial = linkedin.trial(image(linkedin.store), Killed, dies_at=2)
    with pytest.raises(KilledError):
        await trial.once()
    assert isinstance(await publish.find(trial.payload, trial.account, trial.attempt, trial.http), NotFound)


async def test_a_look_goes_through_several_pages(linkedin: Stage) -> None:
    wanted = linkedin.trial(linkedin.plain())
    published = await wanted.until_public()
    for number in range(55):
        await linkedin.trial(linkedin.plain(f"Post {number}")).until_public()
    found = await wanted.look()
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


async def test_a_post_that_is_still_processed_is_neither_public_nor_made_again(linkedin: Stage) -> None:
    trial = linkedin.trial(image(linkedin.store))
    linkedin.sandbox.arm("linkedin", "slow_processing", path="/dms-uploads/*")
    waiting = await trial.once()
    assert isinstance(waiting, Pending)
    body = share_of(trial.payload, organization(linkedin.account), [waiting.resume["media"][0]["urn"]])
    answer = await call(
        linkedin.account, linkedin.http, "POST", "/posts", operation="early", mutates=True, json=body, expected=(201,)
    )
    assert answer.headers["x-restli-id"]
    assert linkedin.posts() == []  # what comes of posting before the media are available
    found = await trial.look()
    assert isinstance(found, Pending)
    assert found.resume["processed"] == answer.headers["x-restli-id"]
    assert "parts" not in found.resume  # what nobody can see is not partly public
    again = await trial.once()
    assert isinstance(again, Pending)
    assert again.after > 0


# ---- the first comment -----------------------------------------------------------------------------------------------


async def test_a_comment_that_was_never_made_is_told_to_be_missing(linkedin: Stage) -> None:
    linkedin.sandbox.arm("linkedin", "refuse_500", method="POST", path=COMMENTS)
    published = await linkedin.trial(commented()).until_public()
    assert published.unsaid
    assert "unknown" in published.unsaid
    assert [one["kind"] for one in all_said(linkedin)] == ["post"]
    assert len(requests(linkedin, "POST", f"/rest/socialActions/{published.external_id}")) == 1


@pytest.mark.parametrize(("fault", "said"), [("rate_limit", "429"), ("expired_token", "401")])
async def test_a_comment_that_is_refused_fails_no_post(linkedin: Stage, fault: str, said: str) -> None:
    linkedin.sandbox.arm("linkedin", fault, method="POST", path=COMMENTS, times=20)
    published = await linkedin.trial(commented()).until_public()
    assert said in (published.unsaid or "")
    assert len(linkedin.posts()) == 1


async def test_a_comment_longer_than_the_limit_is_refused(linkedin: Stage) -> None:
    assert linkedin.spec.comment
    content = Content(text="Hello", first_comment="x" * (linkedin.spec.comment.most + 1))
    published = await linkedin.trial(content).until_public()
    assert "FIELD_LENGTH_TOO_LONG" in (published.unsaid or "")
    again = linkedin.trial(content.model_copy(update={"text": "Full", "first_comment": "x" * 1_250}))
    assert (await again.until_public()).unsaid is None


async def test_a_comment_that_cannot_be_taken_for_a_moment_is_offered_again(
    linkedin: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def moment(*_: object) -> None:
        monkeypatch.undo()
        raise TryLater("not now", 30)

    monkeypatch.setattr("shared.platforms.linkedin.comment._say", moment)
    published = await linkedin.trial(commented()).until_public()
    assert published.unsaid is None
    assert [one["kind"] for one in all_said(linkedin)] == ["post", "comment"]
