"""What only Instagram has: containers, what they prove, a comment that is worth no second post, and its figures."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.sandbox.people import number_of
from shared.adapter.contract import (
    Account,
    App,
    Connector,
    Http,
    Measurer,
    NotFound,
    Pending,
    Published,
    Publisher,
)
from shared.adapter.errors import Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.content import Content, Kind, Media
from shared.platforms import specs
from shared.platforms.instagram import connect, measure, publish
from shared.platforms.instagram.search import SETTLED
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import film, image, offered, picture, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Trial

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""
CONTAINER = {"method": "POST", "path": "*/media"}
PUBLISH = {"method": "POST", "path": "*/media_publish"}
COMMENT = {"method": "POST", "path": "*/comments"}
SPAM = {"error": {"message": "blocked", "code": 4, "error_subcode": 2207051, "is_transient": False}}
DAY = 86_400


@pytest.fixture
async def instagram(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["instagram"], sandbox):
        yield stage


def name_of(stage: Stage) -> str:
    return stage.account.handle.removeprefix("@")


def ledger(stage: Stage, kind: str) -> list[dict[str, Any]]:
    return [one for one in stage.sandbox.posts("instagram", name_of(stage)) if one["kind"] == kind]


def arm(stage: Stage, fault: str, where: dict[str, str], times: int = 1) -> None:
    stage.sandbox.arm("instagram", fault, times=times, **where)


async def look(trial: Trial) -> Published | Pending | NotFound:
    return await publish.find(trial.payload, trial.account, trial.attempt, trial.http)


def aged(trial: Trial, by: timedelta) -> None:
    """Make the call that published, or not, so much older."""
    sent = datetime.fromisoformat(trial.attempt.resume["sent"]) - by
    trial.attempt = replace(trial.attempt, resume={**trial.attempt.resume, "sent": sent.isoformat()})


# ---- containers ------------------------------------------------------------------------------------------------------


async def test_a_carousel_mixes_pictures_and_films_in_their_order(instagram: Stage) -> None:
    store = instagram.store
    media = tuple(Media(asset=store.put(one), alt="A field") for one in (picture(1), film(7), picture(2)))
    trial = instagram.trial(Content(text="Three", media=media))
    published = await trial.until_public()
    (post,) = instagram.posts()
    assert (post["id"], post["form"], post["product"]) == (published.external_id, "CAROUSEL_ALBUM", "FEED")
    assert [one["sha256"] for one in post["media"]] == [one.sha256 for one in trial.payload.pieces[0].media]
    assert [one["alt"] for one in post["media"]] == ["A field", None, "A field"]


async def test_the_calls_are_those_of_the_guide(instagram: Stage) -> None:
    """The forms are the examples of developers.facebook.com/docs/instagram-platform/content-publishing."""
    trial = instagram.trial(image(instagram.store, 2))
    await trial.until_public()
    told = instagram.sandbox.control.get("/_ledger/requests", params={"platform": "instagram"}).json()["requests"]
    posted = [one for one in told if one["method"] == "POST"][-4:]
    user, state = f"/v26.0/{instagram.account.id}", trial.attempt.resume
    assert [one["path"] for one in posted] == [*[f"{user}/media"] * 3, f"{user}/media_publish"]
    for one in posted:
        assert one["headers"]["authorization"] == "Bearer ***"
        assert one["headers"]["content-type"] == "application/json"
    bodies = [json.loads(one["body"]) for one in posted]
    assert set(bodies[0]) == {"image_url", "is_carousel_item", "alt_text"}
    caption = trial.payload.pieces[0].text
    assert bodies[2] == {"media_type": "CAROUSEL", "children": ",".join(state["children"]), "caption": caption}
    assert bodies[3] == {"creation_id": state["container"]}


async def test_ten_containers_are_asked_for_in_several_goes(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store, 10))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert len(outcome.resume["children"]) == 5
    await trial.until_public()
    (post,) = instagram.posts()
    assert [one["sha256"] for one in post["media"]] == [one.sha256 for one in trial.payload.pieces[0].media]


@pytest.mark.parametrize("kind", [None, Kind.REEL])
async def test_a_film_is_a_reel_waited_for_and_asked_for_once(instagram: Stage, kind: Kind | None) -> None:
    trial = instagram.trial(video(instagram.store, kind))
    arm(instagram, "slow_processing", CONTAINER)
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    container = outcome.resume["container"]
    assert isinstance(await trial.once(), Pending)
    assert instagram.posts() == []
    instagram.sandbox.pass_by(31)
    published = await trial.once()
    assert isinstance(published, Published)
    (post,) = instagram.posts()
    assert (post["container"], post["product"]) == (container, "REELS")
    assert "/reel/" in (published.permalink or "")


async def test_a_container_that_fails_is_made_anew_and_the_third_time_given_up(instagram: Stage) -> None:
    trial = instagram.trial(video(instagram.store))
    arm(instagram, "failed_processing", CONTAINER)
    await trial.until_public()
    assert trial.attempt.resume["failures"] == 1
    assert len(instagram.posts()) == 1
    arm(instagram, "failed_processing", CONTAINER, times=3)
    with pytest.raises(Rejected, match="2207053"):
        await instagram.trial(video(instagram.store)).until_public()
    assert len(instagram.posts()) == 1


async def test_a_failed_child_is_made_anew_in_its_place(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store, 3))
    arm(instagram, "failed_processing", CONTAINER)
    await trial.until_public()
    (post,) = instagram.posts()
    assert [one["sha256"] for one in post["media"]] == [one.sha256 for one in trial.payload.pieces[0].media]


async def test_a_film_that_is_too_short_is_refused_with_instagrams_words(instagram: Stage) -> None:
    short = Media(asset=instagram.store.put(film(3, seconds=2)), alt="A field")
    with pytest.raises(Rejected, match="2207026"):
        await instagram.trial(Content(text="Short", media=(short,))).until_public()
    assert instagram.posts() == []


async def test_a_container_that_expired_is_made_anew(instagram: Stage) -> None:
    trial = instagram.trial(video(instagram.store))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    instagram.sandbox.pass_by(DAY + 1)
    await trial.until_public()
    (post,) = instagram.posts()
    assert post["container"] != outcome.resume["container"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Content(text="Only words"), "with a picture or a video"),
        (Content(text="One", kind=Kind.CAROUSEL, media=(Media(asset="0" * 64),)), "two media at the least"),
        (Content(text="Two", kind=Kind.STORY, media=(Media(asset="0" * 64),) * 2), "has one medium"),
        (Content(text="A", kind=Kind.STORY, media=(Media(asset="0" * 64),)), "a story shows no text"),
        (
            Content(kind=Kind.STORY, media=(Media(asset="0" * 64),), first_comment="B"),
            "leave the first comment out",
        ),
    ],
)
async def test_what_has_no_form_here_is_refused_before_any_call(instagram: Stage, content: Content, words: str) -> None:
    asset = instagram.store.put(picture())
    content = content.model_copy(
        update={"media": tuple(one.model_copy(update={"asset": asset}) for one in content.media)}
    )
    with pytest.raises(Rejected, match=words):
        await instagram.trial(content).once()
    assert instagram.posts() == []


async def test_the_door_counts_hashtags_as_instagram_does(instagram: Stage) -> None:
    full, over = (" ".join(f"#a{number}" for number in range(most)) for most in (30, 31))
    assert [
        one for one in limits_broken(instagram.plain(full), "x/instagram", instagram.spec) if one.limit == "tags"
    ] == []
    (excess,) = [
        one for one in limits_broken(instagram.plain(over), "x/instagram", instagram.spec) if one.limit == "tags"
    ]
    assert (excess.most, excess.count) == (30, 31)
    await instagram.trial(instagram.plain(full)).until_public()
    with pytest.raises(Rejected, match="tags"):
        await instagram.trial(instagram.plain(over)).until_public()


# ---- what a container proves -----------------------------------------------------------------------------------------


@dataclass
class Spammed:
    """A door behind which a call that publishes is done, or not, and answered by "taken for spam" in any case."""

    http: Http
    refusing: str
    does: bool

    async def call(self, method: str, url: str, **parts: Any) -> Any:
        if not url.endswith("/media_publish"):
            return await self.http.call(method, url, **parts)
        if self.does:
            await self.http.call(method, url, **parts)
        return await self.http.call(method, self.refusing, **parts)


@pytest.mark.parametrize("does", [True, False])
async def test_taken_for_spam_says_nothing_of_what_is_public(instagram: Stage, does: bool) -> None:
    trial = instagram.trial(image(instagram.store))
    async with scripted() as wire:
        wire.always(reply(400, SPAM))
        trial.http = Spammed(instagram.http, wire.url, does)
        with pytest.raises(Uncertain):
            await trial.once()
    trial.http = instagram.http
    if does:
        found = await look(trial)
        assert isinstance(found, Published)
        assert [found.external_id] == [post["id"] for post in instagram.posts()]
    else:
        with pytest.raises(Uncertain, match="FINISHED"):
            await look(trial)


async def test_a_finished_container_proves_its_absence_only_after_minutes(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store))
    arm(instagram, "refuse_500", PUBLISH)
    with pytest.raises(Uncertain):
        await trial.once()
    with pytest.raises(Uncertain, match="FINISHED, and 0 listed"):
        await look(trial)
    aged(trial, SETTLED)
    assert isinstance(await look(trial), NotFound)
    container = trial.attempt.resume["container"]
    assert isinstance(await trial.once(), Published)
    (post,) = instagram.posts()
    assert post["container"] == container


async def test_a_finished_container_beside_a_post_that_fits_is_for_a_person(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store))
    arm(instagram, "refuse_500", PUBLISH)
    with pytest.raises(Uncertain):
        await trial.once()
    await instagram.trial(image(instagram.store)).until_public()
    aged(trial, SETTLED)
    with pytest.raises(Uncertain, match="FINISHED, and 1 listed"):
        await look(trial)


async def test_a_published_container_is_never_published_again(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store))
    arm(instagram, "accept_then_reset", PUBLISH)
    with pytest.raises(Uncertain):
        await trial.once()
    with pytest.raises(Uncertain, match="public already"):
        await trial.once()
    assert len(instagram.posts()) == 1


async def test_a_refusal_proves_that_nothing_was_published(instagram: Stage) -> None:
    control = instagram.sandbox.control
    control.put("/_quotas", json={"instagram": {"posts_24h": 1}}).raise_for_status()
    try:
        await instagram.trial(image(instagram.store)).until_public()
        trial = instagram.trial(image(instagram.store))
        with pytest.raises(TryLater, match="9") as caught:
            await trial.once()
        assert caught.value.after == 3_600
        assert isinstance(await look(trial), NotFound)
        instagram.sandbox.pass_by(DAY - 3_600 * 2)
        control.put("/_quotas", json={"instagram": "open"}).raise_for_status()
        await trial.until_public()
        assert len(instagram.posts()) == 2
    finally:
        control.put("/_quotas", json={"instagram": "open"}).raise_for_status()


async def test_a_caption_is_found_though_its_mentions_are_read_without_the_sign(instagram: Stage) -> None:
    trial = instagram.trial(instagram.plain("Thanks, @wikipedia!"))
    arm(instagram, "accept_then_reset", PUBLISH)
    with pytest.raises(Uncertain):
        await trial.once()
    assert isinstance(await look(trial), Published)


async def test_of_two_media_that_fit_the_one_that_is_known_is_passed_over(instagram: Stage) -> None:
    first = await instagram.trial(image(instagram.store)).until_public()
    trial = instagram.trial(image(instagram.store))
    arm(instagram, "accept_then_reset", PUBLISH)
    with pytest.raises(Uncertain):
        await trial.once()
    with pytest.raises(Uncertain, match="2 listed"):
        await look(trial)
    trial.attempt = replace(trial.attempt, others=frozenset({first.external_id}))
    found = await look(trial)
    assert isinstance(found, Published)
    assert found.external_id not in {first.external_id}


async def test_a_look_goes_through_several_pages(instagram: Stage) -> None:
    trial = instagram.trial(instagram.plain("The first of many"))
    arm(instagram, "accept_then_reset", PUBLISH)
    with pytest.raises(Uncertain):
        await trial.once()
    for number in range(52):
        await instagram.trial(instagram.plain(f"Number {number}")).until_public()
    assert isinstance(await look(trial), Published)


async def test_a_permalink_that_cannot_be_read_fails_nothing(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store))
    outcome = await trial.once()
    assert isinstance(outcome, Published)
    other = instagram.trial(image(instagram.store))
    other.http = Unread(instagram.http)
    outcome = await other.once()
    assert isinstance(outcome, Published)
    assert outcome.permalink is None


@dataclass
class Unread:
    """A door through which nobody reads a permalink: it asks for a medium that is not there."""

    http: Http

    async def call(self, method: str, url: str, **parts: Any) -> Any:
        if parts["operation"] == "permalink":
            url = f"{url}222"
        return await self.http.call(method, url, **parts)


# ---- the first comment -----------------------------------------------------------------------------------------------


def commented(stage: Stage, words: str = "Ada, CC BY-SA 4.0") -> Trial:
    return stage.trial(image(stage.store).model_copy(update={"first_comment": words}))


async def test_the_first_comment_is_below_the_post(instagram: Stage) -> None:
    published = await commented(instagram).until_public()
    (said,) = ledger(instagram, "comment")
    assert (said["text"], said["reply_to"], published.unsaid) == ("Ada, CC BY-SA 4.0", published.external_id, None)
    assert published.parts == (published.external_id,)


@pytest.mark.parametrize("where", [PUBLISH, COMMENT])
@pytest.mark.parametrize("loss", ["accept_then_reset", "accept_then_500", "accept_then_stall"])
async def test_whichever_reply_is_lost_post_and_comment_are_there_once(
    instagram: Stage, where: dict[str, str], loss: str
) -> None:
    arm(instagram, loss, where)
    published = await commented(instagram).until_public()
    assert [post["id"] for post in instagram.posts()] == [published.external_id]
    assert len(ledger(instagram, "comment")) == 1
    assert published.unsaid is None


async def test_a_comment_that_must_wait_is_made_later_below_the_same_post(instagram: Stage) -> None:
    trial = commented(instagram)
    arm(instagram, "rate_limit", COMMENT)
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after == 60
    assert outcome.resume["parts"][0]["id"] == instagram.posts()[0]["id"]
    published = await trial.until_public()
    assert (len(instagram.posts()), len(ledger(instagram, "comment")), published.unsaid) == (1, 1, None)


async def test_a_comment_of_unknown_outcome_is_not_made_twice_and_said_to_be_missing(instagram: Stage) -> None:
    arm(instagram, "refuse_500", COMMENT)
    published = await commented(instagram).until_public()
    assert published.unsaid
    assert (len(instagram.posts()), ledger(instagram, "comment")) == (1, [])


async def test_a_comment_that_is_refused_leaves_the_post_published(instagram: Stage) -> None:
    published = await commented(instagram, "é" * 301).until_public()
    assert "300" in (published.unsaid or "")
    assert (len(instagram.posts()), ledger(instagram, "comment")) == (1, [])


# ---- figures and voices ----------------------------------------------------------------------------------------------


async def test_a_reel_tells_how_long_it_was_watched_in_seconds(instagram: Stage) -> None:
    published = await instagram.trial(video(instagram.store)).until_public()
    instagram.sandbox.pass_by(600)
    (measured,) = await measure.measure([published.external_id], instagram.account, instagram.http)
    values = measured.values
    assert values["watched_mean"] == 4
    assert values["watch_seconds"] == round(4.2 * values["views"])
    assert values["views"] > values["reach"] > values["likes"] > 0
    assert measured.organic == values
    assert measured.awaited == frozenset()


async def test_a_story_that_few_have_seen_has_no_figures_yet(instagram: Stage) -> None:
    story = offered(instagram.spec)["story"](instagram.store)
    published = await instagram.trial(story).until_public()
    (measured,) = await measure.measure([published.external_id], instagram.account, instagram.http)
    assert (measured.values, measured.awaited) == ({}, frozenset({"views", "reach", "shares"}))
    instagram.sandbox.pass_by(3_600)
    (measured,) = await measure.measure([published.external_id], instagram.account, instagram.http)
    assert set(measured.values) == {"views", "reach", "shares"}


async def test_countries_and_ages_are_told_from_a_hundred_followers_on(instagram: Stage) -> None:
    name = name_of(instagram)
    for count, told in ((99, False), (1_050, True)):
        instagram.sandbox.control.put("/_followers", json={"instagram": {name: count}}).raise_for_status()
        people = await measure.people(instagram.account, instagram.http)
        assert dict(people.countries) == ({"BR": 350, "GR": 210, "IN": 150} if told else {})
        assert set(people.ages) == ({"18-24", "25-34", "35-44"} if told else set())


async def test_others_are_heard_page_by_page_and_we_are_not(instagram: Stage) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    published = await commented(instagram).until_public()
    for number in range(60):
        said = {"kind": "reply", "text": f"Nice {number}", "author": "ada", "to": published.external_id}
        instagram.sandbox.say("instagram", name_of(instagram), **said)
    heard = await measure.heard(began, instagram.account, instagram.http)
    assert [one.text for one in heard] == [f"Nice {number}" for number in range(60)]
    assert {(one.author, one.to, one.permalink) for one in heard} == {
        ("ada", published.external_id, published.permalink)
    }


# ---- being let in ----------------------------------------------------------------------------------------------------


def app_of(stage: Stage) -> App:
    return App("client", "client-secret", "https://carillon.example/connected", stage.account.base_url)


async def test_a_grant_lasts_sixty_days_is_renewed_after_one_and_dies_unrenewed(instagram: Stage) -> None:
    app, name = app_of(instagram), name_of(instagram)
    grant = await connect.exchange(app, f"code-{name}#_", "", instagram.http)
    assert grant.account_id == number_of(name)
    assert grant.expires_at
    assert timedelta(days=59) < grant.expires_at - datetime.now(UTC) < timedelta(days=61)
    assert "instagram_business_content_publish" in grant.scopes
    with pytest.raises(TryLater, match="24 hours"):
        await connect.refresh(app, grant, instagram.http)
    instagram.sandbox.pass_by(DAY)
    renewed = await connect.refresh(app, grant, instagram.http)
    assert (renewed.account_id, renewed.scopes) == (grant.account_id, grant.scopes)
    instagram.sandbox.pass_by(61 * DAY)
    with pytest.raises(Unauthorized):
        await connect.refresh(app, renewed, instagram.http)


def test_the_window_of_the_real_platform_is_on_its_own_host() -> None:
    app = App("client", "secret", "https://carillon.example/connected", "https://graph.instagram.com")
    address = connect.start(app, "a-state", "")
    assert address.startswith("https://www.instagram.com/oauth/authorize?")
    assert "instagram_business_content_publish" in address


async def test_the_answers_that_the_documentation_shows_are_read_too(instagram: Stage) -> None:
    documented = {"data": [{"user_id": "17841400000000000", "username": "wikipedia"}]}
    async with scripted() as wire:
        wire.always(reply(200, documented))
        account = Account("test/instagram", "", wire.url, {"access_token": "a-token"})
        assert await connect.verify(account, instagram.http) == "wikipedia"


async def test_an_account_may_name_another_version(instagram: Stage) -> None:
    newer, older = (replace(instagram.account, version=version) for version in ("v27.0", "v19.0"))
    assert await connect.verify(newer, instagram.http) == name_of(instagram)
    with pytest.raises(Rejected, match="2635"):
        await connect.verify(older, instagram.http)


async def test_without_an_id_the_token_says_whose_the_post_is(instagram: Stage) -> None:
    trial = instagram.trial(image(instagram.store))
    trial.account = replace(instagram.account, id="")
    published = await trial.until_public()
    assert [post["id"] for post in instagram.posts()] == [published.external_id]
