"""What only Facebook has: photos unseen before their post, duplicates, errors that leave it open, shares."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from shared.adapter.contract import Connector, Measurer, NotFound, Pending, Published, Publisher
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.content import Content, Kind, Link
from shared.platforms import specs
from shared.platforms.facebook import connect, measure, publish
from shared.platforms.facebook.post import link_of
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import image, text
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Asked, Trial, payload_of

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""


@pytest.fixture
async def facebook(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["facebook"], sandbox):
        yield stage


def calls(stage: Stage, method: str, ending: str) -> list[dict[str, Any]]:
    """Return the requests about this stage's Page that end so."""
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "facebook"}).json()["requests"]
    return [
        one
        for one in told
        if one["method"] == method and one["path"].endswith(ending) and stage.account.id in one["path"]
    ]


async def look(trial: Trial) -> Published | Pending | NotFound:
    return await publish.find(trial.payload, trial.account, trial.attempt, trial.http)


# ---- the one call that is in doubt -----------------------------------------------------------------------------------


async def test_photos_go_up_unseen_and_one_call_shows_them(facebook: Stage) -> None:
    trial = facebook.trial(image(facebook.store, 3))
    facebook.sandbox.arm("facebook", "accept_then_500", path="*/photos")
    with pytest.raises(TryLater):
        await trial.once()
    assert facebook.posts() == []
    await trial.until_public()
    assert len(calls(facebook, "POST", "/photos")) == 4  # one is an orphan that nobody sees
    assert len(calls(facebook, "POST", "/feed")) == 1
    (post,) = facebook.posts()
    assert [one["sha256"] for one in post["media"]] == [one.sha256 for one in trial.payload.pieces[0].media]


@pytest.mark.parametrize(
    "error",
    [
        {"code": 1, "message": "An unknown error occurred"},
        {"code": 2, "message": "Service temporarily unavailable"},
        {"code": 99_999, "message": "Something new", "is_transient": True},
    ],
)
@pytest.mark.parametrize("status", [400, 500, 503])
async def test_what_facebook_calls_transient_may_have_been_done(facebook: Stage, error: object, status: int) -> None:
    async with scripted() as wire:
        wire.always(reply(status, {"error": error}))
        account = replace(facebook.account, base_url=wire.url)
        with pytest.raises(Uncertain):
            await connect.call(account, facebook.http, "POST", "/1/feed", operation="feed", mutates=True)
        with pytest.raises(TryLater):
            await connect.call(account, facebook.http, "POST", "/1/photos", operation="photo")


async def test_a_rate_limit_that_is_called_transient_is_waited_for(facebook: Stage) -> None:
    async with scripted() as wire:
        wire.always(reply(400, {"error": {"code": 32, "message": "Page request limit", "is_transient": True}}))
        account = replace(facebook.account, base_url=wire.url)
        with pytest.raises(TryLater) as caught:
            await connect.call(account, facebook.http, "POST", "/1/feed", operation="feed", mutates=True)
        assert caught.value.after == 3_600


async def test_a_duplicate_is_refused(facebook: Stage) -> None:
    await facebook.trial(text()).until_public()
    with pytest.raises(Rejected, match="506"):
        await facebook.trial(text()).once()
    assert len(facebook.posts()) == 1


async def test_a_duplicate_of_a_call_that_was_made_before_is_looked_for(facebook: Stage) -> None:
    trial = facebook.trial(text())
    facebook.sandbox.arm("facebook", "accept_then_reset", path="*/feed")
    with pytest.raises(Uncertain):
        await trial.once()
    with pytest.raises(Uncertain, match="506"):
        await trial.once()
    found = await look(trial)
    assert isinstance(found, Published)
    assert [post["id"] for post in facebook.posts()] == [found.external_id]


async def test_a_duplicate_after_a_call_that_was_certainly_not_made_is_refused(facebook: Stage) -> None:
    await facebook.trial(text()).until_public()
    trial = facebook.trial(text())
    facebook.sandbox.arm("facebook", "rate_limit", path="*/feed")
    with pytest.raises(TryLater):
        await trial.once()
    with pytest.raises(Rejected, match="506"):
        await trial.once()


async def test_where_nothing_is_found_a_person_is_asked(facebook: Stage) -> None:
    trial = facebook.trial(text())
    facebook.sandbox.arm("facebook", "refuse_500", path="*/feed")
    assert isinstance(await trial.until_settled(), Asked)
    assert facebook.posts() == []


async def test_a_permalink_that_is_not_told_is_made(facebook: Stage) -> None:
    facebook.sandbox.arm("facebook", "refuse_500", method="GET")
    published = await facebook.trial(text()).until_public()
    assert published.permalink == f"https://www.facebook.com/{published.external_id}"


# ---- looking up ------------------------------------------------------------------------------------------------------


async def test_only_what_the_attempt_may_have_made_is_found(facebook: Stage) -> None:
    first, second = facebook.trial(text()), facebook.trial(text())
    published = await first.until_public()
    second.attempt = replace(second.attempt, others=frozenset(published.parts))
    assert isinstance(await look(second), NotFound)


async def test_two_posts_that_fit_are_for_a_person(facebook: Stage) -> None:
    for content in (text(), Content(text="Between"), text()):
        await facebook.trial(content).until_public()
    with pytest.raises(Uncertain, match="2 posts fit"):
        await look(facebook.trial(text()))


@pytest.mark.parametrize(("app", "found"), [({"id": "7"}, True), ({"id": "8"}, False), (None, False)])
async def test_what_a_person_or_another_tool_posted_is_not_ours(facebook: Stage, app: object, found: bool) -> None:
    trial = facebook.trial(Content(text="Hello"))
    listed = {"id": "1_2", "message": "Hello", "is_published": True, "application": app}

    def told(head: str, _body: bytes) -> bytes:
        return reply(200, {"id": "7"} if "/app?" in head else {"data": [listed]})

    async with scripted() as wire:
        wire.answer = told
        trial.account = replace(facebook.account, base_url=wire.url)
        assert isinstance(await look(trial), Published if found else NotFound)


async def test_photos_tell_posts_with_the_same_text_apart(facebook: Stage) -> None:
    trials = [facebook.trial(image(facebook.store, 2)) for _ in range(2)]
    published = [await trial.until_public() for trial in trials]
    found = [await look(trial) for trial in trials]
    assert found == published


async def test_a_look_goes_through_several_pages(facebook: Stage) -> None:
    wanted = facebook.trial(text())
    published = await wanted.until_public()
    headers = {"Authorization": f"Bearer {facebook.account.secrets['access_token']}"}
    for number in range(105):
        path = f"/facebook/v26.0/{facebook.account.id}/feed"
        said = {"message": f"Post {number}"}
        facebook.sandbox.control.post(path, json=said, headers=headers).raise_for_status()
    found = await look(wanted)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


async def test_a_look_that_is_refused_proves_nothing(facebook: Stage) -> None:
    trial = facebook.trial(text())
    async with scripted() as wire:
        wire.always(reply(400, {"error": {"code": 100, "message": "nonexisting field (application)"}}))
        trial.account = replace(facebook.account, base_url=wire.url)
        with pytest.raises(Uncertain):
            await look(trial)


# ---- links and shares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "link", "shown"),
    [
        ("Hello", None, None),
        ("See https://w.wiki/3 and https://w.wiki/4", None, "https://w.wiki/3"),
        ("See https://w.wiki/3", "https://w.wiki/4", "https://w.wiki/4"),
    ],
)
def test_the_link_whose_preview_is_shown(facebook: Stage, words: str, link: str | None, shown: str | None) -> None:
    content = Content(text=words, link=Link(url=link) if link else None)
    assert link_of(payload_of(content, facebook.spec, facebook.store), facebook.account.base_url) == shown


@pytest.mark.parametrize("kind", [Kind.REPOST, Kind.QUOTE])
async def test_a_share_is_a_post_with_the_permalink_as_its_link(facebook: Stage, kind: Kind) -> None:
    shared = "https://www.facebook.com/wikipedia/posts/1234567890"
    words = "Look at this" if kind is Kind.QUOTE else None
    trial = facebook.trial(Content(text=words, kind=kind, refers_to=shared))
    published = await trial.until_public()
    (post,) = facebook.posts()
    assert (post["text"], post["link"]) == (words or "", shared)
    assert await look(trial) == published


async def test_a_share_of_something_elsewhere_is_refused(facebook: Stage) -> None:
    content = Content(kind=Kind.REPOST, refers_to="https://facebook.com.example.org/wikipedia/posts/1")
    with pytest.raises(Rejected, match="give its permalink"):
        await facebook.trial(content).once()
    assert calls(facebook, "POST", "/feed") == []


async def test_a_livestream_is_announced_by_its_link(facebook: Stage) -> None:
    stream = "https://www.youtube.com/watch?v=abc"
    await facebook.trial(Content(text="Live at six", kind=Kind.LIVESTREAM, link=Link(url=stream))).until_public()
    (post,) = facebook.posts()
    assert (post["text"], post["link"]) == (f"Live at six\n\n{stream}", stream)
