"""The reply to every single call that changes anything is lost, one by one: each part is public exactly once, or a
person is asked."""

from functools import partial

import pytest

from shared.adapter.contract import Published
from shared.content import Content
from tests.platforms.conftest import Case, Stage
from tests.platforms.stage import Killed, KilledError, Nth, Trial

MOST_DEATHS = 30


async def calls_of(stage: Stage, content: Content) -> int:
    """Return how many calls change anything when all goes well, signing in included."""
    door = Nth(stage.http, 0, None)
    trial = stage.fresh().trial(content)
    trial.http = door
    await trial.until_public()
    return door.seen


@pytest.mark.parametrize("loss", ["accept_then_reset", "accept_then_500", "accept_then_stall"])
async def test_each_part_is_public_once_or_a_person_is_asked(case: Case, loss: str) -> None:
    stage, content = case.stage, case.content
    calls = await calls_of(stage, content)
    assert calls >= len(content.thread or (1,))
    for number in range(1, calls + 1):
        anew = stage.fresh()
        trial = anew.trial(content)
        trial.http = Nth(
            stage.http, number, lambda method: partial(stage.sandbox.arm, stage.spec.name, loss)(method=method)
        )
        settled = await trial.until_settled()
        wanted = [piece.text for piece in trial.payload.pieces]
        assert stage.sandbox.struck(), f"the reply to call {number} was not lost"
        if isinstance(settled, Published):
            assert anew.public() == wanted, f"after the loss of call {number}"
            assert len(settled.parts) == len(wanted)
        else:
            assert anew.public() in [wanted[:some] for some in range(len(wanted) + 1)], (
                f"after the loss of call {number}"
            )


async def test_a_process_killed_wherever_it_writes_down_goes_on_from_there(case: Case) -> None:
    content = case.content
    for dies_at in range(1, MOST_DEATHS):
        stage = case.stage.fresh()  # X takes no text twice from one account
        trial = stage.trial(content, Killed, dies_at=dies_at)
        try:
            await trial.until_public()
            return  # it did not write so often
        except KilledError:
            again = Trial(trial.spec, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
            again.pause = stage.sandbox.pass_by
            await again.until_public()
        assert stage.public() == [piece.text for piece in trial.payload.pieces]
    raise AssertionError(f"it writes down what is done more than {MOST_DEATHS} times")


async def test_the_same_attempt_again_after_all_is_known_posts_nothing_more(case: Case) -> None:
    trial = case.stage.trial(case.content)
    published = await trial.until_public()
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id == published.external_id
    assert case.stage.public() == [piece.text for piece in trial.payload.pieces]
