"""Media are fetched from Commons (the sandbox's), fitted, and the post is rendered once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn
from PIL import Image

from deploy.sandbox import Settings as SandboxSettings
from deploy.sandbox import create_app
from services.ingest.fanout import Channels
from services.ingest.fetch import Larder
from services.ingest.prepare import Postponed, Prepare, Preparing, Unpreparable
from shared.adapter.client import HttpClient
from shared.adapter.commons import Commons, reach
from shared.channels import RegistryFile
from shared.database import Session, begin
from shared.events import PostRequested
from tests.adapter.test_images import bomb
from tests.ingest.conftest import ROOT, THREE, Caller, House, until

BALLOON = "File:2006 Ojiya balloon festival 011.jpg"


@pytest.fixture(scope="module")
async def commons() -> AsyncIterator[str]:
    """The sandbox, as Wikimedia Commons."""
    settings = SandboxSettings(samples=ROOT / "deploy" / "samples", processing_seconds=0)
    config = uvicorn.Config(create_app(settings), loop="none", log_level="warning", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/commons/w/api.php"
        server.should_exit = True
        await task


def act(house: House, commons_url: str, http: HttpClient, **more: Any) -> Prepare:
    settings = house.settings.model_copy(update={"commons_url": commons_url, **more})
    larder = Larder(house.runtime.sessions, house.runtime.media, http, settings)
    return Prepare(larder, Channels(RegistryFile(settings.config_dir)), settings)


@asynccontextmanager
async def preparing(house: House, commons_url: str, **more: Any) -> AsyncIterator[None]:
    """The worker's loop, which ends with the block."""
    stopping = asyncio.Event()
    within = reach(commons_url, more.get("commons_networks", ()))
    async with HttpClient(Commons(), contact="test", reach=within) as http, asyncio.TaskGroup() as group:
        group.create_task(house.runtime.mailbox.due(act(house, commons_url, http, **more), 2, stopping))
        try:
            yield
        finally:
            stopping.set()


def picture(commons: str, **more: Any) -> dict[str, Any]:
    return {"text": "Up, up and away.", "media": [{"commons": commons, "alt": "A red balloon", **more}]}


async def reaches(tool: Caller, post: UUID, *states: str) -> dict[str, Any]:
    async def there() -> bool:
        return (await tool.post(post))["state"] in states

    await until(there)
    return await tool.post(post)


async def test_a_commons_file_is_fetched_fitted_and_credited(house: House, tool: Caller, commons: str) -> None:
    answer = await tool.ask({"content": picture(BALLOON), "channels": THREE})
    assert answer.status_code == 202, answer.text
    posts = [UUID(post["id"]) for post in answer.json()["posts"]]
    assert {post["state"] for post in answer.json()["posts"]} == {"preparing"}
    assert await house.sent(posts[0]) == []
    etag = await tool.etag(posts[0])
    async with preparing(house, commons):
        for post in posts:
            await reaches(tool, post, "requested")
    assert await tool.etag(posts[0]) != etag
    for post in posts:
        [event] = await house.sent(post)
        assert isinstance(event, PostRequested)
        assert event.payload_hash == event.payload.digest()
        [shown] = event.payload.pieces[0].media
        assert (shown.commons, shown.alt.startswith("A red balloon")) == (BALLOON, True)
        assert shown.rights is not None
        assert (shown.rights.author, shown.rights.license) == ("Kropsoq", "cc-by-sa-3.0")
        assert "Kropsoq" in event.payload.model_dump_json(include={"pieces", "first_comment"})
        content = await house.runtime.media.read(shown.sha256)
        assert (len(content), Image.open(BytesIO(content)).size) == (shown.size, (shown.width, shown.height))
    assert await house.rows("SELECT 1 FROM preparation WHERE post_id = ANY(:posts)", posts=posts) == []
    again = await tool.ask({"content": picture(BALLOON), "channels": THREE})
    assert {post["state"] for post in again.json()["posts"]} == {"requested"}


async def test_a_file_that_is_missing_can_be_named_anew(house: House, tool: Caller, commons: str) -> None:
    [post] = await tool.accepted({"content": picture("File:Nothing of the kind.jpg"), "channels": THREE[:1]})
    async with preparing(house, commons):
        read = await reaches(tool, post, "unpreparable")
        last = read["history"][-1]
        assert (last["type"], last["data"]["place"]) == ("post.unpreparable", "/media/0")
        assert "missing on Wikimedia Commons" in last["data"]["reason"]
        assert await house.sent(post) == []
        headers = {"If-Match": await tool.etag(post)}
        answer = await tool.call("PATCH", f"/v1/posts/{post}", json={"content": picture(BALLOON)}, headers=headers)
        assert answer.status_code == 202, answer.text
        await reaches(tool, post, "requested")
    [event] = await house.sent(post)
    assert isinstance(event, PostRequested)
    assert event.revision == 2


async def test_a_text_that_the_credit_makes_too_long_is_told(house: House, tool: Caller, commons: str) -> None:
    await house.rows("DELETE FROM commons_file")
    content, channels = {**picture(BALLOON), "text": "x" * 495}, [{"channel": "foundation/mastodon"}]
    [post] = await tool.accepted({"content": content, "channels": channels})
    async with preparing(house, commons):
        read = await reaches(tool, post, "unpreparable")
    assert "the credit included" in read["history"][-1]["data"]["reason"]
    answer = await tool.ask({"content": content, "channels": channels})
    assert answer.status_code == 422  # now the credit is known at the door
    assert answer.json()["errors"][0]["limit"] == 500


async def test_a_credit_that_a_story_cannot_show_is_told(house: House, tool: Caller, commons: str) -> None:
    await house.rows("DELETE FROM commons_file")
    content = {"kind": "story", "media": [{"commons": BALLOON, "alt": "Balloons"}]}
    asked = {"content": content, "channels": [{"channel": "wikipedia/instagram"}]}
    [post] = await tool.accepted(asked)
    async with preparing(house, commons):
        read = await reaches(tool, post, "unpreparable")
    assert "would be lost" in read["history"][-1]["data"]["reason"]
    assert await house.sent(post) == []
    answer = await tool.ask(asked)
    assert [wrong["about"] for wrong in answer.json()["errors"]] == ["credit"]  # now it is known at the door


async def test_a_commons_that_is_away_is_tried_again(house: House, tool: Caller, commons: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"http://127.0.0.1:{listening.getsockname()[1]}/commons/w/api.php"
    await house.rows("DELETE FROM commons_file")
    [post] = await tool.accepted({"content": picture(BALLOON), "channels": THREE[:1]})

    async def was_tried() -> bool:
        query = "SELECT 1 FROM preparation WHERE post_id = :post AND last_error IS NOT NULL"
        return bool(await house.rows(query, post=post))

    async with preparing(house, nobody):
        await until(was_tried)
    assert (await tool.post(post))["state"] == "preparing"
    await house.rows("UPDATE preparation SET due_at = now()")
    async with preparing(house, commons):
        await reaches(tool, post, "requested")


async def test_media_that_cannot_be_had_in_time_fail_the_post(house: House, tool: Caller) -> None:
    await house.rows("DELETE FROM commons_file")
    [post] = await tool.accepted({"content": picture(BALLOON), "channels": THREE[:1]})
    await house.rows("UPDATE preparation SET give_up_at = now() WHERE post_id = :post", post=post)
    async with preparing(house, "http://127.0.0.1:9/commons/w/api.php"):
        read = await reaches(tool, post, "failed")
    assert "in time" in read["history"][-1]["data"]["reason"]
    assert await house.sent(post) == []


async def test_a_fence_that_is_lost_settles_nothing(house: House, tool: Caller, commons: str) -> None:
    await house.rows("DELETE FROM preparation")
    [post] = await tool.accepted({"content": picture("File:Lost.jpg"), "channels": THREE[:1]})
    async with HttpClient(Commons(), contact="test") as http:
        prepare = act(house, commons, http)
        [slow] = await claimed(house, prepare)
        assert await claimed(house, prepare) == []  # its lease holds
        await house.rows("UPDATE preparation SET due_at = now()")
        [quick] = await claimed(house, prepare)
        assert (slow.post, quick.post, quick.fence) == (post, post, slow.fence + 1)
        for late in (Postponed("late", 1), Unpreparable("late", "")):
            async with begin(house.runtime.engine) as db:
                assert await prepare.settle(slow, late, db) == ()
        assert (await tool.post(post))["state"] == "preparing"
        outcome = await prepare.call(quick)
        assert isinstance(outcome, Unpreparable)
        async with begin(house.runtime.engine) as db:
            await prepare.settle(quick, outcome, db)
    assert (await tool.post(post))["state"] == "unpreparable"


async def claimed(house: House, prepare: Prepare) -> list[Preparing]:
    db: Session
    async with begin(house.runtime.engine) as db:
        return list(await prepare.claim(10, db))


async def test_a_cancel_before_anybody_knows_needs_nobody(house: House, tool: Caller) -> None:
    [post] = await tool.accepted({"content": picture("File:Any.jpg"), "channels": THREE[:1]})
    headers = {"If-Match": await tool.etag(post)}
    answer = await tool.call("POST", f"/v1/posts/{post}/cancel", headers=headers)
    assert answer.json()["state"] == "cancelled"
    assert await house.sent(post) == []
    assert await house.rows("SELECT 1 FROM preparation WHERE post_id = :post", post=post) == []


def png(width: int, height: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "PNG")
    return out.getvalue()


async def uploaded(tool: Caller, content: bytes, **rights: Any) -> dict[str, Any]:
    announced = await tool.call("POST", "/v1/uploads", str(uuid4()), json={"rights": rights or {"owner": "wmf"}})
    assert announced.status_code == 201, announced.text
    answer = await tool.call("PUT", announced.json()["url"], content=content)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_an_upload_is_shown_with_its_rights(house: House, tool: Caller, commons: str) -> None:
    upload = await uploaded(tool, png(3000, 1000), license="cc0", author="Ada")
    content = {"text": "Ours", "media": [{"upload": upload["id"], "alt": "Blue"}]}
    [post] = await tool.accepted({"content": content, "channels": THREE[:1]})
    async with preparing(house, commons):
        await reaches(tool, post, "requested")
    [event] = await house.sent(post)
    assert isinstance(event, PostRequested)
    [shown] = event.payload.pieces[0].media
    assert (shown.width, shown.height) == (2000, 666)
    assert shown.rights is not None
    assert (shown.rights.license, shown.rights.author) == ("cc0", "Ada")
    by_hash = {"text": "Ours", "media": [{"asset": upload["sha256"], "alt": "Blue"}]}
    answer = await tool.ask({"content": by_hash, "channels": THREE[:1]})
    assert answer.json()["posts"][0]["state"] == "requested"


async def test_a_foreign_upload_is_not_there(house: House, tool: Caller) -> None:
    upload = await uploaded(tool, png(8, 8))
    other = house.caller()
    assert (await other.call("GET", upload["url"])).status_code == 404
    assert (await other.call("PUT", upload["url"], content=png(8, 8))).status_code == 404
    content = {"media": [{"upload": upload["id"]}]}
    assert (await other.ask({"content": content, "channels": THREE[:1]})).status_code == 422


async def test_an_upload_takes_its_bytes_once(tool: Caller) -> None:
    upload = await uploaded(tool, png(8, 8))
    assert (await tool.call("PUT", upload["url"], content=png(8, 8))).json() == upload
    assert (await tool.call("PUT", upload["url"], content=png(9, 9))).status_code == 409
    assert (await tool.call("GET", upload["url"])).json() == upload


@pytest.mark.parametrize(
    ("content", "declared", "status"),
    [
        (b"MZ not a picture", "image/png", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415),
        (png(8, 8)[:40], "image/png", 415),
        (png(8, 8), "image/jpeg", 415),
        (bomb(50_000, 50_000), "image/png", 415),
        (bomb(9_000, 9_000), "image/png", 415),
        (b"", "", 415),
        (b"WEBVTT\n\n\xff", "text/vtt", 415),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello", "text/vtt", 200),
        (png(8, 8), "application/octet-stream", 200),
    ],
)
async def test_a_file_is_what_its_bytes_say(tool: Caller, content: bytes, declared: str, status: int) -> None:
    announced = await tool.call("POST", "/v1/uploads", str(uuid4()), json={"rights": {"owner": "wmf"}})
    headers = {"Content-Type": declared}
    answer = await tool.call("PUT", announced.json()["url"], content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["remedy"]


@pytest.mark.parametrize("body", [{}, {"rights": {}}, {"rights": {"author": "Ada"}}])
async def test_rights_are_mandatory(house: House, tool: Caller, body: Any) -> None:
    before = await house.count()
    answer = await tool.call("POST", "/v1/uploads", str(uuid4()), json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/rights"
    assert (await tool.call("POST", "/v1/uploads", json={"rights": {"owner": "wmf"}})).status_code == 400
    assert await house.count() == before


async def test_an_announcement_is_answered_once(tool: Caller) -> None:
    body = {"rights": {"owner": "wmf"}}
    first, again = [await tool.call("POST", "/v1/uploads", "the-key", json=body) for _ in range(2)]
    assert (first.content, again.headers.get("Idempotent-Replayed")) == (again.content, "true")
