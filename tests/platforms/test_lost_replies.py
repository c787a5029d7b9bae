"""The reply to every single call that changes anything is lost, one by one, for every kind of post of every platform:
each part is public exactly once, or a person is asked; so is the first comment, or what is public says that it lacks.
"""

from functools import partial

import pytest

from shared.adapter.contract import Published
from shared.content import Content, Kind
from tests.platforms.conftest import CASES, COMMENT, Case, Stage, somebody_elses
from tests.platforms.contents import CONTENTS
from tests.platforms.stage import Killed, KilledError, Nth, Restarted, Trial

MOST_DEATHS = 30
LOSSES = [
    "accept_then_reset",
    "accept_then_500",
    pytest.param("accept_then_stall", marks=pytest.mark.long),  # to the adapter the same as a reset, five seconds later
]
REFUSED = "refuse_500"
"""An answer that reads as if the reply were lost, to a call that was never made."""


async def calls_of(stage: Stage, content: Content) -> int:
    """Return how many calls change anything when all goes well, signing in included."""
    door = Nth(stage.http, 0, None)
    trial = stage.fresh().trial(content)
    trial.http = door
    await trial.until_public()
    return door.seen


async def lost(case: Case, content: Content, number: int, loss: str) -> None:
    """Lose the reply to the n-th call; fails unless all is there once, or the part that is missing is known to be."""
    stage, after = case.stage.fresh(), f"after the loss of call {number}"
    trial = stage.trial(content, Restarted if loss == "accept_then_reset" else Trial)
    arm = partial(stage.sandbox.arm, stage.spec.name, loss)
    trial.http = Nth(stage.http, number, lambda method: arm(method=method))
    settled = await trial.until_settled()
    assert stage.sandbox.struck(), f"the reply to call {number} was not lost"
    wanted = [piece.text for piece in trial.payload.pieces]
    if isinstance(settled, Published):
        assert stage.public() == wanted, after
        assert len(settled.parts) == len(wanted), after
        assert_said(stage, settled, content)
        assert settled.unsaid is None or loss == REFUSED, after
    else:
        assert stage.public() in [wanted[:some] for some in range(len(wanted) + 1)], after
        assert stage.comments() == [], after


def assert_said(stage: Stage, published: Published, content: Content) -> None:
    """Fail unless the first comment is below the post once, or the post says that it may not be; never twice."""
    below = [one["reply_to"] for one in stage.comments()]
    if content.first_comment and not published.unsaid:
        assert below == [published.external_id]
    else:
        assert below in ([], [published.external_id] if content.first_comment else [])


def test_there_is_a_content_for_every_kind_and_every_kind_is_asked() -> None:
    assert set(CONTENTS) == set(Kind)
    assert {kind for _, kind in CASES} == set(Kind)


@pytest.mark.parametrize("loss", LOSSES)
async def test_each_part_is_public_once_or_a_person_is_asked(case: Case, loss: str) -> None:
    calls = await calls_of(case.stage, case.content)
    assert calls >= len(case.content.thread or (1,))
    for number in range(1, calls + 1):
        await lost(case, case.content, number, loss)


async def test_the_same_about_another_post_is_not_taken_for_what_was_lost(case_about_another: Case) -> None:
    stage, content = case_about_another.stage, case_about_another.content
    another = content.model_copy(update={"refers_to": (await somebody_elses(stage)).permalink})
    number = await calls_of(stage, content)
    elsewhere = await stage.trial(another).until_public()
    trial = stage.trial(content)
    trial.http = Nth(stage.http, number, lambda method: stage.sandbox.arm(stage.spec.name, REFUSED, method=method))
    settled = await trial.until_settled()
    assert len(stage.posts()) == (2 if isinstance(settled, Published) else 1)
    assert not isinstance(settled, Published) or settled.external_id != elsewhere.external_id


@pytest.mark.parametrize("loss", [*LOSSES, REFUSED])
async def test_the_first_comment_is_said_once_or_said_to_be_missing(case_with_comment: Case, loss: str) -> None:
    case = case_with_comment
    last = await calls_of(case.stage, case.content)  # it makes the post public
    calls = await calls_of(case.stage, case.commented)
    assert calls > last
    for number in range(last + (loss == REFUSED), calls + 1):
        await lost(case, case.commented, number, loss)


async def test_a_process_killed_wherever_it_writes_down_goes_on_from_there(case: Case) -> None:
    await killed_everywhere(case, case.content)


async def test_a_process_killed_around_the_first_comment_says_it_once_at_the_most(case_with_comment: Case) -> None:
    await killed_everywhere(case_with_comment, case_with_comment.commented)


async def killed_everywhere(case: Case, content: Content) -> None:
    """Kill a process each time that it writes down what is done; another one goes on from that."""
    for dies_at in range(1, MOST_DEATHS):
        stage = case.stage.fresh()  # X takes no text twice from one account
        trial = stage.trial(content, Killed, dies_at=dies_at)
        try:
            await trial.until_public()
            return  # it did not write so often
        except KilledError:
            again = Restarted(trial.spec, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
            again.pause = stage.sandbox.pass_by
            published = await again.until_public()
        assert stage.public() == [piece.text for piece in trial.payload.pieces]
        assert_said(stage, published, content)
    raise AssertionError(f"it writes down what is done more than {MOST_DEATHS} times")


async def test_what_is_pending_goes_on_in_another_process(case: Case) -> None:
    stage = case.stage
    stage.sandbox.arm(stage.spec.name, "slow_processing")
    trial = stage.trial(case.content, Restarted)
    published = await trial.until_public()
    assert stage.public() == [piece.text for piece in trial.payload.pieces]
    assert len(published.parts) == len(trial.payload.pieces)
    assert isinstance(trial, Restarted)
    assert (trial.processes > 1) is stage.sandbox.struck()  # what is not processed needs no second try


async def test_the_same_attempt_again_after_all_is_known_posts_nothing_more(case: Case) -> None:
    trial = case.stage.trial(case.content)
    published = await trial.until_public()
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id == published.external_id
    assert case.stage.public() == [piece.text for piece in trial.payload.pieces]


async def test_the_first_comment_stands_below_the_post_and_a_look_adds_no_other(case_with_comment: Case) -> None:
    stage, trial = case_with_comment.stage, case_with_comment.stage.trial(case_with_comment.commented)
    published = await trial.until_public()
    assert await trial.until_settled(uncertain=True) == published
    assert published.unsaid is None
    assert [(one["text"], one["reply_to"]) for one in stage.comments()] == [(COMMENT, published.external_id)]
    assert stage.public() == [piece.text for piece in trial.payload.pieces]
