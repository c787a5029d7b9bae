"""What only Mastodon has: polls, warnings, the hour of a key, uploads that take their time, instances of their own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapter.contract import Connector, Measurer, NotFound, Pending, Published, Publisher
from shared.adapter.errors import Uncertain
from shared.adapter.render import limits_broken
from shared.content import Content, Link
from shared.platforms import specs
from shared.platforms.mastodon import connect, measure, publish
from shared.platforms.mastodon.connect import limits
from shared.platforms.mastodon.publish import find
from shared.platforms.mastodon.status import language_of
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import image, poll, text
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Trial

HOUR = 3_600


FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""


@pytest.fixture
async def mastodon(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["mastodon"], sandbox):
        yield stage


async def look(trial: Trial) -> Published | Pending | NotFound:
    return await find(trial.payload, trial.account, trial.attempt, trial.http)


async def test_a_poll_a_warning_and_a_language(mastodon: Stage) -> None:
    content = poll(mastodon.store).model_copy(update={"content_warning": "Numbers", "language": "pt-BR"})
    await mastodon.trial(content).until_public()
    (post,) = mastodon.sandbox.posts("mastodon", mastodon.account.handle.removeprefix("@"))
    assert (post["spoiler"], post["sensitive"], post["language"]) == ("Numbers", True, "pt")
    assert post["poll"]["options"] == ["This", "That"]
    assert not post["poll"]["multiple"]


async def test_a_poll_is_found_by_its_options(mastodon: Stage) -> None:
    trial = mastodon.trial(poll(mastodon.store))
    published = await trial.until_public()
    found = await look(trial)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


async def test_a_link_without_card_stands_in_the_text(mastodon: Stage) -> None:
    await mastodon.trial(Content(text="Read", link=Link(url="https://w.wiki/3", title="x"))).until_public()
    assert mastodon.public() == ["Read\n\nhttps://w.wiki/3"]


async def test_an_upload_in_process_is_waited_for_and_not_made_again(mastodon: Stage) -> None:
    trial = mastodon.trial(image(mastodon.store))
    mastodon.sandbox.arm("mastodon", "slow_processing", path="/api/v2/media")
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after > 0
    assert isinstance(await trial.once(), Pending)
    mastodon.sandbox.advance(31)
    assert isinstance(await trial.once(), Published)
    (post,) = mastodon.sandbox.posts("mastodon", mastodon.account.handle.removeprefix("@"))
    assert len(post["media"]) == 1


async def test_after_the_hour_a_look_finds_what_the_key_no_longer_does(mastodon: Stage) -> None:
    trial = mastodon.trial(image(mastodon.store))
    mastodon.sandbox.arm("mastodon", "accept_then_reset")
    with pytest.raises(Uncertain):
        await trial.once()
    mastodon.sandbox.advance(HOUR + 60)
    found = await look(trial)
    assert isinstance(found, Published)
    assert len(mastodon.public()) == 1


async def test_only_what_the_attempt_may_have_made_is_found(mastodon: Stage) -> None:
    first, second = mastodon.trial(text()), mastodon.trial(text())
    published = await first.until_public()
    second.attempt = replace(second.attempt, others=frozenset(published.parts))
    assert isinstance(await look(second), NotFound)
    second.attempt = replace(
        second.attempt, others=frozenset(), created_at=second.attempt.created_at + timedelta(hours=1)
    )
    assert isinstance(await look(second), NotFound)


async def test_two_statuses_that_fit_are_for_a_person(mastodon: Stage) -> None:
    for _ in range(2):
        await mastodon.trial(text()).until_public()
    with pytest.raises(Uncertain, match="2 statuses fit part 1"):
        await look(mastodon.trial(text()))


async def test_a_look_goes_through_several_pages(mastodon: Stage) -> None:
    wanted = mastodon.trial(text())
    published = await wanted.until_public()
    for number in range(45):
        await mastodon.trial(Content(text=f"Post {number}")).until_public()
    found = await look(wanted)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


async def test_an_instances_own_limits(mastodon: Stage) -> None:
    own = await limits(mastodon.account, mastodon.http)
    assert (own["text"], own["per_url"], own["images"], own["poll_longest"]) == (500, 23, 4, 2_629_746)
    roomy = mastodon.spec.adjusted({**own, "text": 1_000})
    assert limits_broken(Content(text="x" * 1_000), "test/mastodon", roomy) == []


@pytest.mark.parametrize(("tag", "theirs"), [("en", "en"), ("pt-BR", "pt"), ("zh-Hant", "zh-TW"), ("ckb", "ckb")])
def test_languages_as_mastodon_lists_them(tag: str, theirs: str) -> None:
    assert language_of(tag) == theirs
