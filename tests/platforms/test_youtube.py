"""What only YouTube has: sessions and their chunks, processing that fails, captions, quotas until midnight, and
figures that are text."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.adapter.contract import (
    Account,
    App,
    Connector,
    Measured,
    Measurer,
    NotFound,
    Pending,
    Published,
    Publisher,
)
from shared.adapter.errors import Limited, PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.content import Captions, Content, Kind
from shared.payload import Card, Rendition
from shared.platforms import specs
from shared.platforms.youtube import connect, measure, publish
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import film, picture, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Trial, payload_of

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""

UNIT = 262_144
WEEK = 7 * 86_400
UPLOADS = "/upload/youtube/v3/videos"
CAPTIONS = "/upload/youtube/v3/captions"
COMMENTS = "/youtube/v3/commentThreads"
VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nΕνα πεδίο\n".encode()


@pytest.fixture
async def youtube(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["youtube"], sandbox):
        yield stage
    sandbox.control.put("/_quotas", json={"youtube": "open"}).raise_for_status()


def grown(size: int) -> bytes:
    """Return a film of so many bytes: an MP4 may end in a box that is free."""
    whole = film()
    free = size - len(whole)
    return whole + free.to_bytes(4, "big") + b"free" + bytes(free - 8)


def large(stage: Stage, size: int) -> Content:
    content = video(stage.store)
    medium = content.media[0].model_copy(update={"asset": stage.store.put(grown(size))})
    return content.model_copy(update={"media": (medium,)})


def titled(stage: Stage, title: str) -> Content:
    return video(stage.store).model_copy(update={"title": title})


def captioned(stage: Stage, content: bytes = VTT) -> Content:
    plain = video(stage.store)
    tracks = (Captions(language="el", asset=stage.store.put(content)),)
    return plain.model_copy(update={"media": (plain.media[0].model_copy(update={"captions": tracks}),)})


def commented(stage: Stage) -> Content:
    return video(stage.store).model_copy(update={"first_comment": "More on this: https://w.wiki/3"})


def puts(stage: Stage, since: int = 0) -> list[tuple[str, int]]:
    """Return range and status of every call to a session, in order."""
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "youtube", "since": since})
    found = [one for one in told.json()["requests"] if one["method"] == "PUT" and one["path"] == UPLOADS]
    return [(one["headers"]["content-range"], one["status"]) for one in found]


def newest(stage: Stage) -> int:
    """Return the number of the last request."""
    return int(
        stage.sandbox.control.get("/_ledger/requests", params={"platform": "youtube"}).json()["requests"][-1]["seq"]
    )


def comments(stage: Stage) -> list[dict[str, Any]]:
    posts = stage.sandbox.posts("youtube", stage.account.handle.removeprefix("@"))
    return [post for post in posts if post["kind"] == "comment"]


async def until(trial: Trial, kind: type[PlatformError]) -> PlatformError:
    """Try until a call fails so, letting time pass while YouTube is at it."""
    for _ in range(10):
        try:
            outcome = await trial.once()
        except kind as error:
            return error
        assert isinstance(outcome, Pending)
        trial.pause(outcome.after)
    raise AssertionError(f"no {kind.__name__}")


# ---- sessions --------------------------------------------------------------------------------------------------------


async def test_a_film_is_sent_in_equal_chunks_and_the_last_one_is_what_is_left(
    youtube: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CHUNK", 2 * UNIT)
    since = newest(await warm(youtube))
    trial = youtube.trial(large(youtube, 5 * UNIT + 7))
    await trial.until_public()
    total = 5 * UNIT + 7
    assert puts(youtube, since) == [
        (f"bytes 0-{2 * UNIT - 1}/{total}", 308),
        (f"bytes {2 * UNIT}-{4 * UNIT - 1}/{total}", 308),
        (f"bytes {4 * UNIT}-{total - 1}/{total}", 201),
    ]
    assert publish.AT_ONCE % UNIT == 0


async def warm(stage: Stage) -> Stage:
    """Make a first call, so that there is a last request."""
    await connect.verify(stage.account, stage.http)
    return stage


async def test_a_lost_chunk_is_asked_for_and_nothing_is_sent_twice(
    youtube: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CHUNK", UNIT)
    since = newest(await warm(youtube))
    trial = youtube.trial(large(youtube, 2 * UNIT + 7))
    youtube.sandbox.arm("youtube", "accept_then_reset", method="PUT")
    with pytest.raises(TryLater):
        await trial.once()
    await trial.until_public()
    total = 2 * UNIT + 7
    assert puts(youtube, since) == [
        (f"bytes 0-{UNIT - 1}/{total}", 0),
        (f"bytes */{total}", 308),
        (f"bytes {UNIT}-{2 * UNIT - 1}/{total}", 308),
        (f"bytes {2 * UNIT}-{total - 1}/{total}", 201),
    ]
    assert len(youtube.public()) == 1


async def test_a_large_upload_rests_so_that_its_claim_is_renewed(
    youtube: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CHUNK", UNIT)
    monkeypatch.setattr(publish, "AT_ONCE", 2 * UNIT)
    trial = youtube.trial(large(youtube, 3 * UNIT))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert (outcome.after, set(outcome.resume)) == (0, {"session"})
    await trial.until_public()
    assert [post["media"][0]["bytes"] for post in youtube.posts()] == [3 * UNIT]


async def test_a_session_that_ended_before_the_last_chunk_is_begun_anew(
    youtube: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CHUNK", UNIT)
    monkeypatch.setattr(publish, "AT_ONCE", UNIT)
    trial = youtube.trial(large(youtube, 2 * UNIT))
    first = (await trial.once(), trial.attempt.resume["session"])
    youtube.sandbox.pass_by(WEEK + 1)
    assert isinstance(await trial.look(), NotFound)
    await trial.until_public()
    assert isinstance(first[0], Pending)
    assert len(youtube.public()) == 1


async def test_where_the_session_ended_the_list_of_uploads_tells(youtube: Stage) -> None:
    trial = youtube.trial(youtube.plain())
    youtube.sandbox.arm("youtube", "accept_then_reset")
    await until(trial, Uncertain)
    youtube.sandbox.pass_by(WEEK + 1)
    found = await trial.look()
    assert isinstance(found, Published)
    (post,) = youtube.posts()
    assert found.external_id == post["id"]


async def test_what_is_not_listed_is_absent_only_after_a_time(youtube: Stage) -> None:
    trial = youtube.trial(youtube.plain())
    youtube.sandbox.arm("youtube", "refuse_500", method="PUT")
    await until(trial, Uncertain)
    youtube.sandbox.pass_by(WEEK + 1)
    with pytest.raises(TryLater) as caught:
        await trial.look()
    assert caught.value.after
    assert 0 < caught.value.after <= 900
    earlier = (datetime.now(UTC) - timedelta(minutes=16)).isoformat()
    trial.attempt = replace(trial.attempt, resume={**trial.attempt.resume, "closing": earlier})
    assert isinstance(await trial.look(), NotFound)
    await trial.until_public()
    assert len(youtube.public()) == 1


async def test_two_uploads_that_fit_are_for_a_person_and_known_ones_are_passed_over(youtube: Stage) -> None:
    others = [(await youtube.trial(youtube.plain()).until_public()).external_id for _ in range(2)]
    trial = youtube.trial(youtube.plain())
    youtube.sandbox.arm("youtube", "accept_then_reset")
    await until(trial, Uncertain)
    youtube.sandbox.pass_by(WEEK + 1)
    with pytest.raises(Uncertain, match="3 uploads fit"):
        await trial.look()
    trial.attempt = replace(trial.attempt, others=frozenset(others))
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id not in others


async def test_a_film_of_another_size_or_title_is_not_ours(youtube: Stage) -> None:
    await youtube.trial(large(youtube, UNIT)).until_public()
    await youtube.trial(titled(youtube, "Another field")).until_public()
    trial = youtube.trial(youtube.plain())
    youtube.sandbox.arm("youtube", "accept_then_reset")
    await until(trial, Uncertain)
    youtube.sandbox.pass_by(WEEK + 1)
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id == youtube.posts()[-1]["id"]


# ---- processing ------------------------------------------------------------------------------------------------------


async def test_a_video_is_published_when_it_can_be_watched(youtube: Stage) -> None:
    trial = youtube.trial(youtube.plain())
    youtube.sandbox.arm("youtube", "slow_processing", method="PUT")
    assert isinstance(await trial.once(), Pending)
    assert isinstance(await trial.once(), Pending)
    youtube.sandbox.pass_by(31)
    published = await trial.once()
    assert isinstance(published, Published)
    assert published.permalink == f"https://www.youtube.com/watch?v={published.external_id}"


@pytest.mark.parametrize("why", ["failed: codec", "rejected: duplicate"])
async def test_what_cannot_be_processed_is_rejected_with_the_reason(youtube: Stage, why: str) -> None:
    trial = youtube.trial(titled(youtube, f"A field ({why})"))
    error = await until(trial, Rejected)
    assert why in error.reason
    assert "remove it in YouTube Studio" in error.reason
    assert (youtube.public(), trial.attempt.resume) == ([], {})


async def test_a_post_is_one_video(youtube: Stage) -> None:
    trial = youtube.trial(youtube.plain())
    piece = trial.payload.pieces[0]
    trial.payload = trial.payload.model_copy(update={"pieces": (piece.model_copy(update={"media": ()}),)})
    with pytest.raises(Rejected, match="a post is one video"):
        await trial.once()


# ---- what belongs to a video -----------------------------------------------------------------------------------------


async def test_captions_are_shown(youtube: Stage) -> None:
    trial = youtube.trial(captioned(youtube))
    published = await trial.until_public()
    (post,) = youtube.posts()
    assert post["captions"] == [["el", trial.payload.pieces[0].media[0].captions[0].sha256]]
    assert await trial.look() == published


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("loss", ["accept_then_reset", "accept_then_500", "refuse_500"])
async def test_captions_whose_answer_is_lost_are_there_once(youtube: Stage, loss: str, method: str) -> None:
    trial = youtube.trial(captioned(youtube))
    youtube.sandbox.arm("youtube", loss, method=method, path=CAPTIONS)
    await trial.until_public()
    assert trial.failures == ["TryLater"]
    assert [len(post["captions"]) for post in youtube.posts()] == [1]


async def test_captions_that_are_refused_do_not_cost_the_post(youtube: Stage) -> None:
    trial = youtube.trial(captioned(youtube, b"1\n00:00 --> 00:02\nNo WebVTT"))
    await trial.until_public()
    assert "WebVTT only" in trial.attempt.resume["captions"]["el"]
    assert [post["captions"] for post in youtube.posts()] == [[]]


async def test_a_comment_that_may_not_be_said_now_is_said_later(youtube: Stage) -> None:
    trial = youtube.trial(commented(youtube))
    youtube.sandbox.arm("youtube", "rate_limit", path=COMMENTS, method="POST")
    await trial.until_public()
    assert trial.failures == ["TryLater"]
    assert len(comments(youtube)) == 1


async def test_a_thumbnail_of_the_payload_is_set(youtube: Stage) -> None:
    trial = youtube.trial(youtube.plain())
    shown = picture(5)
    thumbnail = Rendition(sha256=youtube.store.put(shown), type="image/png", size=len(shown))
    card = Card(url="https://w.wiki/3", title="A field", thumbnail=thumbnail)
    piece = trial.payload.pieces[0].model_copy(update={"card": card})
    trial.payload = trial.payload.model_copy(update={"pieces": (piece,)})
    await trial.until_public()
    assert [post["thumbnail"] for post in youtube.posts()] == [thumbnail.sha256]


async def test_a_change_keeps_what_it_does_not_name(youtube: Stage) -> None:
    published = await youtube.trial(youtube.plain("Befor")).until_public()
    payload = payload_of(titled(youtube, "A wide field"), youtube.spec, youtube.store)
    await publish.edit(published.external_id, payload, youtube.account, youtube.http)
    told = await connect.listed(youtube.account, youtube.http, "videos", part="snippet", id=published.external_id)
    snippet = told["items"][0]["snippet"]
    assert (snippet["title"], snippet["description"]) == ("A wide field", payload.pieces[0].text)
    assert (snippet["categoryId"], snippet["defaultLanguage"]) == ("22", "en")
    with pytest.raises(Rejected, match="there is no video"):
        await publish.edit("nothinghere", payload, youtube.account, youtube.http)


# ---- limits and quotas -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({"title": "x" * 100}, None),
        ({"title": "x" * 101}, "title"),
        ({"title": "a < b"}, "title"),
        ({"title": None}, "title"),
        ({"text": "维" * 1_663}, None),
        ({"text": "维" * 1_664}, "text"),
        ({"text": "a > b"}, "text"),
    ],
)
async def test_title_and_description_at_their_limits(youtube: Stage, change: dict[str, Any], limit: str | None) -> None:
    content = video(youtube.store).model_copy(update={"text": None, **change})  # a credit of 10 bytes follows
    payload = payload_of(content, youtube.spec, youtube.store)
    found = limits_broken(content, "test/youtube", youtube.spec, payload.pieces[0].media)
    assert [one.limit for one in found] == ([limit] if limit else [])
    trial = youtube.trial(content)
    if limit is None:
        await trial.until_public()
    else:
        with pytest.raises(Rejected, match="invalid"):
            await trial.once()


@pytest.mark.parametrize(
    ("form", "limit"),
    [({"seconds": 180.0}, None), ({"seconds": 181.0}, "time"), ({"width": 1920, "height": 1080}, "ratio")],
)
def test_a_short_is_short_and_upright(form: dict[str, Any], limit: str | None) -> None:
    shown = {"sha256": "a" * 64, "type": "video/mp4", "size": 9, "width": 1080, "height": 1920, "seconds": 9.0, **form}
    content = Content.model_validate(
        {"title": "A", "text": "A", "kind": Kind.REEL, "media": [{"asset": "a" * 64, "alt": "A"}]}
    )
    found = limits_broken(content, "test/youtube", specs()["youtube"], [Rendition.model_validate(shown)])
    assert [one.limit for one in found] == ([limit] if limit else [])


async def test_a_verified_channel_may_show_long_films(youtube: Stage) -> None:
    own = await connect.limits(youtube.account, youtube.http)
    assert own == {"video_longest": 43_200}
    longest = {kind: one.longest for kind, one in youtube.spec.adjusted(own).videos.items()}
    assert longest == {Kind.VIDEO: timedelta(hours=12), Kind.REEL: timedelta(minutes=3)}


async def test_a_quota_that_is_used_up_is_the_apps_and_full_again_at_midnight_pacific(youtube: Stage) -> None:
    youtube.sandbox.control.put("/_quotas", json={"youtube": {"uploads_day": 0}}).raise_for_status()
    with pytest.raises(Limited, match="exceeded your quota") as caught:
        await youtube.trial(youtube.plain()).once()
    here = datetime.now(ZoneInfo("America/Los_Angeles"))
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), here.tzinfo)
    assert caught.value.after == pytest.approx(midnight.timestamp() - here.timestamp(), abs=5)
    assert caught.value.app


async def test_a_channel_that_uploaded_too_much_waits_a_day(youtube: Stage) -> None:
    youtube.sandbox.control.put("/_quotas", json={"youtube": {"channel_day": 1}}).raise_for_status()
    await youtube.trial(youtube.plain()).until_public()
    with pytest.raises(TryLater, match="number of videos") as caught:
        await youtube.trial(youtube.plain()).once()
    assert caught.value.after == 86_400
    assert len(youtube.public()) == 1


# ---- being let in ----------------------------------------------------------------------------------------------------


async def test_a_box_that_was_not_ticked_is_named(youtube: Stage) -> None:
    app = App("client", "hush", "https://carillon.example/connected", "")
    told = {"access_token": "a", "expires_in": 3599, "scope": connect.SCOPES[0]}
    async with scripted() as wire:
        wire.always(reply(200, told))
        with pytest.raises(Unauthorized, match=r"did not allow yt-analytics\.readonly"):
            await connect.exchange(replace(app, base_url=wire.url), "code", "v" * 43, youtube.http)
        wire.always(reply(401, {"error": "invalid_client"}))
        with pytest.raises(TryLater, match="invalid_client"):
            await connect.exchange(replace(app, base_url=wire.url), "code", "v" * 43, youtube.http)


async def test_a_person_without_a_channel_is_told_so(youtube: Stage) -> None:
    async with scripted() as wire:
        wire.always(reply(200, {"kind": "youtube#channelListResponse"}))
        account = replace(youtube.account, base_url=wire.url)
        with pytest.raises(Unauthorized, match="has no channel"):
            await connect.verify(account, youtube.http)


def test_the_real_platform_has_a_host_for_each_purpose() -> None:
    app = App("client", "hush", "https://carillon.example/connected", "https://youtube.googleapis.com")
    assert connect.start(app, "s", "v" * 43).startswith("https://accounts.google.com/o/oauth2/v2/auth?")


# ---- figures ---------------------------------------------------------------------------------------------------------


def hidden(stage: Stage) -> Stage:
    """Return the stage with a channel that hides what a channel can hide."""
    name = f"{stage.account.handle.removeprefix('@')}_hidden"
    account = replace(stage.account, handle=f"@{name}", secrets={"access_token": f"sandbox-{name}"}, id="")
    return replace(stage, account=account)


async def measured(stage: Stage, video_id: str, account: Account | None = None) -> Measured:
    (one,) = await measure.measure([video_id], account or stage.account, stage.http)
    return one


async def test_figures_are_numbers_and_watching_is_awaited(youtube: Stage) -> None:
    published = await youtube.trial(youtube.plain()).until_public()
    at_once = await measured(youtube, published.external_id)
    assert set(at_once.values) == {"views", "likes", "comments"}
    assert at_once.awaited == {"shares", "watch_seconds", "watched_mean"}
    youtube.sandbox.pass_by(3 * 86_400)
    later = await measured(youtube, published.external_id)
    assert later.awaited == frozenset()
    assert later.values["views"] > 0
    assert later.values["watched_mean"] == 2
    assert later.values["watch_seconds"] == later.values["views"] * 2 // 60 * 60  # told in whole minutes


async def test_what_the_owner_hides_is_absent_and_not_nought(youtube: Stage) -> None:
    stage = hidden(youtube)
    published = await stage.trial(stage.plain()).until_public()
    assert set((await measured(stage, published.external_id)).values) == {"views", "comments"}
    with pytest.raises(Rejected, match="hides its subscribers"):
        await measure.followers(stage.account, stage.http)


async def test_watching_that_may_not_be_read_costs_no_other_figure(youtube: Stage) -> None:
    published = await youtube.trial(youtube.plain()).until_public()
    youtube.sandbox.arm("youtube", "expired_token", path="/v2/reports")
    refused = await measured(youtube, published.external_id)
    assert (set(refused.values), refused.awaited) == ({"views", "likes", "comments"}, frozenset())
    youtube.sandbox.arm("youtube", "refuse_500", path="/v2/reports")
    assert (await measured(youtube, published.external_id)).awaited == {"shares", "watch_seconds", "watched_mean"}


async def test_subscribers_are_told_in_three_figures(youtube: Stage) -> None:
    handle = youtube.account.handle.removeprefix("@")
    youtube.sandbox.control.put("/_followers", json={"youtube": {handle: 246_627}}).raise_for_status()
    assert await measure.followers(youtube.account, youtube.http) == 246_000
    assert (await measure.people(youtube.account, youtube.http)).countries == {
        "BR": 246_627 // 3,
        "GR": 246_627 // 5,
        "IN": 246_627 // 7,
    }


async def test_our_own_comments_are_not_heard(youtube: Stage) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    published = await youtube.trial(commented(youtube)).until_public()
    handle = youtube.account.handle.removeprefix("@")
    said = youtube.sandbox.say("youtube", handle, kind="reply", text="Oh", author="ada", to=published.external_id)
    (one,) = await measure.heard(began, replace(youtube.account, id=""), youtube.http)
    assert (one.id, one.to, one.author) == (said, published.external_id, "ada")
    assert one.permalink == f"https://www.youtube.com/watch?v={published.external_id}&lc={said}"
