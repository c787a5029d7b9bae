"""Bluesky's own server answers the questions that the sandbox answered: publish, find, resume, limits, engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.pds import PrivatePds
from shared.adapter.client import HttpClient
from shared.adapter.contract import Account, App, NotFound, Pending, Published
from shared.adapter.errors import Rejected, TryLater, Unauthorized, Uncertain
from shared.content import Captions, Content, Kind, Link, Media
from shared.platforms import specs
from shared.platforms.bluesky import connect, publish
from shared.platforms.bluesky.connect import verify
from shared.platforms.bluesky.publish import find
from shared.platforms.bluesky.record import COLLECTION
from tests.platforms.contents import Store, film, image, picture, text, thread, video
from tests.platforms.stage import Killed, KilledError, Trial, payload_of
from tests.platforms.test_conformance import full_text

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1_800)]
SPEC = specs()["bluesky"]
CONTENTS = {"text": lambda _: text(), "image": image, "thread": thread}


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(SPEC, contact="https://carillon.example; ops@carillon.example") as http:
        yield http


@dataclass
class Stage:
    """One account of a real server."""

    pds: PrivatePds
    account: Account
    did: str
    http: HttpClient
    store: Store

    def trial(self, content: Content, kind: type[Trial] = Trial, **more: object) -> Trial:
        payload = payload_of(content, SPEC, self.store)
        return kind(SPEC, payload, self.account, self.http, self.store, **more)  # type: ignore[arg-type] # of `kind`

    def records(self) -> list[dict[str, Any]]:
        """Return the posts in the repository, oldest key first."""
        params: dict[str, str | int] = {"repo": self.did, "collection": COLLECTION, "limit": 100}
        told = httpx.get(f"{self.pds.url}/xrpc/com.atproto.repo.listRecords", params=params, trust_env=False)
        return sorted(told.raise_for_status().json()["records"], key=lambda record: str(record["uri"]))

    def record(self, uri: str) -> dict[str, Any]:
        """Return one record's value."""
        repo, collection, rkey = uri.removeprefix("at://").split("/")
        params = {"repo": repo, "collection": collection, "rkey": rkey}
        told = httpx.get(f"{self.pds.url}/xrpc/com.atproto.repo.getRecord", params=params, trust_env=False)
        value: dict[str, Any] = told.raise_for_status().json()["value"]
        return value

    def texts(self) -> list[str]:
        return [record["value"]["text"] for record in self.records()]


@pytest.fixture
def stage(pds: PrivatePds, http: HttpClient) -> Stage:
    made = pds.create_account(f"t{uuid4().hex[:12]}")
    secrets = {"identifier": made.handle, "password": made.password}
    return Stage(pds, Account("test/bluesky", f"@{made.handle}", pds.url, secrets), made.did, http, Store())


class Deaf:
    """A door that makes every call, and does not hear the answer to the n-th that changes anything."""

    def __init__(self, http: HttpClient, number: int) -> None:
        self.http, self.number, self.seen = http, number, 0

    async def call(self, method: str, url: str, *, mutates: bool, **parts: Any) -> Any:
        answer = await self.http.call(method, url, mutates=mutates, **parts)
        self.seen += method == "POST"
        if method == "POST" and self.seen == self.number:
            raise Uncertain("the answer is lost") if mutates else TryLater("the answer is lost")
        return answer


@pytest.mark.parametrize("name", CONTENTS)
async def test_each_part_is_public_once_whichever_answer_is_lost(stage: Stage, name: str) -> None:
    content = CONTENTS[name](stage.store)
    for number in range(1, 20):
        before = len(stage.records())
        trial = stage.trial(content)
        trial.http = Deaf(stage.http, number)
        await trial.until_public()
        wanted = [piece.text for piece in trial.payload.pieces]
        assert sorted(stage.texts()[before:]) == sorted(wanted), f"after the loss of answer {number}"
        if not trial.failures:
            break  # there are fewer calls than that
    assert number > len(content.thread or (1,))


@pytest.mark.parametrize("name", CONTENTS)
async def test_the_record_is_the_payload(stage: Stage, name: str) -> None:
    trial = stage.trial(CONTENTS[name](stage.store))
    published = await trial.until_public()
    records = stage.records()
    assert [record["value"]["text"] for record in records] == [piece.text for piece in trial.payload.pieces]
    assert published.parts == tuple(record["uri"] for record in records)
    for number, record in enumerate(records[1:]):
        assert record["value"]["reply"]["parent"]["uri"] == records[number]["uri"]
        assert record["value"]["reply"]["root"]["cid"] == records[0]["cid"]
    again = stage.trial(CONTENTS[name](stage.store))
    again.attempt = trial.attempt
    assert (await again.until_public()).parts == published.parts
    assert len(stage.records()) == len(records)


async def test_facets_cover_their_words_and_mentions_have_their_did(stage: Stage) -> None:
    content = Content(text=f"👩‍🚀 @{stage.account.handle[1:]} reads https://w.wiki/3 #維基")
    await stage.trial(content).until_public()
    (record,) = stage.records()
    value = record["value"]
    told = {}
    for facet in value["facets"]:
        words = value["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        told[words] = facet["features"][0]
    assert told[stage.account.handle]["did"] == stage.did
    assert told["https://w.wiki/3"]["uri"] == "https://w.wiki/3"
    assert told["#維基"]["tag"] == "維基"


async def test_a_mention_of_nobody_stays_text(stage: Stage) -> None:
    await stage.trial(Content(text="Hi @nobody.test")).until_public()
    (record,) = stage.records()
    assert (record["value"]["text"], "facets" in record["value"]) == ("Hi @nobody.test", False)


async def test_a_card_with_a_thumbnail(stage: Stage) -> None:
    thumbnail = Media(asset=stage.store.put(picture(5)), alt="")
    await stage.trial(Content(text="Read", link=Link(url="https://w.wiki/3", thumbnail=thumbnail))).until_public()
    card = stage.records()[0]["value"]["embed"]["external"]
    assert (card["uri"], card["title"], card["thumb"]["mimeType"]) == ("https://w.wiki/3", "w.wiki/3", "image/png")


@pytest.mark.parametrize("name", CONTENTS)
async def test_a_look_finds_all_a_part_or_nothing(stage: Stage, name: str) -> None:
    trial = stage.trial(CONTENTS[name](stage.store))
    assert isinstance(await find(trial.payload, trial.account, trial.attempt, trial.http), NotFound)
    await trial.until_public()
    found = await find(trial.payload, trial.account, trial.attempt, trial.http)
    assert isinstance(found, Published)
    assert list(found.parts) == [record["uri"] for record in stage.records()]


async def test_a_thread_broken_off_goes_on_from_the_first_missing_part(stage: Stage) -> None:
    trial = stage.trial(thread(stage.store), Killed, dies_at=3)
    with pytest.raises(KilledError):
        await trial.once()
    found = await find(trial.payload, trial.account, trial.attempt, trial.http)
    assert isinstance(found, Pending)
    again = Trial(SPEC, trial.payload, trial.account, stage.http, stage.store, trial.attempt)
    await again.remember(found.resume)
    await again.until_public()
    assert stage.texts() == [piece.text for piece in trial.payload.pieces]


async def test_a_text_at_the_limit_passes_and_one_letter_more_is_refused(stage: Stage) -> None:
    await stage.trial(Content(text=full_text(list(SPEC.text), 0))).until_public()
    with pytest.raises(Rejected, match="too big"):
        await stage.trial(Content(text=full_text(list(SPEC.text), 1))).once()
    assert len(stage.records()) == 1


async def test_four_images_pass_and_five_are_refused(stage: Stage) -> None:
    assert SPEC.images
    await stage.trial(image(stage.store, SPEC.images.most)).until_public()
    with pytest.raises(Rejected):
        await stage.trial(image(stage.store, SPEC.images.most + 1)).once()
    assert len(stage.records()) == 1


async def test_another_record_at_our_key_is_never_overwritten(stage: Stage) -> None:
    first, other = stage.trial(Content(text="One")), stage.trial(Content(text="Two"))
    await first.until_public()
    other.attempt = first.attempt
    with pytest.raises(Rejected, match="InvalidSwap"):
        await other.once()
    assert stage.texts() == ["One"]


async def test_the_handle_that_the_secrets_open(stage: Stage) -> None:
    assert await verify(stage.account, stage.http) == stage.account.handle.removeprefix("@")
    wrong = {**stage.account.secrets, "password": "wrong"}
    with pytest.raises(Unauthorized):
        await verify(Account("test/bluesky", stage.account.handle, stage.pds.url, wrong), stage.http)


# ---- about another post, videos, takedowns, sessions -----------------------------------------------------------------

ABOUT = {
    "reply": Content(text="Two", kind=Kind.REPLY),
    "quote": Content(text="Two", kind=Kind.QUOTE),
    "repost": Content(kind=Kind.REPOST),
}


@pytest.mark.parametrize("kind", ABOUT)
async def test_a_post_about_another_is_there_once_whichever_answer_is_lost(stage: Stage, kind: str) -> None:
    subject = await stage.trial(Content(text="One")).until_public()
    content = ABOUT[kind].model_copy(update={"refers_to": subject.permalink})
    for number in range(1, 4):
        trial = stage.trial(content)
        trial.http = Deaf(stage.http, number)
        published = await trial.until_public()
        value = stage.record(published.external_id)
        named = {
            "reply": value.get("reply", {}).get("parent"),
            "quote": value.get("embed", {}).get("record"),
            "repost": value.get("subject"),
        }
        assert [(name, one["uri"]) for name, one in named.items() if one] == [(kind, subject.external_id)]
        found = await find(trial.payload, trial.account, trial.attempt, stage.http)
        assert isinstance(found, Published)
        assert found.external_id == published.external_id
        if not trial.failures:
            break
    assert not trial.failures


async def test_a_video_is_in_the_record_with_its_captions(stage: Stage) -> None:
    vtt = stage.store.put(b"WEBVTT\n\n00:00.000 --> 00:01.000\nA blue field\n")
    (medium,) = video(stage.store).media
    captioned = medium.model_copy(update={"captions": (Captions(language="en", asset=vtt),)})
    await stage.trial(Content(text="A film", media=(captioned,))).until_public()
    (record,) = stage.records()
    embed = record["value"]["embed"]
    assert (embed["video"]["mimeType"], embed["video"]["size"]) == ("video/mp4", len(film()))
    assert [one["lang"] for one in embed["captions"]] == ["en"]


async def test_a_post_is_taken_down_once_and_for_all(stage: Stage) -> None:
    published = await stage.trial(thread(stage.store)).until_public()
    for _ in range(2):
        await publish.delete(list(reversed(published.parts)), stage.account, stage.http)
    assert stage.records() == []


async def test_a_session_is_granted_renewed_and_revoked(stage: Stage) -> None:
    app = App("", "", "", stage.pds.url)
    grant = await connect.exchange(app, f"{stage.account.handle}:{stage.account.secrets['password']}", "", stage.http)
    assert grant.account_id == stage.did
    with pytest.raises(Unauthorized):
        await connect.exchange(app, f"{stage.account.handle}:wrong", "", stage.http)
    renewed = await connect.refresh(app, grant, stage.http)
    stage.account = replace(stage.account, secrets={"access_token": renewed.access_token})
    assert await verify(stage.account, stage.http) == stage.account.handle[1:]
    await stage.trial(text()).until_public()
    await connect.revoke(app, renewed, stage.http)
    with pytest.raises(Unauthorized):
        await connect.refresh(app, renewed, stage.http)
    await connect.revoke(app, renewed, stage.http)
