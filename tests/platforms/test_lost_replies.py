"""The reply to every single call that changes anything is lost, one by one: each part is public exactly once."""

from collections.abc import Callable
from functools import partial

import pytest

from shared.adapter.contract import Published
from shared.content import Content
from tests.platforms.conftest import Stage
from tests.platforms.stage import Killed, KilledError, Nth, Store, Trial, image, text, thread

CONTENTS: dict[str, Callable[[Store], Content]] = {"text": lambda _: text(), "image": image, "thread": thread}


async def calls_of(stage: Stage, content: Content) -> int:
    """Return how many calls change anything when all goes well, signing in included."""
    door = Nth(stage.http, 0, None)
    trial = stage.fresh().trial(content)
    trial.http = door
    await trial.until_public()
    return door.seen


@pytest.mark.parametrize("loss", ["accept_then_reset", "accept_then_500", "accept_then_stall"])
@pytest.mark.parametrize("name", CONTENTS)
async def test_each_part_is_public_once(stage: Stage, name: str, loss: str) -> None:
    content = CONTENTS[name](stage.store)
    calls = await calls_of(stage, content)
    assert calls >= len(content.thread or (1,))
    for number in range(1, calls + 1):
        anew = stage.fresh()
        trial = anew.trial(content)
        trial.http = Nth(stage.http, number, partial(stage.sandbox.arm, stage.spec.name, loss, method="POST"))
        published = await trial.until_public()
        wanted = [piece.text for piece in trial.payload.pieces]
        assert trial.failures, f"the reply to call {number} was not lost"
        assert anew.public() == wanted, f"after the loss of call {number}"
        assert len(published.parts) == len(wanted)


@pytest.mark.parametrize("name", CONTENTS)
async def test_a_process_killed_wherever_it_writes_down_goes_on_from_there(stage: Stage, name: str) -> None:
    content = CONTENTS[name](stage.store)
    for dies_at in range(1, 10):
        before = stage.public()
        trial = stage.trial(content, Killed, dies_at=dies_at)
        try:
            assert isinstance(await trial.once(), Published)
            break  # it did not write so often
        except KilledError:
            again = Trial(trial.spec, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
            await again.until_public()
        assert stage.public()[len(before) :] == [piece.text for piece in trial.payload.pieces]
    assert dies_at > 1 or name == "text"


@pytest.mark.parametrize("name", CONTENTS)
async def test_the_same_attempt_again_posts_nothing_more(stage: Stage, name: str) -> None:
    trial = stage.trial(CONTENTS[name](stage.store))
    first = trial.attempt
    published = await trial.until_public()
    trial.attempt = first
    again = await trial.until_public()
    assert again.external_id == published.external_id
    assert stage.public() == [piece.text for piece in trial.payload.pieces]
