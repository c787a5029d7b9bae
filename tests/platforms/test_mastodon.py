"""What only Mastodon has: polls, warnings, the hour of a key, uploads that take their time, boosts, other instances."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapter.contract import App, Connector, Measurer, NotFound, Pending, Published, Publisher
from shared.adapter.errors import Rejected, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.content import Content, Kind, Link
from shared.platforms import specs
from shared.platforms.mastodon import connect, measure, publish
from shared.platforms.mastodon.connect import limits
from shared.platforms.mastodon.publish import find
from shared.platforms.mastodon.status import language_of
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import image, poll, text, video
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


# ---- about somebody else's post --------------------------------------------------------------------------------------

ABOUT = {
    "reply": Content(text="Two", kind=Kind.REPLY),
    "quote": Content(text="Two", kind=Kind.QUOTE),
    "repost": Content(kind=Kind.REPOST),
}


async def about_another(mastodon: Stage, kind: str) -> tuple[str, Content]:
    """Return the id of somebody's post, and a content about it."""
    other = mastodon.fresh()
    published = await other.trial(Content(text="One")).until_public()
    return published.external_id, ABOUT[kind].model_copy(update={"refers_to": published.permalink})


@pytest.mark.parametrize("kind", ABOUT)
async def test_a_post_about_another_names_it(mastodon: Stage, kind: str) -> None:
    subject, content = await about_another(mastodon, kind)
    trial = mastodon.trial(content)
    published = await trial.until_public()
    (post,) = mastodon.posts()
    told = {"reply": post["reply_to"], "quote": post.get("quote"), "repost": post.get("subject")}
    assert {name: value for name, value in told.items() if value} == {kind: subject}
    assert (post["text"], post["id"]) == (content.text or "", published.external_id)
    trial.attempt = replace(trial.attempt, resume={})
    found = await look(trial)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


@pytest.mark.parametrize("kind", ABOUT)
async def test_a_look_passes_over_the_same_words_about_something_else(mastodon: Stage, kind: str) -> None:
    _, content = await about_another(mastodon, kind)
    _, elsewhere = await about_another(mastodon, kind)
    await mastodon.trial(elsewhere).until_public()
    await mastodon.trial(Content(text="Two")).until_public()
    assert isinstance(await look(mastodon.trial(content)), NotFound)


async def test_a_post_of_another_server_is_found_by_its_address(mastodon: Stage) -> None:
    subject, content = await about_another(mastodon, "reply")
    path = f"/api/v1/statuses/{subject}"
    uri = (await connect.call(mastodon.account, mastodon.http, "GET", path, operation="look")).json["uri"]
    await mastodon.trial(content.model_copy(update={"refers_to": uri})).until_public()
    assert mastodon.posts()[0]["reply_to"] == subject


@pytest.mark.parametrize("address", ["https://en.wikipedia.org/wiki/Mercury", "https://elsewhere.example/@ada/123"])
@pytest.mark.parametrize("kind", ABOUT)
async def test_an_address_that_leads_to_no_post_is_refused_with_a_remedy(
    mastodon: Stage, kind: str, address: str
) -> None:
    content = ABOUT[kind].model_copy(update={"refers_to": address})
    with pytest.raises(Rejected, match="give the address of a public one"):
        await mastodon.trial(content).once()


async def test_a_boost_with_words_is_refused(mastodon: Stage) -> None:
    _, content = await about_another(mastodon, "repost")
    with pytest.raises(Rejected, match="make it a quote"):
        await mastodon.trial(content.model_copy(update={"text": "Look"})).once()
    assert mastodon.posts() == []


async def test_an_instance_that_cannot_quote_is_not_asked_to(mastodon: Stage) -> None:
    _, content = await about_another(mastodon, "quote")
    async with scripted() as wire:
        wire.always(reply(200, {"version": "4.4.1", "api_versions": {"mastodon": 6}}))
        trial = mastodon.trial(content)
        trial.account = replace(trial.account, base_url=wire.url)
        with pytest.raises(Rejected, match=r"version 4\.4\.1\) cannot quote"):
            await trial.once()
        assert [head.split()[:2] for head, _ in wire.asked] == [["GET", "/api/v2/instance"]]


# ---- videos, edits, takedowns, voices --------------------------------------------------------------------------------


async def test_a_video_is_waited_for_and_has_its_alternative_text(mastodon: Stage) -> None:
    trial = mastodon.trial(video(mastodon.store))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert mastodon.posts() == []
    await trial.until_public()
    ((medium,),) = [post["media"] for post in mastodon.posts()]
    assert (medium["mime"], medium["alt"], medium["width"], medium["height"]) == ("video/mp4", "A blue field", 540, 960)


async def test_a_video_that_is_none_is_refused(mastodon: Stage) -> None:
    trial = mastodon.trial(video(mastodon.store))
    (medium,) = trial.payload.pieces[0].media
    mastodon.store.kept[medium.sha256] = b"\x00\x00\x00\x18ftypmp42 and then nothing"
    with pytest.raises(Rejected, match="422"):
        await trial.until_settled()
    assert mastodon.posts() == []


async def test_a_picture_beside_a_video_is_too_much(mastodon: Stage) -> None:
    media = (*video(mastodon.store).media, *image(mastodon.store).media)
    trial = mastodon.trial(Content(text="Both", media=media))
    with pytest.raises(Rejected):
        await trial.until_settled()
    assert mastodon.posts() == []


async def test_an_edit_keeps_media_and_changes_the_warning(mastodon: Stage) -> None:
    content = image(mastodon.store, 2).model_copy(update={"content_warning": "Numbers"})
    published = await mastodon.trial(content).until_public()
    before = mastodon.posts()[0]["media"]
    for _ in range(2):
        payload = mastodon.trial(Content(text="Better", language="el")).payload
        edited = await publish.edit(published.external_id, payload, mastodon.account, mastodon.http)
    (post,) = mastodon.posts()
    assert (edited.external_id, edited.permalink) == (published.external_id, published.permalink)
    assert (post["text"], post["spoiler"], post["media"], post["edits"]) == ("Better", "", before, 1)


async def test_a_poll_is_not_edited(mastodon: Stage) -> None:
    published = await mastodon.trial(poll(mastodon.store)).until_public()
    payload = mastodon.trial(Content(text="Better")).payload
    with pytest.raises(Rejected, match="by hand"):
        await publish.edit(published.external_id, payload, mastodon.account, mastodon.http)
    assert mastodon.public() == ["Which?"]


async def test_what_was_said_is_told_by_kind_oldest_first(mastodon: Stage) -> None:
    handle, began = mastodon.account.handle[1:], datetime.now(UTC) - timedelta(minutes=5)
    post = (await mastodon.trial(text()).until_public()).external_id
    for kind, to in (("mention", {}), ("reply", {"to": post}), ("quote", {"to": post})):
        mastodon.sandbox.say("mastodon", handle, kind=kind, text=f"a <b> & {kind}", author="ada", **to)
    heard = await measure.heard(began, mastodon.account, mastodon.http)
    assert [(one.kind, one.text, one.to) for one in heard] == [
        ("mention", "a <b> & mention", None),
        ("reply", "a <b> & reply", post),
        ("quote", "a <b> & quote", post),
    ]


async def test_much_that_was_said_is_read_page_by_page(mastodon: Stage) -> None:
    handle, began = mastodon.account.handle[1:], datetime.now(UTC) - timedelta(minutes=5)
    for number in range(measure.PAGE + 5):
        mastodon.sandbox.say("mastodon", handle, kind="mention", text=f"No. {number}", author="ada")
    heard = await measure.heard(began, mastodon.account, mastodon.http)
    assert [one.text for one in heard] == [f"No. {number}" for number in range(measure.PAGE + 5)]


async def test_an_application_that_is_not_known_is_unauthorized(mastodon: Stage) -> None:
    app = App("", "", "https://carillon.example/connected", mastodon.account.base_url)
    with pytest.raises(Unauthorized, match="invalid_client"):
        await connect.exchange(app, "code-ada", "v" * 43, mastodon.http)


async def test_a_livestream_is_announced_with_its_link(mastodon: Stage) -> None:
    link = Link(url="https://youtube.com/live/x", title="Live")
    await mastodon.trial(Content(text="At noon", kind=Kind.LIVESTREAM, link=link)).until_public()
    assert mastodon.public() == ["At noon\n\nhttps://youtube.com/live/x"]
