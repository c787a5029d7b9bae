"""Every platform is asked the same questions, over real HTTP."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.adapter.contract import Connector, Measurer, NotFound, Pending, Published, Publisher
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.adapter.spec import Safe, Spec, Unit
from shared.adapter.text import COUNTERS
from shared.content import Content, Kind, Media, Part
from shared.platforms import connector_of, measurer_of, publisher_of, specs
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage
from tests.platforms.stage import Killed, KilledError, Store, Trial, image, picture, text, thread

CONTENTS: dict[str, Callable[[Store], Content]] = {"text": lambda _: text(), "image": image, "thread": thread}
LONG = {
    Unit.GRAPHEMES: "👩‍🚀",
    Unit.UTF16: "😀",
    Unit.UTF8: "维",
    Unit.CODE_POINTS: "e",
    Unit.WEIGHTED: "维",
}
"""What tells each unit from the others."""
OURS = {"views", "reach", "likes", "comments", "shares", "quotes", "saves", "clicks"}


def filled(spec: Spec, over: int) -> Content:
    """Return a text that fills the tightest limit exactly, or by so many letters more."""
    limit = spec.text[0]
    most = limit.most // COUNTERS[limit.unit](LONG[limit.unit])
    for other in spec.text[1:]:
        most = min(most, other.most // COUNTERS[other.unit](LONG[limit.unit]))
    body = LONG[limit.unit] * most
    rest = min(one.most - COUNTERS[one.unit](body) for one in spec.text)
    return Content(text="a" * (rest + over) + body)


# ---- the spec --------------------------------------------------------------------------------------------------------


def test_the_folder_is_the_registration(spec: Spec) -> None:
    assert specs()[spec.name] is spec
    publisher: Publisher = publisher_of(spec.name)
    connector: Connector = connector_of(spec.name)
    measurer: Measurer = measurer_of(spec.name)
    for part, names in ((publisher, ("publish", "find")), (connector, ("verify", "limits")), (measurer, ("measure",))):
        assert all(callable(getattr(part, name)) for name in names)
    with pytest.raises(KeyError, match="no platform 'myspace'"):
        publisher_of("myspace")


def test_the_spec_says_what_it_must(spec: Spec) -> None:
    assert spec.text
    assert all(limit.most > 0 for limit in spec.text)
    assert spec.kinds
    assert set(spec.metrics.values()) <= OURS
    assert spec.pace
    assert (429, None) in spec.errors
    assert not isinstance(spec.repeat, Safe) or spec.repeat.within is None or spec.repeat.within.total_seconds() > 0


async def test_every_error_of_the_spec_maps_to_its_remedy(stage: Stage) -> None:
    async with scripted() as wire:
        for (status, code), remedy in stage.spec.errors.items():
            wire.always(reply(status, {"error": code or "anything", "message": "in words"}))
            with pytest.raises(PlatformError) as caught:
                await stage.http.call("POST", wire.url, operation="refused", mutates=True)
            assert type(caught.value) is remedy, (status, code)


# ---- limits ----------------------------------------------------------------------------------------------------------


async def test_a_text_at_the_limit_passes_and_one_letter_more_is_refused(stage: Stage) -> None:
    full, over = filled(stage.spec, 0), filled(stage.spec, 1)
    assert limits_broken(full, "test/x", stage.spec) == []
    await stage.trial(full).until_public()
    (excess, *_) = limits_broken(over, "test/x", stage.spec)
    assert (excess.limit, excess.count, excess.place) == ("text", excess.most + 1, "/text")
    with pytest.raises(Rejected):
        await stage.trial(over).once()
    assert stage.public() == [full.text]


async def test_as_many_images_as_the_limit_pass_and_one_more_is_refused(stage: Stage) -> None:
    assert stage.spec.images
    full, over = (image(stage.store, stage.spec.images.most + more) for more in (0, 1))
    assert limits_broken(full, "test/x", stage.spec) == []
    await stage.trial(full).until_public()
    (excess,) = limits_broken(over, "test/x", stage.spec)
    assert (excess.limit, excess.count, excess.place) == ("media", excess.most + 1, "/media")
    with pytest.raises(Rejected):
        await stage.trial(over).once()
    assert len(stage.public()) == 1


async def test_an_alternative_text_at_the_limit_passes_and_one_letter_more_is_refused(stage: Stage) -> None:
    assert stage.spec.images
    most = stage.spec.images.alt
    full = Content(text="A", media=(Media(asset=stage.store.put(picture()), alt="é" * most),))
    assert limits_broken(full, "test/x", stage.spec) == []
    await stage.trial(full).until_public()
    (excess,) = limits_broken(full, "test/x", stage.spec.adjusted({"alt": most - 1}))
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


@pytest.mark.parametrize("name", CONTENTS)
async def test_what_is_published_is_the_payload(stage: Stage, name: str) -> None:
    trial = stage.trial(CONTENTS[name](stage.store))
    published = await trial.until_public()
    posts = stage.sandbox.posts(stage.spec.name, stage.account.handle.removeprefix("@"))
    assert [post["text"] for post in posts] == [piece.text for piece in trial.payload.pieces]
    assert [[one["alt"] for one in post["media"]] for post in posts] == [
        [one.alt for one in piece.media] for piece in trial.payload.pieces
    ]
    assert [post["reply_to"] for post in posts] == [None, *(post["id"] for post in posts[:-1])]
    assert published.parts == tuple(post["id"] for post in posts)
    assert published.external_id == published.parts[0]
    assert published.permalink


async def test_what_is_done_survives_json_and_a_change_of_process(stage: Stage) -> None:
    trial = stage.trial(thread(stage.store), Killed, dies_at=2)
    with pytest.raises(KilledError):
        await trial.once()
    again = Trial(trial.spec, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
    await again.until_public()
    assert stage.public() == [piece.text for piece in trial.payload.pieces]


@pytest.mark.parametrize("loss", ["accept_then_stall", "accept_then_reset", "accept_then_500"])
async def test_a_lost_reply_is_uncertain_and_a_look_finds_the_post(stage: Stage, loss: str) -> None:
    trial = stage.trial(text())
    stage.sandbox.arm(stage.spec.name, loss)
    with pytest.raises(Uncertain):
        await trial.once()
    found = await publisher_of(stage.spec.name).find(trial.payload, stage.account, trial.attempt, stage.http)
    assert isinstance(found, Published)
    (post,) = stage.sandbox.posts(stage.spec.name, stage.account.handle.removeprefix("@"))
    assert found.external_id == post["id"]


@pytest.mark.parametrize("name", CONTENTS)
async def test_a_look_before_anything_was_sent_finds_nothing(stage: Stage, name: str) -> None:
    trial = stage.trial(CONTENTS[name](stage.store))
    await stage.trial(Content(text="Something else")).until_public()
    publisher = publisher_of(stage.spec.name)
    found = await publisher.find(trial.payload, stage.account, trial.attempt, stage.http)
    assert isinstance(found, NotFound)


async def test_a_thread_broken_off_is_found_in_part_and_goes_on(stage: Stage) -> None:
    trial = stage.trial(thread(stage.store), Killed, dies_at=3)
    with pytest.raises(KilledError):
        await trial.once()
    before = stage.public()
    assert 0 < len(before) < 3
    found = await publisher_of(stage.spec.name).find(trial.payload, stage.account, trial.attempt, stage.http)
    assert isinstance(found, Pending)
    again = Trial(trial.spec, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
    await again.remember(found.resume)
    await again.until_public()
    assert stage.public() == [piece.text for piece in trial.payload.pieces]


# ---- refusals --------------------------------------------------------------------------------------------------------


async def test_wrong_secrets_are_unauthorized(stage: Stage) -> None:
    wrong = {name: value if name == "identifier" else value[::-1] for name, value in stage.account.secrets.items()}
    with pytest.raises(Unauthorized):
        await connector_of(stage.spec.name).verify(replace(stage.account, secrets=wrong), stage.http)
    trial = stage.trial(text())
    trial.account = replace(stage.account, secrets={})
    with pytest.raises(Unauthorized, match=r"the secrets of test/\w+ lack"):
        await trial.once()


async def test_the_handle_that_the_secrets_open(stage: Stage) -> None:
    connector = connector_of(stage.spec.name)
    assert await connector.verify(stage.account, stage.http) == stage.account.handle.removeprefix("@")
    own = await connector.limits(stage.account, stage.http)
    assert limits_broken(text(), "test/x", stage.spec.adjusted(own)) == []


async def test_a_rate_limit_says_when_to_come_back(stage: Stage) -> None:
    trial = stage.trial(text())
    await connector_of(stage.spec.name).verify(stage.account, stage.http)
    stage.sandbox.arm(stage.spec.name, "rate_limit", method="POST")
    with pytest.raises(TryLater) as caught:
        await trial.once()
    assert caught.value.after is not None
    assert 0 < caught.value.after <= 31
    assert stage.public() == []
    await trial.until_public()


async def test_a_server_that_broke_before_the_act_posts_nothing(stage: Stage) -> None:
    trial = stage.trial(text())
    stage.sandbox.arm(stage.spec.name, "refuse_500", method="POST")
    with pytest.raises((Uncertain, TryLater)):
        await trial.once()
    assert stage.public() == []
    await trial.until_public()
    assert len(stage.public()) == 1


# ---- measuring -------------------------------------------------------------------------------------------------------


async def test_what_was_published_is_measured_and_what_is_not_there_left_out(stage: Stage) -> None:
    published = await stage.trial(text()).until_public()
    missing = published.external_id[:-3] + "222"
    asked = [published.external_id, missing]
    measured = await measurer_of(stage.spec.name).measure(asked, stage.account, stage.http)
    assert [one.external_id for one in measured] == [published.external_id]
    assert set(measured[0].values) == set(stage.spec.metrics.values())
    assert await measurer_of(stage.spec.name).measure([], stage.account, stage.http) == []


async def test_followers_are_counted_without_secrets(stage: Stage) -> None:
    handle = stage.account.handle.removeprefix("@")
    stage.sandbox.control.put("/_followers", json={stage.spec.name: {handle: 51_966}}).raise_for_status()
    public = replace(stage.account, secrets={})
    assert await measurer_of(stage.spec.name).followers(public, stage.http) == 51_966
