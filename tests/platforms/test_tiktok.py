"""What only TikTok has: chunks, addresses that end, an id that comes late or never, refusals beside HTTP 200."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapter.client import HttpClient
from shared.adapter.contract import Answer, App, Connector, Measurer, NotFound, Pending, Published, Publisher
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.content import Content, Kind, Media
from shared.payload import Rendition
from shared.platforms import specs
from shared.platforms.tiktok import connect, measure, publish
from shared.platforms.tiktok.calls import call
from shared.platforms.tiktok.creator import Creator, check
from shared.platforms.tiktok.photos import SOUGHT
from shared.platforms.tiktok.status import PATIENCE
from shared.platforms.tiktok.video import AT_ONCE, CHUNK, held_of, spans
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import film, image, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Asked, Trial

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""
PHOTOS = "/v2/post/publish/content/init/"
STATUS = "/v2/post/publish/status/fetch/"
APP = App("client", "client-secret", "https://carillon.example/connected", "https://open.tiktokapis.com")


@pytest.fixture
async def tiktok(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["tiktok"], sandbox):
        yield stage


@pytest.fixture
async def patient(tiktok: Stage) -> AsyncIterator[Stage]:
    """The same stage, with time for large uploads."""
    async with HttpClient(tiktok.spec, contact="https://carillon.example; ops@carillon.example", deadline=30) as http:
        yield replace(tiktok, http=http)


def long_film(stage: Stage, size: int) -> Content:
    """A film of so many bytes: what follows it is a box that players skip."""
    short = film()
    rest = size - len(short)
    box = rest.to_bytes(4, "big") + b"free" + bytes(rest - 8)
    return Content(text="A film", media=(Media(asset=stage.store.put(short + box), alt="A blue field"),))


def asked_of(stage: Stage, since: int = 0) -> list[dict[str, Any]]:
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "tiktok", "since": since})
    requests: list[dict[str, Any]] = told.raise_for_status().json()["requests"]
    return requests


def last_seq(stage: Stage) -> int:
    return max((one["seq"] for one in asked_of(stage)), default=0)


def earlier(trial: Trial, name: str, by: timedelta) -> None:
    """Move a time that is kept so far into the past."""
    moved = datetime.fromisoformat(trial.attempt.resume[name]) - by
    trial.attempt = replace(trial.attempt, resume={**trial.attempt.resume, name: moved.isoformat()})


async def turn(trial: Trial) -> Pending:
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    trial.pause(outcome.after)
    return outcome


async def lost(stage: Stage, content: Content) -> Trial:
    """Return a trial whose call for a photo post got no answer."""
    trial = stage.trial(content)
    stage.sandbox.arm("tiktok", "accept_then_reset", path=PHOTOS)
    with pytest.raises(Uncertain):
        await trial.once()
    return trial


# ---- videos ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4_999_999, CHUNK - 1, CHUNK, CHUNK * 2 - 1, CHUNK * 2, CHUNK * 7 + 3, 4 * 10**9])
def test_chunks_are_as_the_guide_wants_them(size: int) -> None:
    chunks = spans(size)
    lengths = [end - start for start, end in chunks]
    assert [start for start, _ in chunks] == [0, *(end for _, end in chunks[:-1])]
    assert sum(lengths) == size
    assert len(chunks) == max(1, size // CHUNK) <= 1_000
    assert all(length == CHUNK for length in lengths[:-1])
    assert lengths[-1] < 2 * CHUNK < 64_000_000


@pytest.mark.parametrize(
    ("said", "held"),
    [
        (f"bytes 0-{CHUNK}/{CHUNK * 3}", CHUNK),
        (f"bytes 0-{CHUNK - 1}/{CHUNK * 3}", CHUNK),
        (f"bytes 0-{CHUNK * 3}/{CHUNK * 3}", CHUNK * 3),
        (f"bytes 0-0/{CHUNK * 3}", 0),
        (f"bytes 0-12345/{CHUNK * 3}", 0),
        (f"bytes */{CHUNK * 3}", 0),
        ("", 0),
    ],
)
def test_how_much_is_there_is_understood_either_way(said: str, held: int) -> None:
    assert held_of(Answer(416, None, {"content-range": said}), CHUNK * 3) == held


async def test_a_large_video_goes_in_several_turns(patient: Stage) -> None:
    trial, since = patient.trial(long_film(patient, AT_ONCE + CHUNK + 5)), last_seq(patient)
    first = await turn(trial)
    assert (first.after, first.resume["sent"]) == (0, AT_ONCE)
    assert patient.public() == []
    second = await turn(trial)
    assert second.resume["sent"] == AT_ONCE + CHUNK + 5
    await trial.until_public()
    (post,) = patient.posts()
    assert post["media"][0]["sha256"] == trial.payload.pieces[0].media[0].sha256
    puts = [one["status"] for one in asked_of(patient, since) if one["method"] == "PUT"]
    assert puts == [206, 206, 206, 206, 201]


async def test_a_chunk_whose_answer_was_lost_is_not_missed(patient: Stage) -> None:
    trial, since = patient.trial(long_film(patient, CHUNK * 2 + 9)), last_seq(patient)
    patient.sandbox.arm("tiktok", "accept_then_reset", method="PUT")
    with pytest.raises(TryLater):
        await trial.once()
    await trial.until_public()
    puts = [one["status"] for one in asked_of(patient, since) if one["method"] == "PUT"]
    assert puts == [0, 416, 201]
    assert len(patient.public()) == 1


async def test_the_last_chunk_whose_answer_was_lost_is_looked_up(tiktok: Stage) -> None:
    trial = tiktok.trial(video(tiktok.store))
    tiktok.sandbox.arm("tiktok", "accept_then_500", method="PUT")
    with pytest.raises(Uncertain):
        await trial.once()
    found = await trial.look()
    assert isinstance(found, Pending)
    assert found.resume["parts"] == [found.resume["publish_id"]]
    await trial.until_public()
    assert len(tiktok.public()) == 1


async def test_a_video_is_announced_anew_only_when_its_address_is_certainly_over(tiktok: Stage) -> None:
    trial = tiktok.trial(video(tiktok.store))
    tiktok.sandbox.arm("tiktok", "refuse_500", method="PUT")
    with pytest.raises(Uncertain):
        await trial.once()
    assert isinstance(await trial.look(), Pending)
    tiktok.sandbox.pass_by(4_000)
    over = await trial.once()  # 403
    assert isinstance(over, Pending)
    assert over.resume["upload"] is None
    waiting = await trial.once()
    assert isinstance(waiting, Pending)
    assert waiting.after > 3_600
    earlier(trial, "asked", timedelta(seconds=waiting.after))
    anew = await trial.once()
    assert anew == Pending({}, 0)
    await trial.until_public()
    assert len(tiktok.public()) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"rate": 10}, "frame_rate_check_failed"),
        ({"seconds": 1}, "duration_check_failed"),
        ({"size": (180, 320)}, "picture_size_check_failed"),
    ],
)
async def test_a_video_that_does_not_fit_fails_and_is_nowhere(tiktok: Stage, content: Any, why: str) -> None:
    media = (Media(asset=tiktok.store.put(film(**content)), alt="A blue field"),)
    trial = tiktok.trial(Content(text="A film", media=media))
    await turn(trial)
    with pytest.raises(Rejected, match=why):
        await trial.once()
    assert trial.attempt.resume == {}
    assert tiktok.public() == []


async def test_captions_and_titles_are_counted_in_utf_16(tiktok: Stage) -> None:
    full = video(tiktok.store).model_copy(update={"text": "😀" * 1_100, "title": None})
    media = tuple(one.model_copy(update={"credit": None}) for one in full.media)
    full = full.model_copy(update={"media": media, "kind": Kind.REEL})
    over = full.model_copy(update={"text": "😀" * 1_100 + "a"})
    assert limits_broken(full, "test/tiktok", tiktok.spec) == []
    (excess,) = limits_broken(over, "test/tiktok", tiktok.spec)
    assert (excess.limit, excess.most, excess.count) == ("text", 2_200, 2_201)
    await tiktok.trial(full).until_public()
    with pytest.raises(Rejected, match="invalid_param"):
        await tiktok.trial(over).until_public()
    titled = image(tiktok.store).model_copy(update={"title": "😀" * 45 + "a"})
    assert [one.limit for one in limits_broken(titled, "test/tiktok", tiktok.spec)] == ["title"]
    with pytest.raises(Rejected, match="invalid_param"):
        await tiktok.trial(titled).until_public()


# ---- photos ----------------------------------------------------------------------------------------------------------


async def test_a_title_stands_beside_the_description(tiktok: Stage) -> None:
    await tiktok.trial(image(tiktok.store, 3)).until_public()
    (post,) = tiktok.posts()
    assert (post["title"], post["text"]) == ("A field", "A picture\n\nAda, CC0")
    assert {one["mime"] for one in post["media"]} == {"image/jpeg"}


async def test_a_picture_that_cannot_be_fetched_is_asked_for_again(tiktok: Stage) -> None:
    trial = tiktok.trial(image(tiktok.store))
    sha = trial.payload.pieces[0].media[0].sha256
    content = tiktok.store.kept.pop(sha)
    await turn(trial)
    with pytest.raises(TryLater, match="photo_pull_failed"):
        await trial.once()
    assert trial.attempt.resume == {}
    tiktok.store.kept[sha] = content
    await trial.until_public()
    assert len(tiktok.public()) == 1


async def test_a_photo_post_that_may_yet_be_listed_is_looked_for_and_then_a_person_is_asked(tiktok: Stage) -> None:
    tiktok.sandbox.arm("tiktok", "slow_processing", path=PHOTOS)
    trial = await lost(tiktok, image(tiktok.store))
    with pytest.raises(Uncertain, match="may yet be"):
        await trial.look()
    earlier(trial, "asked", SOUGHT)
    assert isinstance(await trial.look(), Asked)
    tiktok.sandbox.pass_by(31)
    found = await trial.look()
    assert isinstance(found, Published)
    (post,) = tiktok.posts()
    assert (found.external_id, found.permalink) == (post["id"], post["url"])


async def test_only_what_says_the_same_and_is_nobody_elses_is_ours(tiktok: Stage) -> None:
    words = "A long description, " * 20
    for text in (words + "this one", words + "that one", "Another"):
        await tiktok.trial(image(tiktok.store).model_copy(update={"text": text})).until_public()
    # Both begin with the 150 characters that are listed.
    trial = await lost(tiktok, image(tiktok.store).model_copy(update={"text": words + "this one"}))
    with pytest.raises(Uncertain, match="3 posts fit"):
        await trial.look()
    first, second, _, own = (post["id"] for post in tiktok.posts())
    trial.attempt = replace(trial.attempt, others=frozenset({first, second}))
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id == own


async def test_a_look_goes_through_several_pages(tiktok: Stage) -> None:
    trial = await lost(tiktok, image(tiktok.store).model_copy(update={"text": "The first"}))
    for number in range(21):
        tiktok.sandbox.pass_by(1)
        await tiktok.trial(image(tiktok.store).model_copy(update={"text": f"Later {number}"})).until_public()
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id == tiktok.posts()[0]["id"]


async def test_a_video_that_was_announced_at_the_most_needs_no_look(tiktok: Stage) -> None:
    trial = tiktok.trial(video(tiktok.store))
    assert isinstance(await trial.look(), Asked)
    await trial.remember({"asked": datetime.now(UTC).isoformat()})
    assert await trial.look() == Pending({}, 0)


# ---- an id that comes late -------------------------------------------------------------------------------------------


async def complete_without_id(stage: Stage) -> Trial:
    """Return a trial of a video that is public and whose id is not told yet."""
    stage.sandbox.arm("tiktok", "slow_processing", path=STATUS)
    trial = stage.trial(video(stage.store))
    await turn(trial)
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.resume["complete"]
    assert len(stage.public()) == 1
    return trial


async def test_the_id_is_waited_for(tiktok: Stage) -> None:
    trial = await complete_without_id(tiktok)
    tiktok.sandbox.arm("tiktok", "refuse_500", path=STATUS)
    assert isinstance(await trial.once(), Pending)  # a question without an answer makes a public post no less so
    published = await trial.until_public()
    assert published.external_id == tiktok.posts()[0]["id"]
    assert published.permalink == tiktok.posts()[0]["url"]


async def test_after_hours_it_is_published_under_its_publish_id_and_measured_all_the_same(tiktok: Stage) -> None:
    trial = await complete_without_id(tiktok)
    earlier(trial, "handed", PATIENCE)
    published = await trial.once()
    assert isinstance(published, Published)
    publish_id = str(trial.attempt.resume["publish_id"])
    assert (published.external_id, published.permalink, published.parts) == (publish_id, None, (publish_id,))
    (early,) = await measure.measure([publish_id], tiktok.account, tiktok.http)
    assert (early.external_id, early.values) == (publish_id, {})
    assert early.awaited == {"views", "likes", "comments", "shares"}
    tiktok.sandbox.pass_by(31)
    (later,) = await measure.measure([publish_id, "v_pub_file~v2-1.7"], tiktok.account, tiktok.http)
    assert later.external_id == publish_id
    assert set(later.values) == {"views", "likes", "comments", "shares"}


async def test_nobody_learns_what_became_of_it_so_nobody_says_it_failed(tiktok: Stage) -> None:
    trial = tiktok.trial(video(tiktok.store))
    tiktok.sandbox.arm("tiktok", "slow_processing", method="PUT")
    sent = await turn(trial)
    assert sent.resume["parts"] == [sent.resume["publish_id"]]
    for fault in ("refuse_500", "rate_limit", "expired_token"):
        tiktok.sandbox.arm("tiktok", fault, path=STATUS)
        with pytest.raises(Uncertain):
            await trial.once()
    await trial.until_public()
    assert len(tiktok.public()) == 1


async def test_an_address_that_cannot_be_learned_fails_no_post(tiktok: Stage) -> None:
    trial = tiktok.trial(image(tiktok.store))
    await turn(trial)
    tiktok.sandbox.arm("tiktok", "refuse_500", path="/v2/video/query/")
    published = await trial.once()
    assert isinstance(published, Published)
    assert (published.external_id, published.permalink) == (tiktok.posts()[0]["id"], None)


# ---- refusals, and what the account allows ---------------------------------------------------------------------------


@contextmanager
def limited(sandbox: Sandbox, **quotas: int) -> Iterator[None]:
    sandbox.control.put("/_quotas", json={"tiktok": quotas}).raise_for_status()
    try:
        yield
    finally:
        sandbox.control.put("/_quotas", json={"tiktok": "open"}).raise_for_status()


async def test_the_days_last_post_is_followed_by_hours_of_waiting(tiktok: Stage) -> None:
    with limited(tiktok.sandbox, posts_day=1):
        await tiktok.trial(image(tiktok.store)).until_public()
        with pytest.raises(TryLater, match="200 spam_risk_too_many_posts") as caught:
            await tiktok.trial(image(tiktok.store)).once()
    assert caught.value.after == 3 * 3_600


async def test_six_announcements_a_minute(tiktok: Stage) -> None:
    with limited(tiktok.sandbox, init_min=1):
        await tiktok.trial(image(tiktok.store)).until_public()
        with pytest.raises(TryLater, match="429 rate_limit_exceeded") as caught:
            await tiktok.trial(image(tiktok.store)).once()
    assert caught.value.after == 60


@pytest.mark.parametrize(
    ("body", "mutates", "remedy"),
    [
        ({"error": {"code": "access_token_invalid"}}, True, Unauthorized),
        ({"error": {"code": "spam_risk_user_banned_from_posting"}}, True, Rejected),
        ({"error": {"code": "something_new"}}, True, Rejected),
        ({"error": {"code": "internal_error"}}, True, Uncertain),
        ({"error": {"code": "internal_error"}}, False, TryLater),
        ({}, True, Uncertain),
        ([], False, TryLater),
    ],
)
async def test_a_refusal_beside_http_200_is_one(
    tiktok: Stage, body: object, mutates: bool, remedy: type[PlatformError]
) -> None:
    async with scripted() as wire:
        wire.always(reply(200, body))
        account = replace(tiktok.account, base_url=wire.url)
        with pytest.raises(remedy) as caught:
            await call(account, tiktok.http, "POST", "/x/", operation="asked", mutates=mutates)
        assert type(caught.value) is remedy
        assert account.secrets["access_token"] not in str(caught.value)


async def test_an_account_that_is_not_public_posts_nothing(tiktok: Stage) -> None:
    name = f"private{tiktok.account.handle.removeprefix('@')}"
    trial = tiktok.trial(image(tiktok.store))
    trial.account = replace(tiktok.account, secrets={"access_token": f"sandbox-{name}"})
    with pytest.raises(Rejected, match="not PUBLIC_TO_EVERYONE; make it public"):
        await trial.once()
    assert tiktok.sandbox.posts("tiktok", name) == []


async def test_a_video_longer_than_the_account_may_is_refused(tiktok: Stage) -> None:
    creator = Creator(("PUBLIC_TO_EVERYONE",), 3.0, False, False, False)
    payload = tiktok.trial(video(tiktok.store)).payload
    with pytest.raises(Rejected, match="videos of 3 seconds, this has 4"):
        check(payload, creator)
    assert isinstance(payload.pieces[0].media[0], Rendition)
    assert await connect.limits(tiktok.account, tiktok.http) == {"video_longest": 600}


# ---- being let in ----------------------------------------------------------------------------------------------------


def test_the_challenge_is_hexadecimal_and_scopes_have_commas() -> None:
    address = urlsplit(connect.start(APP, "a-state", "v" * 43))
    asked = parse_qs(address.query)
    assert (address.netloc, address.path) == ("www.tiktok.com", "/v2/auth/authorize/")
    assert asked["code_challenge"] == [sha256(b"v" * 43).hexdigest()]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["client_key"] == ["client"]
    assert "video.publish" in asked["scope"][0].split(",")


async def test_a_refresh_token_is_good_once(tiktok: Stage) -> None:
    app = replace(APP, base_url=tiktok.account.base_url)
    name = tiktok.account.handle.removeprefix("@")
    first = await connect.exchange(app, f"code-{name}", "v" * 43, tiktok.http)
    assert first.account_id == tiktok.account.id
    assert first.expires_at
    assert first.refresh_expires_at
    assert first.refresh_expires_at - first.expires_at > timedelta(days=179)
    second = await connect.refresh(app, first, tiktok.http)
    assert second.refresh_token not in {None, first.refresh_token}
    assert (second.account_id, second.scopes) == (first.account_id, first.scopes)
    with pytest.raises(Unauthorized, match="invalid_grant"):
        await connect.refresh(app, first, tiktok.http)
    await connect.refresh(app, second, tiktok.http)


async def test_a_look_without_anything_kept_finds_nothing(tiktok: Stage) -> None:
    trial = tiktok.trial(image(tiktok.store))
    found = await publish.find(trial.payload, trial.account, trial.attempt, trial.http)
    assert isinstance(found, NotFound)
