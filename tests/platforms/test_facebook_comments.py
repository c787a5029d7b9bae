"""Facebook's first comment: said once, below a post that is never made twice for its sake."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.adapter.contract import Pending, Published
from shared.adapter.errors import PlatformError
from shared.content import Content
from shared.platforms import specs
from shared.platforms.facebook.comment import TRIES
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Trial

SAID = "Photo: Ada, CC BY-SA 4.0"


@pytest.fixture
async def facebook(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["facebook"], sandbox):
        yield stage


def content() -> Content:
    return Content(text="A picture", first_comment=SAID)


def comments(stage: Stage) -> list[dict[str, Any]]:
    posts = stage.sandbox.posts("facebook", stage.account.handle.removeprefix("@"))
    return [post for post in posts if post["kind"] == "comment"]


async def test_one_that_is_limited_is_said_later(facebook: Stage) -> None:
    facebook.sandbox.arm("facebook", "rate_limit", method="POST", path="*/comments")
    trial = facebook.trial(content())
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after > 0
    published = await trial.until_public()
    assert published.unsaid is None
    assert (len(facebook.posts()), len(comments(facebook))) == (1, 1)


@pytest.mark.parametrize(("fault", "times"), [("rate_limit", TRIES), ("expired_token", 1)])
async def test_one_that_is_refused_leaves_the_post_public(facebook: Stage, fault: str, times: int) -> None:
    facebook.sandbox.arm("facebook", fault, method="POST", path="*/comments", times=times)
    published = await facebook.trial(content()).until_public()
    assert published.unsaid
    assert (len(facebook.posts()), comments(facebook)) == (1, [])


async def test_a_right_that_ended_before_the_comment_leaves_the_post_public(facebook: Stage) -> None:
    class Ended(Trial):
        async def remember(self, resume: Any) -> None:
            await super().remember(resume)
            if "comment" in resume:
                raise PlatformError("the approval ended on the way")

    published = await facebook.trial(content(), Ended).until_public()
    assert isinstance(published, Published)
    assert published.unsaid == "the approval ended on the way"
    assert (len(facebook.posts()), comments(facebook)) == (1, [])
