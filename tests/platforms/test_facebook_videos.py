"""Facebook's videos and reels: parts, offsets, processing that fails, and a last call that is never made twice."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.adapter.contract import Pending, Published
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.content import Content, Kind, Media
from shared.payload import Rendition
from shared.platforms import specs
from shared.platforms.facebook import video as adapter
from shared.platforms.facebook.video_state import Stage as State
from shared.platforms.facebook.video_state import stage_of
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage
from tests.platforms.conftest import stage_of as staged
from tests.platforms.contents import film, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.test_facebook import calls

BOTH = pytest.mark.parametrize("kind", [Kind.VIDEO, Kind.REEL])


@pytest.fixture
async def facebook(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in staged(specs()["facebook"], sandbox):
        yield stage


def transfers(stage: Stage) -> int:
    """Return how many parts of videos went up: they alone are sent as forms with a file."""
    sent = [one["headers"].get("content-type", "") for one in calls(stage, "POST", "/videos")]
    return sum(kind.startswith("multipart/") for kind in sent)


async def test_a_video_goes_up_in_the_parts_that_facebook_asks_for(facebook: Stage) -> None:
    trial = facebook.trial(video(facebook.store))
    await trial.until_public()
    (post,) = facebook.posts()
    assert transfers(facebook) == 3
    assert (post["kind"], post["title"]) == ("video", "A field")
    assert post["media"][0]["sha256"] == trial.payload.pieces[0].media[0].sha256


async def test_a_part_whose_answer_was_lost_is_not_sent_from_the_beginning(facebook: Stage) -> None:
    trial = facebook.trial(video(facebook.store))
    original = adapter._part
    done = 0

    async def lossy(*parts: object) -> object:
        nonlocal done
        done += 1
        if done == 2:
            facebook.sandbox.arm("facebook", "accept_then_reset", path="*/videos")
        return await original(*parts)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "_part", lossy)
        with pytest.raises(TryLater):
            await trial.once()
    await trial.until_public()
    assert transfers(facebook) == 4  # three parts, and the second once more, which says where to go on
    assert len(facebook.posts()) == 1


@BOTH
async def test_a_long_film_goes_up_in_several_tries(
    facebook: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = facebook.trial(video(facebook.store, kind))
    monkeypatch.setattr(adapter, "MOST", -(-trial.payload.pieces[0].media[0].size // 2))
    outcomes = [await trial.once() for _ in range(2)]
    assert next(outcome.after for outcome in outcomes if isinstance(outcome, Pending)) == 0
    await trial.until_public()
    (post,) = facebook.posts()
    assert post["media"][0]["sha256"] == trial.payload.pieces[0].media[0].sha256


async def test_a_reel_goes_on_where_facebook_has_it(facebook: Stage) -> None:
    trial = facebook.trial(video(facebook.store, Kind.REEL))
    facebook.sandbox.arm("facebook", "accept_then_reset", path="/video-upload/*")
    with pytest.raises(TryLater):
        await trial.once()
    sent = trial.attempt.resume["video"]
    await trial.until_public()
    assert trial.attempt.resume["video"]["id"] == sent["id"]
    assert len(facebook.posts()) == 1


@BOTH
async def test_an_upload_that_is_over_is_begun_anew(facebook: Stage, kind: Kind) -> None:
    trial = facebook.trial(video(facebook.store, kind))
    await trial.remember({"video": {"id": "1", "session": "19", "start": 0, "end": 10}})
    await trial.until_public()
    assert len(facebook.posts()) == 1


@BOTH
async def test_slow_processing_is_waited_for(facebook: Stage, kind: Kind) -> None:
    trial = facebook.trial(video(facebook.store, kind))
    facebook.sandbox.arm("facebook", "slow_processing", path="*/video*")
    finished = await trial.once()
    assert isinstance(finished, Pending)
    assert finished.after > 0
    assert isinstance(await trial.once(), Pending)
    facebook.sandbox.advance(31)
    assert isinstance(await trial.once(), Published)


@BOTH
async def test_a_last_call_that_landed_is_not_made_again(facebook: Stage, kind: Kind) -> None:
    trial = facebook.trial(video(facebook.store, kind))
    facebook.sandbox.arm("facebook", "accept_then_500")
    with pytest.raises(Uncertain):
        await trial.once()
    ending = "/videos" if kind is Kind.VIDEO else "/video_reels"
    before = len(calls(facebook, "POST", ending))
    await trial.until_public()  # as after a person's word that it was not there
    assert len(calls(facebook, "POST", ending)) == before
    assert len(facebook.posts()) == 1


@BOTH
async def test_a_film_whose_processing_fails_is_refused_and_not_public(facebook: Stage, kind: Kind) -> None:
    facebook.sandbox.arm("facebook", "failed_processing", path="*/video*")
    with pytest.raises(Rejected, match="An error of ours"):
        await facebook.trial(video(facebook.store, kind)).until_public()
    assert facebook.posts() == []


@BOTH
async def test_a_film_that_cannot_be_processed_is_refused_with_the_reason(facebook: Stage, kind: Kind) -> None:
    broken = film()[:64] + bytes(5_000)
    trial = facebook.trial(video(facebook.store, kind))
    (piece,) = trial.payload.pieces
    shown = Rendition(sha256=facebook.store.put(broken), type="video/mp4", size=len(broken))
    trial.payload = trial.payload.model_copy(update={"pieces": (piece.model_copy(update={"media": (shown,)}),)})
    with pytest.raises(Rejected, match="could not be read"):
        await trial.until_public()
    assert facebook.posts() == []


async def test_a_reel_of_another_shape_is_refused_when_it_is_processed(facebook: Stage) -> None:
    wide = Media(asset=facebook.store.put(film(size=(960, 540))), alt="A field")
    trial = facebook.trial(Content(text="Wide", media=(wide,), kind=Kind.REEL))
    with pytest.raises(Rejected, match="9x16"):
        await trial.until_public()


async def test_the_reels_of_a_day_are_counted(facebook: Stage) -> None:
    facebook.sandbox.control.put("/_quotas", json={"facebook": {"reels_24h": 1}}).raise_for_status()
    try:
        await facebook.trial(video(facebook.store, Kind.REEL)).until_public()
        with pytest.raises(TryLater) as caught:
            await facebook.trial(video(facebook.store, Kind.REEL)).once()
        assert caught.value.after == pytest.approx(86_400, abs=120)
    finally:
        facebook.sandbox.control.put("/_quotas", json={"facebook": "open"}).raise_for_status()


def status(video_status: str, uploading: str, processing: str, **publishing: str) -> dict[str, object]:
    return {
        "id": "1",
        "status": {
            "video_status": video_status,
            "uploading_phase": {"status": uploading},
            "processing_phase": {"status": processing},
            **({"publishing_phase": publishing} if publishing else {}),
        },
    }


@pytest.mark.parametrize(
    ("told", "stage"),
    [
        (status("uploading", "in_progress", "not_started", status="not_started"), State.UNFINISHED),
        (status("upload_complete", "complete", "not_started", status="not_started"), State.UNFINISHED),
        (status("processing", "complete", "in_progress", status="not_started"), State.PROCESSING),
        (status("ready", "complete", "completed", status="not_started", publish_status="draft"), State.DRAFT),
        (status("ready", "complete", "complete", status="complete", publish_status="published"), State.PUBLIC),
        ({**status("ready", "complete", "complete"), "published": True}, State.PUBLIC),
        ({**status("ready", "complete", "complete"), "published": False}, State.PROCESSING),
        (status("processing", "complete", "error", status="not_started"), State.FAILED),
        (status("expired", "complete", "not_started", status="not_started"), State.FAILED),
    ],
)
def test_how_far_a_video_is(told: dict[str, object], stage: State) -> None:
    assert stage_of(told) is stage


async def test_a_video_that_stays_a_draft_is_refused_and_never_called_public(facebook: Stage) -> None:
    """One report (github.com/gitroomhq/postiz-app/issues/1740) has upright clips stay drafts."""
    trial = facebook.trial(video(facebook.store))
    await trial.remember({"video": {"id": "1"}, "sent": True, "finished": True})
    async with scripted() as wire:
        wire.always(reply(200, status("ready", "complete", "complete", publish_status="draft")))
        trial.account = replace(facebook.account, base_url=wire.url)
        for _ in range(adapter.LOOKS - 1):
            assert isinstance(await trial.once(), Pending)
        with pytest.raises(Rejected, match="reel"):
            await trial.once()


async def test_a_public_video_whose_post_is_never_told_goes_by_its_own_id(facebook: Stage) -> None:
    trial = facebook.trial(video(facebook.store))
    await trial.remember({"video": {"id": "1"}, "sent": True, "finished": True})
    async with scripted() as wire:
        wire.always(reply(200, status("ready", "complete", "complete", publish_status="published")))
        trial.account = replace(facebook.account, base_url=wire.url)
        published = await trial.until_public()
    assert (published.external_id, len(wire.asked)) == ("1", adapter.LOOKS)
