"""What only LinkedIn has: commentaries with meaning, articles, videos in parts, reshares, versions, days of quota."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapter.contract import Connector, Measurer, Pending, Published, Publisher
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.adapter.render import limits_broken
from shared.content import Content, Kind, Link, Media
from shared.payload import Payload, Piece, Rendition
from shared.platforms import specs
from shared.platforms.linkedin import connect, measure, publish, upload
from shared.platforms.linkedin.share import share_of, subject_of
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import film, free, image, picture, video
from tests.platforms.linkedin import all_said, requests, told
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Killed, KilledError, Trial

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""
PART = 4_194_304
DAY = 86_400


@pytest.fixture
async def linkedin(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["linkedin"], sandbox):
        yield stage


def long_film(stage: Stage, size: int) -> Content:
    """Return a film as large as that: players pass over what is added at its end."""
    content = film()
    medium = Media(asset=stage.store.put(content + free(size - len(content))), alt="A field", credit="Ada, CC0")
    return Content(text="A long film", title="A field", media=(medium,))


# ---- text ------------------------------------------------------------------------------------------------------------


async def test_hashtags_and_mentions_keep_their_meaning(linkedin: Stage) -> None:
    text = "By @[Wikimedia (WMF)](urn:li:organization:12): #free_knowledge, #Wiki & C# (really) https://w.wiki/a_b"
    published = await linkedin.trial(Content(text=text)).until_public()
    (post,) = linkedin.posts()
    assert post["text"] == text
    assert (post["hashtags"], post["mentions"]) == (["free_knowledge", "Wiki"], ["urn:li:organization:12"])
    assert "{hashtag|\\#|Wiki}" in (await told(linkedin, published.external_id))["commentary"]
    changed = linkedin.trial(Content(text="Now #open (so)")).payload
    await publish.edit(published.external_id, changed, linkedin.account, linkedin.http)
    assert linkedin.public() == ["Now #open (so)"]


def test_the_documentations_own_examples() -> None:
    """posts-api, "Text-Only Post Creation Sample Request" and "Single-Post Creation Sample Request" of a video."""
    piece = Piece(text="Sample text Post")
    payload = Payload(channel="test/linkedin", platform="linkedin", kind=Kind.POST, pieces=(piece,))
    whole = {
        "author": "urn:li:organization:5515715",
        "commentary": "Sample text Post",
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    assert share_of(payload, "urn:li:organization:5515715", []) == whole
    piece = piece.model_copy(update={"media": (Rendition(sha256="0" * 64, type="video/mp4", size=1),)})
    payload = payload.model_copy(update={"pieces": (piece,), "title": "title of the video", "kind": Kind.VIDEO})
    content = {"media": {"title": "title of the video", "id": "urn:li:video:C5F10AQGKQg_6y2a4sQ"}}
    made = share_of(payload, "urn:li:organization:5515715", ["urn:li:video:C5F10AQGKQg_6y2a4sQ"])
    assert made == whole | {"content": content}


# ---- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, Kind.LIVESTREAM])
async def test_a_link_is_an_article_whose_card_we_write(linkedin: Stage, kind: Kind | None) -> None:
    thumbnail = Media(asset=linkedin.store.put(picture()), alt="A field", credit="Ada, CC0")
    link = Link(url="https://w.wiki/3", title="Read_me", description="All of it", thumbnail=thumbnail)
    await linkedin.trial(Content(text="Look", link=link, kind=kind)).until_public()
    (post,) = linkedin.posts()
    assert post["text"] == "Look\n\nAda, CC0"
    card = {"url": link.url, "title": "Read_me", "description": "All of it", "thumbnail": thumbnail.asset}
    assert (post["card"], post["media"]) == (card, [])


async def test_a_post_is_reshared_and_quoted(linkedin: Stage) -> None:
    original = await linkedin.trial(linkedin.plain("First")).until_public()
    other = linkedin.fresh()
    for kind, text in ((Kind.REPOST, None), (Kind.QUOTE, "So true")):
        published = await other.trial(Content(text=text, kind=kind, refers_to=original.permalink)).until_public()
        again = await other.trial(Content(text=text, kind=kind, refers_to=original.permalink)).look()
        assert isinstance(again, Published)
        assert again.external_id == published.external_id
    assert [(post["kind"], post["text"], post["subject"]) for post in other.posts()] == [
        ("repost", "", original.external_id),
        ("quote", "So true", original.external_id),
    ]


@pytest.mark.parametrize(
    ("address", "urn"),
    [
        ("https://www.linkedin.com/feed/update/urn:li:share:71/", "urn:li:share:71"),
        ("https://www.linkedin.com/feed/update/urn%3Ali%3AugcPost%3A72", "urn:li:ugcPost:72"),
        ("https://www.linkedin.com/embed/feed/update/urn:li:share:73", "urn:li:share:73"),
        ("https://br.linkedin.com/posts/wikimedia-foundation_free-share-74-AbC_?utm_source=x", "urn:li:share:74"),
        ("https://www.linkedin.com/posts/wikimedia_x-ugcPost-75-AbC_", "urn:li:ugcPost:75"),
    ],
)
def test_addresses_of_posts(address: str, urn: str) -> None:
    assert subject_of(address) == urn


@pytest.mark.parametrize(
    "address",
    [
        "https://www.linkedin.com/feed/update/urn:li:activity:71/",
        "https://www.linkedin.com/posts/wikimedia_x-activity-71-AbC_",
        "https://example.org/feed/update/urn:li:share:71/",
        "https://evillinkedin.com/feed/update/urn:li:share:71/",
    ],
)
async def test_other_addresses_are_refused_with_a_remedy(linkedin: Stage, address: str) -> None:
    with pytest.raises(Rejected, match="Embed this post"):
        await linkedin.trial(Content(text="So", kind=Kind.QUOTE, refers_to=address)).once()


async def test_a_reshare_takes_no_media(linkedin: Stage) -> None:
    address = "https://www.linkedin.com/feed/update/urn:li:share:71/"
    quote = image(linkedin.store).model_copy(update={"kind": Kind.QUOTE, "refers_to": address})
    with pytest.raises(Rejected, match="leave media and link out"):
        await linkedin.trial(quote).until_settled()


# ---- uploads ---------------------------------------------------------------------------------------------------------


async def test_a_video_goes_in_parts_without_the_token(linkedin: Stage) -> None:
    trial = linkedin.trial(long_film(linkedin, 2 * PART + 100_000))
    await trial.until_public()
    parts = requests(linkedin, "PUT", "/dms-uploads/")[-3:]
    assert [one["bytes"] for one in parts] == [PART, PART, 100_000]
    assert all("authorization" not in one["headers"] for one in parts)
    ((medium,),) = [post["media"] for post in linkedin.posts()]
    assert medium["sha256"] == trial.payload.pieces[0].media[0].sha256
    assert linkedin.posts()[0]["title"] == "A field"


async def test_a_large_upload_hands_back_now_and_then(linkedin: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "ENOUGH", PART + 1)
    trial = linkedin.trial(long_film(linkedin, 3 * PART))
    first = await trial.once()
    assert isinstance(first, Pending)
    assert first.after == 0
    assert (len(first.resume["media"][0]["etags"]), len(first.resume["media"][0]["left"])) == (2, 1)
    await trial.until_public()
    assert len(linkedin.posts()) == 1


async def test_an_upload_whose_addresses_expired_is_begun_anew(linkedin: Stage) -> None:
    trial = linkedin.trial(long_film(linkedin, 2 * PART), Killed, dies_at=2)
    with pytest.raises(KilledError):
        await trial.once()
    linkedin.sandbox.pass_by(DAY + 1)
    again = Trial(trial.spec, trial.payload, trial.account, linkedin.http, linkedin.store, trial.attempt)
    again.pause = linkedin.sandbox.pass_by
    begun = trial.attempt.resume["media"][0]["urn"]
    await again.until_public()
    assert again.attempt.resume["media"][0]["urn"] != begun
    assert len(linkedin.posts()) == 1


async def test_addresses_that_expire_again_and_again_are_given_up(linkedin: Stage) -> None:
    part = {"uploadUrl": "", "firstByte": 0, "lastByte": 79_999}
    begun = {"video": "urn:li:video:1", "uploadToken": "", "uploadInstructions": [part]}
    async with scripted() as wire:
        part["uploadUrl"] = f"{wire.url}/dms-uploads/1"
        wire.answer = lambda head, _: reply(403) if head.startswith("PUT") else reply(200, {"value": begun})
        trial = linkedin.trial(video(linkedin.store))
        trial.account = replace(linkedin.account, base_url=wire.url)
        with pytest.raises(Rejected, match="again and again"):
            await trial.until_settled()
        assert len(wire.asked) == 2 * (upload.MOST_ANEW + 1)


async def test_what_cannot_be_processed_is_rejected(linkedin: Stage) -> None:
    content = film(seconds=2)
    medium = Media(asset=linkedin.store.put(content + free(90_000 - len(content))), alt="A field")
    trial = linkedin.trial(Content(text="Short", media=(medium,)))
    with pytest.raises(Rejected, match="cannot process"):
        await trial.until_settled()
    assert linkedin.posts() == []


async def test_an_image_in_process_is_waited_for(linkedin: Stage) -> None:
    linkedin.sandbox.arm("linkedin", "slow_processing", path="/dms-uploads/*")
    trial = linkedin.trial(image(linkedin.store, 2))
    assert isinstance(await trial.once(), Pending)
    assert isinstance(await trial.once(), Pending)
    linkedin.sandbox.pass_by(31)
    assert isinstance(await trial.once(), Published)
    assert len(linkedin.posts()) == 1


async def test_bytes_go_to_no_other_host(linkedin: Stage) -> None:
    async with scripted() as wire, scripted() as elsewhere:
        wire.always(reply(200, {"value": {"uploadUrl": f"{elsewhere.url}/x", "image": "urn:li:image:1"}}))
        trial = linkedin.trial(image(linkedin.store))
        trial.account = replace(linkedin.account, base_url=wire.url)
        with pytest.raises(Rejected, match="not LinkedIn's"):
            await trial.once()
        assert elsewhere.asked == []


def test_a_film_that_is_too_small_is_refused_at_the_door(linkedin: Stage) -> None:
    content = video(linkedin.store)
    small = Rendition(sha256="0" * 64, type="video/mp4", size=76_799, seconds=4)
    (found,) = limits_broken(content, "test/linkedin", linkedin.spec, [small])
    assert (found.limit, found.most, found.count) == ("bytes", 76_800, 76_799)
    assert limits_broken(content, "test/linkedin", linkedin.spec, [small.model_copy(update={"size": 76_800})]) == []


# ---- the API itself --------------------------------------------------------------------------------------------------


async def test_the_version_is_the_accounts_own_or_the_specs(linkedin: Stage) -> None:
    await linkedin.trial(linkedin.plain()).until_public()
    trial = linkedin.trial(linkedin.plain("Older"))
    trial.account = replace(linkedin.account, version="202512")
    await trial.until_public()
    versions = [one["headers"]["linkedin-version"] for one in requests(linkedin, "POST", "/rest/posts")[-2:]]
    assert versions == [linkedin.spec.version, "202512"]
    trial = linkedin.trial(linkedin.plain("Retired"))
    trial.account = replace(linkedin.account, version="202401")
    with pytest.raises(Unauthorized, match="NONEXISTENT_VERSION"):
        await trial.once()


async def test_a_days_quota_is_full_again_at_midnight_utc(linkedin: Stage) -> None:
    linkedin.sandbox.control.put("/_quotas", json={"linkedin": {"posts_day": 1}}).raise_for_status()
    try:
        await linkedin.trial(linkedin.plain("One")).until_public()
        with pytest.raises(TryLater) as caught:
            await linkedin.trial(linkedin.plain("Two")).once()
    finally:
        linkedin.sandbox.control.put("/_quotas", json={"linkedin": "open"}).raise_for_status()
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert caught.value.after == pytest.approx((midnight - now).total_seconds(), abs=10)
    assert all_said(linkedin)[0]["text"] == "One"


async def test_an_account_without_a_number_says_so(linkedin: Stage) -> None:
    trial = linkedin.trial(linkedin.plain())
    trial.account = replace(linkedin.account, id="")
    with pytest.raises(Unauthorized, match="number of the organization"):
        await trial.once()
