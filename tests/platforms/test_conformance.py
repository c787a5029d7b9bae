"""Every platform is asked the same questions, over real HTTP."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapter.contract import App, Connector, Measurer, NotFound, Pending, Published, Publisher
from shared.adapter.errors import Limited, PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.adapter.spec import Safe, Spec, TextLimit, Unit
from shared.adapter.text import COUNTERS
from shared.content import Content, Kind, Media, Part
from shared.platforms import connector_of, measurer_of, publisher_of, specs
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import WITH_COMMENT, Case, Stage, stage_of
from tests.platforms.contents import Store, image, picture, thread
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Asked, Killed, KilledError, Trial

LONG = {
    Unit.GRAPHEMES: "👩‍🚀",
    Unit.UTF16: "😀",
    Unit.UTF8: "维",
    Unit.CODE_POINTS: "e",
    Unit.WEIGHTED: "维",
    Unit.EMOJI_BYTES: "😀",
}
"""What tells each unit from the others."""
OURS = {"views", "reach", "likes", "comments", "shares", "quotes", "saves", "clicks", "watch_seconds", "watched_mean"}
PUBLIC_FIGURES = {"bluesky", "mastodon"}
"""Platforms that tell figures without being asked who asks."""
WITHOUT_OAUTH = {"bluesky"}
"""Platforms whose accounts let us in by a password made for the purpose; their own tests ask how."""
REVOKED_BY_HAND = {"instagram", "threads"}
"""Platforms that have no call for giving a grant back: the account's owner does it."""
WITH_THREADS = sorted(name for name, spec in specs().items() if Kind.THREAD in spec.kinds)


def filled(stage: Stage, over: int) -> Content:
    """Return the simplest post with a text that fills the tightest limit exactly, or by so many letters more."""
    return stage.plain(full_text(limits_of(stage.spec), over))


def limits_of(spec: Spec) -> list[TextLimit]:
    """Return the limits that hold for the simplest post."""
    kind = Kind.POST if Kind.POST in spec.kinds else Kind.IMAGE if Kind.IMAGE in spec.kinds else Kind.VIDEO
    return [limit for limit in spec.text if limit.holds(kind)]


def full_text(limits: list[TextLimit], over: int) -> str:
    """Return a text that fills the tightest of the limits."""
    letter = LONG[limits[0].unit]
    most = min(limit.most // COUNTERS[limit.unit](letter) for limit in limits)
    rest = min(limit.most - COUNTERS[limit.unit](letter * most) for limit in limits)
    return "a" * (rest + over) + letter * most


def body_with(code: str | None, paths: tuple[str, ...]) -> dict[str, Any]:
    """Return an error's body that has a code where the platform keeps such codes."""
    body: dict[str, Any] = {"message": "in words"}
    if code is None:
        return body
    path = next(path for path in paths if path.count("/") == code.count("/"))
    for part, value in zip(path.split("/"), code.split("/"), strict=True):
        _put(body, part.split("."), value)
    return body


def _put(body: dict[str, Any], steps: list[str], value: str) -> None:
    first, *rest = steps
    if not rest:
        body[first] = value
    elif rest[0].isdigit():
        one: dict[str, Any] = {}
        body[first] = [one]
        _put(one, rest[1:], value)
    else:
        _put(body.setdefault(first, {}), rest, value)


# ---- the spec --------------------------------------------------------------------------------------------------------


def test_the_folder_is_the_registration(spec: Spec) -> None:
    assert specs()[spec.name] is spec
    publisher: Publisher = publisher_of(spec.name)
    connector: Connector = connector_of(spec.name)
    measurer: Measurer = measurer_of(spec.name)
    named = {
        publisher: ("publish", "find", "delete", "edit"),
        connector: ("verify", "limits", "start", "exchange", "refresh", "revoke"),
        measurer: ("measure", "followers", "people", "heard"),
    }
    for part, names in named.items():
        assert all(callable(getattr(part, name)) for name in names)
    with pytest.raises(KeyError, match="no platform 'myspace'"):
        publisher_of("myspace")


def test_the_spec_says_what_it_must(spec: Spec) -> None:
    assert spec.text
    assert all(limit.most > 0 for limit in spec.text)
    assert spec.kinds
    assert set(spec.metrics.values()) <= OURS
    assert spec.pace
    assert any(remedy is TryLater for remedy in spec.errors.values())
    assert all(kind in spec.kinds for kind in spec.videos)
    assert not isinstance(spec.repeat, Safe) or spec.repeat.within is None or spec.repeat.within.total_seconds() > 0


async def test_every_error_of_the_spec_maps_to_its_remedy(stage: Stage) -> None:
    async with scripted() as wire:
        for (status, code), remedy in stage.spec.errors.items():
            wire.always(reply(status or 400, body_with(code, stage.spec.codes)))
            for mutates in (True, False):  # what nobody sees may be done again, whatever became of it
                with pytest.raises(PlatformError) as caught:
                    await stage.http.call("POST", wire.url, operation="refused", mutates=mutates)
                unseen = TryLater if remedy is Uncertain and not mutates else remedy
                told = TryLater if isinstance(caught.value, Limited) else type(caught.value)
                assert told is unseen, (status, code)


# ---- limits ----------------------------------------------------------------------------------------------------------


async def test_a_text_at_the_limit_passes_and_one_letter_more_is_refused(stage: Stage) -> None:
    full, over = filled(stage, 0), filled(stage, 1)
    assert broken(full, stage.spec) == []
    await stage.trial(full).until_public()
    (excess, *_) = broken(over, stage.spec)
    assert (excess.limit, excess.count, excess.place) == ("text", excess.most + 1, "/text")
    with pytest.raises(Rejected):
        await stage.trial(over).until_settled()
    assert stage.public() == [full.text]


def broken(content: Content, spec: Spec) -> list[Any]:
    """Return what a content breaks, its media taken for what the platform takes."""
    return [one for one in limits_broken(content, "test/x", spec) if one.limit != "type"]


async def test_each_kind_passes_the_door_with_a_first_comment_where_one_can_be_said(case: Case) -> None:
    spec = case.stage.spec.stood_in(case.stage.account.base_url)
    assert broken(case.content, spec) == []
    assert case.stage.trial(case.content).payload.kind is case.kind
    assert [one.limit for one in broken(case.commented, spec)] == (
        [] if (spec.name, case.kind) in WITH_COMMENT else ["comment"]
    )


async def test_as_many_images_as_the_limit_pass_and_one_more_is_refused(stage: Stage) -> None:
    if stage.spec.images is None:
        trial = stage.trial(stage.plain()).payload
        assert all(not one.type.startswith("image/") for piece in trial.pieces for one in piece.media)
        return
    full, over = (image(stage.store, stage.spec.images.most + more) for more in (0, 1))
    assert broken(full, stage.spec) == []
    await stage.trial(full).until_public()
    (excess,) = broken(over, stage.spec)
    assert (excess.limit, excess.count, excess.place) == ("media", excess.most + 1, "/media")
    with pytest.raises(Rejected):
        await stage.trial(over).until_settled()
    assert len(stage.public()) == 1


async def test_an_alternative_text_at_the_limit_passes_and_one_letter_more_is_refused(stage: Stage) -> None:
    most = stage.spec.images.alt if stage.spec.images else 0
    shown = Media(asset=stage.store.put(picture()), alt="é" * (most or 20))
    full = Content(text="A", title="A", media=(shown,)) if stage.spec.images else stage.plain()
    assert broken(full, stage.spec) == []
    await stage.trial(full).until_public()
    ((medium,),) = [post["media"] for post in stage.posts()] if full.media else [[{"alt": None}]]
    assert medium["alt"] == (shown.alt if most else None)
    if most:
        (excess,) = broken(full, stage.spec.adjusted({"alt": most - 1}))
        assert (excess.limit, excess.most, excess.count, excess.place) == ("alt", most - 1, most, "/media/0/alt")


def test_a_thread_as_long_as_the_limit_passes_and_one_part_more_is_refused(spec: Spec) -> None:
    if Kind.THREAD not in spec.kinds:
        assert limits_broken(thread(Store()), "test/x", spec)[0].limit == "kind"
        return
    parts = tuple(Part(text="a") for _ in range(min(spec.thread, 49)))
    shorter = replace(spec, thread=len(parts))
    assert limits_broken(Content(thread=parts), "test/x", shorter) == []
    over = Content(thread=(*parts, Part(text="a")))
    assert [one.limit for one in limits_broken(over, "test/x", shorter)] == ["thread"]


# ---- publishing ------------------------------------------------------------------------------------------------------


async def test_what_is_published_is_the_payload(case: Case) -> None:
    trial = case.stage.trial(case.content)
    published = await trial.until_public()
    posts, spec = case.stage.posts(), case.stage.spec
    assert [post["text"] for post in posts] == [piece.text for piece in trial.payload.pieces]
    assert [[one["sha256"] for one in post["media"]] for post in posts] == [
        [one.sha256 for one in piece.media] for piece in trial.payload.pieces
    ]
    if spec.images and spec.images.alt and case.kind not in {Kind.STORY, Kind.VIDEO, Kind.REEL}:
        assert [[one["alt"] for one in post["media"]] for post in posts] == [
            [one.alt for one in piece.media] for piece in trial.payload.pieces
        ]
    answered = case.subject.external_id if case.subject and case.kind is Kind.REPLY else None
    assert [post["reply_to"] for post in posts] == [answered, *(post["id"] for post in posts[:-1])]
    assert published.external_id == published.parts[0]
    if case.kind is not Kind.REPOST:  # X tells no id of one, and on Bluesky it has no page
        assert published.parts == tuple(post["id"] for post in posts)
        assert published.permalink


@pytest.mark.parametrize("loss", ["accept_then_reset", "accept_then_500"])
async def test_a_lost_reply_is_uncertain_and_a_look_finds_the_post(case: Case, loss: str) -> None:
    stage, trial = case.stage, case.stage.trial(case.content)
    stage.sandbox.arm(stage.spec.name, loss)
    for _ in range(5):  # until the call that makes it public
        try:
            outcome = await trial.once()
        except Uncertain:
            break
        assert isinstance(outcome, Pending)
        trial.pause(outcome.after)
    else:
        raise AssertionError("no call made the post public")
    found = await trial.look()
    while isinstance(found, Pending):
        trial.pause(found.after)
        found = await trial.once()
    assert isinstance(found, Published)
    assert stage.public() == [piece.text for piece in trial.payload.pieces]


async def test_a_look_before_anything_was_sent_finds_nothing(case: Case) -> None:
    stage = case.stage
    trial = stage.trial(case.content)
    await stage.trial(stage.plain("Something else", 99)).until_public()
    publisher = publisher_of(stage.spec.name)
    found = await publisher.find(trial.payload, stage.account, trial.attempt, stage.http)
    assert isinstance(found, NotFound)


@pytest.mark.parametrize("platform", WITH_THREADS)
async def test_a_thread_broken_off_is_found_in_part_and_goes_on(platform: str, sandbox: Sandbox) -> None:
    async for stage in stage_of(specs()[platform], sandbox):
        await _goes_on(stage)


async def _goes_on(stage: Stage) -> None:
    """Kill a thread at each place where it writes down, until some but not all of it is public."""
    for dies_at in range(1, 20):
        stage = stage.fresh()
        trial = stage.trial(thread(stage.store), Killed, dies_at=dies_at)
        with pytest.raises(KilledError):
            await trial.until_public()
        if 0 < len(stage.public()) < 3:
            break
    found = await publisher_of(stage.spec.name).find(trial.payload, stage.account, trial.attempt, stage.http)
    assert isinstance(found, Pending)
    again = Trial(trial.spec, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
    again.pause = stage.sandbox.pass_by
    await again.remember(found.resume)
    await again.until_public()
    assert stage.public() == [piece.text for piece in trial.payload.pieces]


# ---- refusals --------------------------------------------------------------------------------------------------------


async def test_wrong_secrets_are_unauthorized(stage: Stage) -> None:
    wrong = {name: value if name == "identifier" else value[::-1] for name, value in stage.account.secrets.items()}
    with pytest.raises(Unauthorized):
        await connector_of(stage.spec.name).verify(replace(stage.account, secrets=wrong), stage.http)
    trial = stage.trial(stage.plain())
    trial.account = replace(stage.account, secrets={})
    with pytest.raises(Unauthorized, match=r"the secrets of test/\w+ lack"):
        await trial.once()


async def test_the_handle_that_the_secrets_open(stage: Stage) -> None:
    connector = connector_of(stage.spec.name)
    assert await connector.verify(stage.account, stage.http) == stage.account.handle.removeprefix("@")
    own = await connector.limits(stage.account, stage.http)
    assert broken(stage.plain(), stage.spec.adjusted(own)) == []


async def test_a_rate_limit_says_when_to_come_back(stage: Stage) -> None:
    trial = stage.trial(stage.plain())
    await connector_of(stage.spec.name).verify(stage.account, stage.http)
    stage.sandbox.arm(stage.spec.name, "rate_limit", method="POST")
    with pytest.raises(TryLater) as caught:
        await trial.once()
    assert caught.value.after is not None
    assert 0 < caught.value.after <= 86_400
    assert stage.public() == []
    trial.pause(caught.value.after)
    await trial.until_public()


async def test_a_server_that_broke_before_the_act_posts_nothing_twice(stage: Stage) -> None:
    trial = stage.trial(stage.plain())
    stage.sandbox.arm(stage.spec.name, "refuse_500", method="POST")
    with pytest.raises((Uncertain, TryLater)) as caught:
        await trial.once()
    assert stage.public() == []
    trial.failures.append(type(caught.value).__name__)
    settled = await trial.until_settled(uncertain=isinstance(caught.value, Uncertain))
    assert len(stage.public()) == (0 if isinstance(settled, Asked) else 1)


async def test_an_expired_token_is_unauthorized_or_renewed(stage: Stage) -> None:
    trial = stage.trial(stage.plain())
    await connector_of(stage.spec.name).verify(stage.account, stage.http)
    stage.sandbox.arm(stage.spec.name, "expired_token", method="POST", times=3)
    with pytest.raises(Unauthorized):
        await trial.until_settled()
    assert stage.public() == []
    stage.sandbox.disarm()
    await trial.until_public()


# ---- taking back, and changing ---------------------------------------------------------------------------------------


async def test_a_post_is_taken_down_once_and_for_all_or_a_person_is_told_how(stage: Stage) -> None:
    published = await stage.trial(stage.plain()).until_public()
    publisher, parts = publisher_of(stage.spec.name), list(reversed(published.parts))
    if not stage.spec.deletes:
        with pytest.raises(Rejected, match="by hand"):
            await publisher.delete(parts, stage.account, stage.http)
        return
    await publisher.delete(parts, stage.account, stage.http)
    assert stage.public() == []
    await publisher.delete(parts, stage.account, stage.http)


async def test_the_text_of_a_post_is_changed_or_a_person_is_told_how(stage: Stage) -> None:
    published = await stage.trial(stage.plain("Befor")).until_public()
    publisher, payload = publisher_of(stage.spec.name), stage.trial(stage.plain("Before")).payload
    if not stage.spec.edits:
        with pytest.raises(Rejected, match="by hand"):
            await publisher.edit(published.external_id, payload, stage.account, stage.http)
        return
    edited = await publisher.edit(published.external_id, payload, stage.account, stage.http)
    (post,) = stage.posts()
    assert (post["text"], post["id"]) == ("Before", edited.external_id)


# ---- being let in ----------------------------------------------------------------------------------------------------

OAUTH = sorted(set(specs()) - WITHOUT_OAUTH)


@pytest.mark.parametrize("platform", OAUTH)
async def test_an_account_is_connected_renewed_and_given_back(platform: str, sandbox: Sandbox) -> None:
    async for stage in stage_of(specs()[platform], sandbox):
        connector, name = connector_of(platform), stage.account.handle.removeprefix("@")
        app = App("client", "client-secret", "https://carillon.example/connected", stage.account.base_url)
        address = connector.start(app, "a-state", "v" * 43)
        asked = parse_qs(urlsplit(address).query)
        assert asked["state"] == ["a-state"]
        assert asked["redirect_uri"] == [app.redirect_uri]
        assert "client-secret" not in address
        grant = await connector.exchange(app, f"code-{name}", "v" * 43, stage.http)
        with pytest.raises(Unauthorized):
            await connector.exchange(app, f"code-{name}", "v" * 43, stage.http)
        sandbox.pass_by(86_400 * 2)  # some platforms renew a token only when it is a day old
        if grant.expires_at and grant.expires_at < datetime.now(UTC) + timedelta(days=2):
            assert grant.refresh_token
        renewed = await connector.refresh(app, grant, stage.http)
        assert renewed.access_token
        account = replace(stage.account, secrets={"access_token": renewed.access_token})
        assert await connector.verify(account, stage.http) == name
        if platform in REVOKED_BY_HAND:
            with pytest.raises(Rejected, match="by hand"):
                await connector.revoke(app, renewed, stage.http)
            continue
        await connector.revoke(app, renewed, stage.http)
        with pytest.raises(Unauthorized):
            await connector.refresh(app, renewed, stage.http)
        await connector.revoke(app, renewed, stage.http)


@pytest.mark.parametrize("platform", OAUTH)
async def test_a_platform_that_breaks_while_renewing_costs_nothing(platform: str, sandbox: Sandbox) -> None:
    async for stage in stage_of(specs()[platform], sandbox):
        connector, name = connector_of(platform), stage.account.handle.removeprefix("@")
        app = App("client", "client-secret", "https://carillon.example/connected", stage.account.base_url)
        grant = await connector.exchange(app, f"code-{name}", "v" * 43, stage.http)
        sandbox.pass_by(86_400 * 2)
        sandbox.arm(platform, "refuse_500")
        with pytest.raises(TryLater):
            await connector.refresh(app, grant, stage.http)
        sandbox.disarm()
        assert (await connector.refresh(app, grant, stage.http)).access_token


# ---- measuring -------------------------------------------------------------------------------------------------------


async def test_what_was_published_is_measured_and_what_is_not_there_left_out(stage: Stage) -> None:
    published = await stage.trial(stage.plain()).until_public()
    missing = published.external_id[:-3] + "222"
    asked = [published.external_id, missing]
    measured = await measurer_of(stage.spec.name).measure(asked, stage.account, stage.http)
    assert [one.external_id for one in measured] == [published.external_id]
    assert measured[0].values
    assert set(measured[0].values) <= set(stage.spec.metrics.values())
    assert await measurer_of(stage.spec.name).measure([], stage.account, stage.http) == []


async def test_followers_are_counted(stage: Stage) -> None:
    # Three figures that count: YouTube tells no more of them.
    handle = stage.account.handle.removeprefix("@")
    stage.sandbox.control.put("/_followers", json={stage.spec.name: {handle: 51_900}}).raise_for_status()
    account = replace(stage.account, secrets={}) if stage.spec.name in PUBLIC_FIGURES else stage.account
    assert await measurer_of(stage.spec.name).followers(account, stage.http) == 51_900


async def test_what_people_say_is_heard(stage: Stage) -> None:
    handle, began = stage.account.handle.removeprefix("@"), datetime.now(UTC) - timedelta(minutes=5)
    published = await stage.trial(stage.plain()).until_public()
    stage.sandbox.say(stage.spec.name, handle, kind="reply", text="Oh, nice", author="ada", to=published.external_id)
    heard = await measurer_of(stage.spec.name).heard(began, stage.account, stage.http)
    assert [(one.kind, one.text, one.author) for one in heard] == (
        [("reply", "Oh, nice", "ada")] if stage.spec.replies else []
    )
    later = datetime.now(UTC) + timedelta(days=2)
    assert list(await measurer_of(stage.spec.name).heard(later, stage.account, stage.http)) == []


async def test_who_follows_is_counted_where_the_platform_tells(stage: Stage) -> None:
    people = await measurer_of(stage.spec.name).people(stage.account, stage.http)
    assert all(len(country) == 2 and count >= 0 for country, count in people.countries.items())
    assert all(count >= 0 for count in people.ages.values())
