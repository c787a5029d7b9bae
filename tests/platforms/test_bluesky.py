"""What only Bluesky has: sessions that expire, records at chosen keys, cards, facets with DIDs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapter.contract import App, Attempt, Connector, Measurer, Pending, Published, Publisher
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.content import Captions, Content, Kind, Link, Media
from shared.platforms import specs
from shared.platforms.bluesky import connect, measure, publish
from shared.platforms.bluesky.record import key_of
from tests.adapter.wire import Wire, json_of, reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import image, picture, text, thread, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import attempt_of

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""


@pytest.fixture
async def bluesky(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["bluesky"], sandbox):
        yield stage


def record_at(stage: Stage, uri: str) -> dict[str, Any]:
    """Read a record back as the network does."""
    repo, collection, rkey = uri.removeprefix("at://").split("/")
    params = {"repo": repo, "collection": collection, "rkey": rkey}
    told = httpx.get(f"{stage.account.base_url}/xrpc/com.atproto.repo.getRecord", params=params).raise_for_status()
    record: dict[str, Any] = told.json()["value"]
    return record


async def test_links_tags_and_mentions_have_the_bytes_they_cover(bluesky: Stage) -> None:
    published = await bluesky.trial(text()).until_public()
    record = record_at(bluesky, published.external_id)
    covered = {}
    for facet in record["facets"]:
        (feature,) = facet["features"]
        words = record["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        covered[feature["$type"].rpartition("#")[2]] = (words, feature)
    assert covered["link"] == ("https://w.wiki/3", {"$type": "app.bsky.richtext.facet#link", "uri": "https://w.wiki/3"})
    assert covered["tag"] == ("#Wikipedia", {"$type": "app.bsky.richtext.facet#tag", "tag": "Wikipedia"})
    assert covered["mention"][0] == "@wikipedia.org"
    assert covered["mention"][1]["did"].startswith("did:plc:")
    assert record["langs"] == ["pt-BR"]


async def test_a_mention_of_nobody_stays_text(bluesky: Stage) -> None:
    content = Content(text="Hi @nobody.invalid and @ada@wikis.world")
    published = await bluesky.trial(content).until_public()
    record = record_at(bluesky, published.external_id)
    assert record["text"] == content.text
    assert "facets" not in record


async def test_a_link_has_its_card_with_a_thumbnail(bluesky: Stage) -> None:
    thumbnail = Media(asset=bluesky.store.put(picture(5)), alt="")
    link = Link(url="https://w.wiki/3", title="Mercury", description="A planet", thumbnail=thumbnail)
    published = await bluesky.trial(Content(text="Read", link=link)).until_public()
    record = record_at(bluesky, published.external_id)
    card = record["embed"]["external"]
    assert (record["text"], card["uri"], card["title"]) == ("Read", "https://w.wiki/3", "Mercury")
    assert card["thumb"]["mimeType"] == "image/png"


async def test_a_livestream_is_announced_with_its_card(bluesky: Stage) -> None:
    link = Link(url="https://youtube.com/live/x", title="Live")
    published = await bluesky.trial(Content(text="At noon", kind=Kind.LIVESTREAM, link=link)).until_public()
    record = record_at(bluesky, published.external_id)
    assert (record["text"], record["embed"]["external"]["uri"]) == ("At noon", "https://youtube.com/live/x")


async def test_pictures_say_their_shape(bluesky: Stage) -> None:
    media = (Media(asset=bluesky.store.put(picture()), alt="A field"),)
    published = await bluesky.trial(Content(text="See", media=media)).until_public()
    (image,) = record_at(bluesky, published.external_id)["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A field", {"width": 400, "height": 400})


@pytest.mark.parametrize("name", ["putRecord", "uploadBlob"])
async def test_an_expired_session_is_renewed_and_the_call_made_once_again(bluesky: Stage, name: str) -> None:
    await bluesky.trial(text()).until_public()
    bluesky.sandbox.arm("bluesky", "expired_token", path=f"/xrpc/com.atproto.repo.{name}")
    media = (Media(asset=bluesky.store.put(picture()), alt="A field"),)
    trial = bluesky.trial(Content(text="See", media=media))
    await trial.once()
    assert len(bluesky.public()) == 2


async def test_a_session_whose_renewal_has_expired_too_is_opened_anew(bluesky: Stage) -> None:
    await bluesky.trial(text()).until_public()
    bluesky.sandbox.advance(91 * 86_400)
    await bluesky.trial(text()).once()
    assert len(bluesky.public()) == 2


async def test_another_record_at_our_key_is_never_overwritten(bluesky: Stage) -> None:
    first = bluesky.trial(Content(text="One"))
    await first.until_public()
    other = bluesky.trial(Content(text="Two"))
    other.attempt = first.attempt
    with pytest.raises(Rejected, match="InvalidSwap"):
        await other.once()
    assert bluesky.public() == ["One"]


async def test_our_own_record_that_reads_the_same_counts_as_published(bluesky: Stage) -> None:
    first = bluesky.trial(Content(text="One"))
    published = await first.until_public()
    again = bluesky.trial(Content(text="One", language="el"))
    again.attempt = first.attempt
    assert (await again.until_public()).external_id == published.external_id
    assert bluesky.public() == ["One"]


MOMENTS = st.floats(1.7e9, 3.7e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS, st.uuids(), st.integers(1, 9))
def test_keys_are_tids_that_sort_by_part(moment: datetime, post: Any, revision: int) -> None:
    attempt = Attempt(post=post, revision=revision, created_at=moment, key=f"{post}:{revision}")
    keys = [key_of(attempt, number) for number in range(50)]
    assert keys == sorted(set(keys))
    assert keys == [key_of(replace(attempt, resume={"parts": []}), number) for number in range(50)]
    for key in keys:
        assert len(key) == 13
        assert set(key) <= set(ALPHABET)
        value = 0
        for letter in key:
            value = value << 5 | ALPHABET.index(letter)
        assert value >> 63 == 0
        assert abs((value >> 10) / 1e6 - moment.timestamp()) < 1.1


def test_posts_claimed_at_one_moment_keep_apart() -> None:
    moment = attempt_of().created_at
    attempts = [replace(attempt_of(), key=str(uuid4()), created_at=moment) for _ in range(2_000)]
    assert len({key_of(attempt, 0) for attempt in attempts}) == 2_000


# ---- about somebody else's post --------------------------------------------------------------------------------------

ABOUT = {
    "reply": Content(text="Two", kind=Kind.REPLY),
    "quote": Content(text="Two", kind=Kind.QUOTE),
    "repost": Content(kind=Kind.REPOST),
}


async def about_another(bluesky: Stage, kind: str) -> tuple[str, Content]:
    """Return the address of somebody's post in the network, and a content about it."""
    published = await bluesky.fresh().trial(Content(text="One")).until_public()
    return published.external_id, ABOUT[kind].model_copy(update={"refers_to": published.permalink})


@pytest.mark.parametrize("kind", ABOUT)
async def test_a_post_about_another_names_it(bluesky: Stage, kind: str) -> None:
    subject, content = await about_another(bluesky, kind)
    trial = bluesky.trial(content)
    published = await trial.until_public()
    (post,) = bluesky.posts()
    told = {"reply": post["reply_to"], "quote": post.get("quote"), "repost": post.get("subject")}
    assert {name: value for name, value in told.items() if value} == {kind: subject}
    assert (post["text"], post["id"]) == (content.text or "", published.external_id)
    trial.attempt = replace(trial.attempt, resume={})
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.external_id == published.external_id
    assert (published.permalink is None) is (kind == "repost")


async def test_a_reply_deep_in_a_conversation_keeps_its_root(bluesky: Stage) -> None:
    subject, content = await about_another(bluesky, "reply")
    second = await bluesky.trial(content).until_public()
    third = bluesky.fresh()
    published = await third.trial(content.model_copy(update={"refers_to": second.permalink})).until_public()
    reply = record_at(bluesky, published.external_id)["reply"]
    assert (reply["root"]["uri"], reply["parent"]["uri"]) == (subject, second.external_id)


async def test_a_thread_in_reply_goes_on_below_its_own_parts(bluesky: Stage) -> None:
    subject, content = await about_another(bluesky, "reply")
    parts = thread(bluesky.store).thread
    threaded = content.model_copy(update={"text": None, "thread": parts})
    published = await bluesky.trial(threaded).until_public()
    assert [post["reply_to"] for post in bluesky.posts()] == [subject, *published.parts[:-1]]
    assert {post["root"] for post in bluesky.posts()} == {subject}


async def test_a_quote_with_a_picture_has_both(bluesky: Stage) -> None:
    subject, content = await about_another(bluesky, "quote")
    shown = content.model_copy(update={"media": image(bluesky.store).media})
    published = await bluesky.trial(shown).until_public()
    embed = record_at(bluesky, published.external_id)["embed"]
    assert embed["$type"] == "app.bsky.embed.recordWithMedia"
    assert embed["record"]["record"]["uri"] == subject
    assert [one["alt"] for one in embed["media"]["images"]] == ["A blue field, number 0"]


@pytest.mark.parametrize(
    "address",
    [
        "https://en.wikipedia.org/wiki/Mercury",
        "https://bsky.app/profile/nobody.invalid/post/3k2akyxy2tk2s",
        "https://bsky.app/profile/ada.example.org/post/3k2akyxy2tk2s",
    ],
)
@pytest.mark.parametrize("kind", ABOUT)
async def test_an_address_that_leads_to_no_post_is_refused_with_a_remedy(
    bluesky: Stage, kind: str, address: str
) -> None:
    with pytest.raises(Rejected, match=r"give the address of one, such as https://bsky\.app/profile/"):
        await bluesky.trial(ABOUT[kind].model_copy(update={"refers_to": address})).once()


async def test_a_repost_with_words_is_refused(bluesky: Stage) -> None:
    _, content = await about_another(bluesky, "repost")
    with pytest.raises(Rejected, match="make it a quote"):
        await bluesky.trial(content.model_copy(update={"text": "Look"})).once()
    assert bluesky.posts() == []


async def test_a_repost_is_taken_back_and_has_no_figures(bluesky: Stage) -> None:
    _, content = await about_another(bluesky, "repost")
    published = await bluesky.trial(content).until_public()
    assert await measure.measure(published.parts, bluesky.account, bluesky.http) == []
    await publish.delete(published.parts, bluesky.account, bluesky.http)
    assert bluesky.posts() == []


async def test_somebody_elses_post_is_not_taken_down(bluesky: Stage) -> None:
    subject, _ = await about_another(bluesky, "repost")
    with pytest.raises(Rejected, match="not in this account's repository"):
        await publish.delete([subject], bluesky.account, bluesky.http)


# ---- videos ----------------------------------------------------------------------------------------------------------


async def test_a_video_is_processed_before_it_is_posted(bluesky: Stage) -> None:
    vtt = bluesky.store.put(b"WEBVTT\n\n00:00.000 --> 00:01.000\nA blue field\n")
    (medium,) = video(bluesky.store).media
    captioned = medium.model_copy(update={"captions": (Captions(language="en", asset=vtt),)})
    trial = bluesky.trial(Content(text="A film", media=(captioned,)))
    assert isinstance(await trial.once(), Pending)
    assert bluesky.posts() == []
    published = await trial.until_public()
    embed = record_at(bluesky, published.external_id)["embed"]
    assert (embed["$type"], embed["alt"]) == ("app.bsky.embed.video", "A blue field")
    assert embed["aspectRatio"] == {"width": 540, "height": 960}
    assert [(one["lang"], one["file"]["mimeType"]) for one in embed["captions"]] == [("en", "text/vtt")]


async def test_a_video_is_sent_once_however_long_it_takes(bluesky: Stage) -> None:
    trial = bluesky.trial(video(bluesky.store))
    bluesky.sandbox.arm("bluesky", "slow_processing", path="/xrpc/app.bsky.video.uploadVideo")
    for _ in range(3):
        assert isinstance(await trial.once(), Pending)
    bluesky.sandbox.advance(31)
    await trial.until_public()
    assert calls_of(bluesky, "uploadVideo") == 1


async def test_a_video_that_was_sent_before_is_not_processed_again(bluesky: Stage) -> None:
    for _ in range(2):
        await bluesky.trial(video(bluesky.store)).until_public()
    assert len(bluesky.posts()) == 2


async def test_a_video_that_is_none_is_refused(bluesky: Stage) -> None:
    trial = bluesky.trial(video(bluesky.store))
    (medium,) = trial.payload.pieces[0].media
    bluesky.store.kept[medium.sha256] = b"\x00\x00\x00\x18ftypmp42 and then nothing"
    with pytest.raises(Rejected, match="validation_failure"):
        await trial.until_settled()
    assert bluesky.posts() == []


@pytest.mark.parametrize(("code", "remedy"), [("encoding_failure", Rejected), ("generic_failure", TryLater)])
async def test_a_failed_job_is_given_up_or_begun_anew(code: str, remedy: type[Exception], bluesky: Stage) -> None:
    async with scripted() as wire:
        failed = {"jobId": "j1", "did": "did:plc:x", "state": "JOB_STATE_FAILED", "failureCode": code}
        wire.answer = lambda head, _: reply(200, {"jobStatus": failed} if "getJobStatus" in head else session_at(wire))
        trial = bluesky.trial(video(bluesky.store))
        trial.account = replace(trial.account, base_url=wire.url)
        (medium,) = trial.payload.pieces[0].media
        await trial.remember({"jobs": {medium.sha256: "j1"}})
        with pytest.raises(remedy):
            await trial.once()
        assert bool(trial.attempt.resume["jobs"]) is (remedy is Rejected)


def session_at(wire: Wire) -> dict[str, Any]:
    service = {"id": "#atproto_pds", "serviceEndpoint": wire.url}
    tokens = {"accessJwt": "a", "refreshJwt": "r"}
    return {**tokens, "did": "did:plc:x", "handle": "x.example.org", "didDoc": {"service": [service]}}


@pytest.mark.parametrize("status", [400, 404, 501])
async def test_a_server_without_the_service_takes_the_video_as_a_blob(bluesky: Stage, status: int) -> None:
    blob = {"$type": "blob", "ref": {"$link": "bafkrei"}, "mimeType": "video/mp4", "size": 1}
    async with scripted() as wire:

        def answer(head: str, _body: bytes) -> bytes:
            if "uploadVideo" in head:
                return reply(status, {"error": "InvalidRequest"})
            made = {"uri": "at://did:plc:x/app.bsky.feed.post/3k2akyxy2tk2s", "cid": "c", "blob": blob, "token": "t"}
            return reply(200, {**session_at(wire), **made})

        wire.answer = answer
        trial = bluesky.trial(video(bluesky.store))
        trial.account = replace(trial.account, base_url=wire.url)
        await trial.until_public()
        (put,) = [json_of(body) for head, body in wire.asked if "putRecord" in head]
        assert put["record"]["embed"]["video"] == blob


def calls_of(stage: Stage, name: str) -> int:
    """Return how often a method was called by this account's tests: the log is the sandbox's, the name in its query."""
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "bluesky"}).json()["requests"]
    did = httpx.get(
        f"{stage.account.base_url}/xrpc/com.atproto.identity.resolveHandle", params={"handle": stage.account.handle[1:]}
    ).json()["did"]
    return sum(one["path"].endswith(f".{name}") and did in unquote(one["query"]) for one in told)


# ---- sessions given and taken back -----------------------------------------------------------------------------------


def app_of(stage: Stage) -> App:
    return App("", "", "https://carillon.example/connected", stage.account.base_url)


async def test_an_account_is_connected_by_an_app_password(bluesky: Stage) -> None:
    app, handle = app_of(bluesky), bluesky.account.handle
    assert connect.start(app, "a-state", "v" * 43) == "https://bsky.app/settings/app-passwords"
    grant = await connect.exchange(app, f"{handle}:sandbox", "", bluesky.http)
    assert grant.expires_at
    assert grant.account_id.startswith("did:plc:")
    for code in (f"{handle}:guess", "sandbox", ""):
        with pytest.raises(Unauthorized):
            await connect.exchange(app, code, "", bluesky.http)


async def test_what_was_granted_posts_measures_and_hears(bluesky: Stage) -> None:
    grant = await connect.exchange(app_of(bluesky), f"{bluesky.account.handle}:sandbox", "", bluesky.http)
    stage = replace(bluesky, account=replace(bluesky.account, secrets={"access_token": grant.access_token}))
    assert await connect.verify(stage.account, stage.http) == stage.account.handle[1:]
    published = await stage.trial(text()).until_public()
    stage.sandbox.say("bluesky", stage.account.handle[1:], kind="quote", text="Oh", author="ada", to=published.parts[0])
    (one,) = await measure.heard(datetime.now(UTC) - timedelta(minutes=5), stage.account, stage.http)
    assert (one.kind, one.to) == ("quote", published.external_id)
    stage.sandbox.pass_by(121 * 60)
    with pytest.raises(Unauthorized, match="renew it"):
        await stage.trial(text()).once()
    renewed = await connect.refresh(app_of(bluesky), grant, stage.http)
    stage.account = replace(stage.account, secrets={"access_token": renewed.access_token})
    await stage.trial(text()).until_public()
    assert len(stage.posts()) == 2


async def test_a_session_is_renewed_until_it_is_revoked(bluesky: Stage) -> None:
    app = app_of(bluesky)
    grant = await connect.exchange(app, f"{bluesky.account.handle}:sandbox", "", bluesky.http)
    bluesky.sandbox.arm("bluesky", "refuse_500")
    with pytest.raises(TryLater):
        await connect.refresh(app, grant, bluesky.http)
    renewed = await connect.refresh(app, grant, bluesky.http)
    assert renewed.refresh_token != grant.refresh_token
    again = await connect.refresh(app, grant, bluesky.http)  # the answer may have been lost
    assert again.refresh_token
    await connect.revoke(app, renewed, bluesky.http)
    with pytest.raises(Unauthorized):
        await connect.refresh(app, renewed, bluesky.http)
    await connect.revoke(app, renewed, bluesky.http)
    with pytest.raises(Unauthorized, match="connect the account again"):
        await connect.refresh(app, replace(grant, refresh_token=None), bluesky.http)


async def test_what_was_said_is_told_by_kind_oldest_first(bluesky: Stage) -> None:
    handle, began = bluesky.account.handle[1:], datetime.now(UTC) - timedelta(minutes=5)
    post = (await bluesky.trial(text()).until_public()).external_id
    for kind, to in (("mention", {}), ("reply", {"to": post}), ("quote", {"to": post})):
        bluesky.sandbox.say("bluesky", handle, kind=kind, text=kind, author="ada.example.org", **to)
    heard = await measure.heard(began, bluesky.account, bluesky.http)
    assert [(one.kind, one.text, one.to) for one in heard] == [
        ("mention", "mention", None),
        ("reply", "reply", post),
        ("quote", "quote", post),
    ]
    assert all((one.permalink or "").startswith("https://bsky.app/profile/did:plc:") for one in heard)


async def test_much_that_was_said_is_read_page_by_page(bluesky: Stage) -> None:
    handle, began = bluesky.account.handle[1:], datetime.now(UTC) - timedelta(minutes=5)
    for number in range(measure.PAGE + 5):
        bluesky.sandbox.say("bluesky", handle, kind="mention", text=f"No. {number}", author="ada")
    heard = await measure.heard(began, bluesky.account, bluesky.http)
    assert [one.text for one in heard] == [f"No. {number}" for number in range(measure.PAGE + 5)]
