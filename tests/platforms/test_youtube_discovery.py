"""Every call that we make of YouTube is one that Google's own description of the API has; so is every answer that the
sandbox gives. The resumable protocol, limits of texts and reasons of errors are not in that description."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.adapter.contract import Answer, App, Http
from shared.adapter.errors import Uncertain
from shared.content import Captions, Kind
from shared.payload import Card, Rendition
from shared.platforms import specs
from shared.platforms.youtube import connect, measure, publish
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import picture, video
from tests.platforms.discovery import Method, methods
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Trial

METHODS = methods()
OAUTH = {("POST", "/token"), ("POST", "/revoke")}
"""What belongs to Google's sign-in, which no discovery document describes."""
CALLED = {
    "youtube.videos.insert",
    "youtube.videos.list",
    "youtube.videos.update",
    "youtube.videos.delete",
    "youtube.captions.insert",
    "youtube.captions.list",
    "youtube.thumbnails.set",
    "youtube.commentThreads.insert",
    "youtube.commentThreads.list",
    "youtube.channels.list",
    "youtube.playlistItems.list",
    "youtubeAnalytics.reports.query",
}
VTT = b"WEBVTT\n\n00:00.000 --> 00:02.000\nA field\n"


@dataclass
class Overheard:
    """A door that keeps what was answered to what."""

    http: Http
    told: list[tuple[str, str, Answer]] = field(default_factory=list)

    async def call(self, method: str, url: str, **parts: Any) -> Answer:
        answer = await self.http.call(method, url, **parts)
        self.told.append((method, urlsplit(url).path.removeprefix("/youtube"), answer))
        return answer


@dataclass
class Record:
    """All that was asked and answered while everything was done that we can do."""

    requests: list[Mapping[str, Any]]
    answers: list[tuple[str, str, Answer]]


@pytest.fixture
async def record(sandbox: Sandbox) -> AsyncIterator[Record]:
    async for stage in stage_of(specs()["youtube"], sandbox):
        await connect.verify(stage.account, stage.http)
        log = "/_ledger/requests"
        before = sandbox.control.get(log, params={"platform": "youtube"}).json()["requests"][-1]["seq"]
        door = Overheard(stage.http)
        await everything(stage, door)
        made = sandbox.control.get(log, params={"platform": "youtube", "since": before}).json()["requests"]
        yield Record(made, door.told)


async def everything(stage: Stage, door: Overheard) -> None:
    """Connect, publish with all that can belong to a video, lose answers, look, change, measure, listen, delete."""
    await connected(stage, door)
    stage.account = replace(stage.account, id="")  # so that the channel is asked for
    published = [await shown(stage, door, kind) for kind in (Kind.VIDEO, Kind.REEL)]
    await lost(stage, door)
    payload = stage.trial(stage.plain("Changed")).payload
    await publish.edit(published[0], payload, stage.account, door)
    stage.sandbox.pass_by(3 * 86_400)
    await measure.measure(published, stage.account, door)
    await measure.measure(published, replace(stage.account, id="17"), door)
    await measure.followers(stage.account, door)
    await measure.people(stage.account, door)
    stage.sandbox.say("youtube", handle(stage), kind="reply", text="Oh", author="ada", to=published[0])
    assert await measure.heard(datetime.now(UTC) - timedelta(minutes=5), stage.account, door)
    await publish.delete(published, stage.account, door)


async def connected(stage: Stage, door: Overheard) -> None:
    app = App("client", "client-secret", "https://carillon.example/connected", stage.account.base_url)
    other = f"{handle(stage)}_too"
    grant = await connect.refresh(app, await connect.exchange(app, f"code-{other}", "v" * 43, door), door)
    account = replace(stage.account, secrets={"access_token": grant.access_token})
    await connect.verify(account, door)
    await connect.limits(account, door)
    await connect.revoke(app, grant, door)


async def shown(stage: Stage, door: Overheard, kind: Kind) -> str:
    """Publish a video with captions, thumbnail and comment; the answers to the last two are lost."""
    content = video(stage.store, kind).model_copy(update={"first_comment": "More", "title": f"A {kind}"})
    tracks = (Captions(language="pt-BR", asset=stage.store.put(VTT)),)
    content = content.model_copy(update={"media": (content.media[0].model_copy(update={"captions": tracks}),)})
    trial = stage.trial(content)
    trial.http = door
    thumbnail = Rendition(sha256=stage.store.put(picture(5)), type="image/png", size=len(picture(5)))
    card = Card(url="https://w.wiki/3", title="A field", thumbnail=thumbnail)
    piece = trial.payload.pieces[0].model_copy(update={"card": card})
    trial.payload = trial.payload.model_copy(update={"pieces": (piece,)})
    stage.sandbox.arm("youtube", "accept_then_500", method="PUT", path="/upload/youtube/v3/captions")
    stage.sandbox.arm("youtube", "accept_then_500", method="POST", path="/youtube/v3/commentThreads")
    return (await trial.until_public()).external_id


async def lost(stage: Stage, door: Overheard) -> None:
    """Lose the answer to the last chunk, then the session, so that the channel's uploads are looked through."""
    trial: Trial = stage.trial(stage.plain())
    trial.http = door
    stage.sandbox.arm("youtube", "accept_then_reset")
    with pytest.raises(Uncertain):
        await trial.once()
    stage.sandbox.pass_by(8 * 86_400)
    await trial.until_settled(uncertain=True)


def handle(stage: Stage) -> str:
    return stage.account.handle.removeprefix("@")


def method_of(request: Mapping[str, Any]) -> Method:
    """Return the method that a request is for; bytes for a session belong to the one that began it."""
    session = "upload_id=" in request["query"]
    return METHODS["POST" if session else request["method"], request["path"]]


async def test_every_call_and_every_answer_is_one_that_google_describes(record: Record) -> None:
    asked = [one for one in record.requests if (one["method"], one["path"]) not in OAUTH]
    assert {method_of(one).id for one in asked} == CALLED
    assert [wrong for one in asked for wrong in method_of(one).wrong(one)] == []
    assert [one["status"] for one in asked if one["status"] in range(400, 500)].count(409) == 2  # the captions' second
    assert any(one["method"] == "PUT" and "upload_id=" in one["query"] for one in asked)
    described = [
        (METHODS[method, path], answer)
        for method, path, answer in record.answers
        if (method, path) in METHODS and answer.status in {200, 201}
    ]
    assert len(described) > 30
    assert [wrong for method, answer in described for wrong in method.answered(answer.json)] == []


async def test_the_scopes_that_we_ask_for_open_every_method_that_we_call(record: Record) -> None:
    asked = {method_of(one) for one in record.requests if (one["method"], one["path"]) not in OAUTH}
    assert [method.id for method in asked if not method.scopes & set(connect.SCOPES)] == []


def test_no_scope_is_asked_for_that_nothing_needs() -> None:
    called = [method for method in set(METHODS.values()) if method.id in CALLED]
    for scope in connect.SCOPES:
        others = set(connect.SCOPES) - {scope}
        assert any(not method.scopes & others for method in called), scope


def test_the_spec_has_the_sizes_that_google_describes() -> None:
    insert = METHODS["POST", "/upload/youtube/v3/videos"]
    for limit in specs()["youtube"].videos.values():
        assert limit.bytes == int(insert.upload["maxSize"])
        assert all(kind.startswith("video/") for kind in limit.types)
    assert "video/*" in insert.upload["accept"]


REQUEST: Mapping[str, Any] = {
    "method": "POST",
    "path": "/upload/youtube/v3/videos",
    "query": "uploadType=resumable&part=snippet,status",
    "headers": {"x-upload-content-type": "video/mp4", "x-upload-content-length": "9"},
    "body": '{"snippet":{"title":"A"},"status":{"privacyStatus":"public"}}',
}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, None),
        ({"query": "uploadType=resumable"}, "part is required"),
        ({"query": "part=snippet,stats"}, "no part stats"),
        ({"query": "part=snippet&notify=true"}, "no parameter notify"),
        ({"query": "part=snippet&notifySubscribers=yes"}, "no boolean"),
        ({"headers": {"x-upload-content-type": "image/png", "x-upload-content-length": "9"}}, "takes no image/png"),
        ({"body": '{"status":{"privacyStatus":"open"}}'}, "cannot be 'open'"),
        ({"body": '{"snippet":{"titel":"A"}}'}, "has no titel"),
        ({"body": '{"snippet":{"title":1}}'}, "is no string"),
        ({"body": '{"status":{"publishAt":"tomorrow"}}'}, "is no date-time"),
    ],
)
def test_the_judge_sees_what_is_wrong(change: Mapping[str, Any], wrong: str | None) -> None:
    request = {**REQUEST, **change}
    found = list(method_of(request).wrong(request))
    assert len(found) == (1 if wrong else 0)
    assert not wrong or wrong in found[0]


def test_the_judge_reads_counts_as_text() -> None:
    listed = METHODS["GET", "/youtube/v3/videos"]
    assert listed.answered({"items": [{"statistics": {"viewCount": "3"}}]}) == []
    assert listed.answered({"items": [{"statistics": {"viewCount": 3}}]}) != []
