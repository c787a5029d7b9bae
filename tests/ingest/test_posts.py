"""`/v1/posts`: read with the whole history, edited, rescheduled, cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.ingest.handlers import HANDLERS
from shared.database import begin
from shared.events import (
    Brief,
    Change,
    Envelope,
    Event,
    PostApproved,
    PostCancelled,
    PostChangeSettled,
    PostMeasured,
    PostPublished,
    PostRequested,
    PostScheduled,
    Requester,
    Settlement,
    Trust,
)
from shared.mailbox import follow
from tests.ingest.conftest import Caller, House, asking

NOW = datetime.now(UTC)


async def hear(house: House, source: str, sequence: int, event: Event) -> None:
    """Let ingest hear an event, as its consumer does."""
    async with begin(house.runtime.engine) as db:
        assert (
            await follow([Envelope(event, uuid4(), source, datetime.now(UTC), sequence)], HANDLERS, db, "ingest") == []
        )


def approved(post: UUID, revision: int = 1) -> PostApproved:
    return PostApproved(
        post=post, revision=revision, payload_hash="0" * 64, valid_until=NOW, pack="p", decision=uuid4()
    )


def published(post: UUID) -> PostPublished:
    brief = Brief(request=uuid4(), channel="wikipedia/bluesky", platform="bluesky", requester=Requester(tool="t"))
    return PostPublished(
        post=post, payload_hash="0" * 64, external_id="at://x", permalink="https://x.example/1", published_at=NOW,
        brief=brief,
    )  # fmt: skip


def settled(post: UUID, change: Change, settlement: Settlement, revision: int = 1) -> PostChangeSettled:
    return PostChangeSettled(post=post, revision=revision, change=change, settlement=settlement)


async def patch(tool: Caller, post: UUID, body: Any, etag: str | None = None) -> httpx.Response:
    headers = {"If-Match": etag if etag is not None else await tool.etag(post)}
    return await tool.call("PATCH", f"/v1/posts/{post}", json=body, headers=headers)


async def cancel(tool: Caller, post: UUID, **more: Any) -> httpx.Response:
    headers = {"If-Match": await tool.etag(post)}
    return await tool.call("POST", f"/v1/posts/{post}/cancel", headers=headers, **more)


async def test_a_post_tells_its_whole_history(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking())
    await hear(house, "policy", 5, approved(post))
    await hear(house, "publisher", 8, PostScheduled(post=post, due_at=NOW))
    await hear(house, "publisher", 9, published(post))
    await hear(house, "metrics", 3, PostMeasured(post=post, measured_at=NOW, age_seconds=60, values={"likes": 1}))
    later = NOW + timedelta(hours=1)
    await hear(house, "metrics", 4, PostMeasured(post=post, measured_at=later, age_seconds=3660, values={"shares": 2}))
    read = await tool.post(post)
    assert read["state"] == "published"
    assert read["published"]["permalink"] == "https://x.example/1"
    assert read["numbers"] == {"likes": 1, "shares": 2}
    assert read["payload"]["pieces"][0]["text"] == "Did you know?"
    assert [(line["by"], line["type"]) for line in read["history"]] == [
        ("ingest", "post.accepted"),
        ("policy", "post.approved"),
        ("publisher", "post.scheduled"),
        ("publisher", "post.published"),
        ("metrics", "post.measured"),
        ("metrics", "post.measured"),
    ]
    assert read["history"][0]["data"]["by"]["tool"] == tool.tool


async def test_an_edit_makes_the_next_revision(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking("one"))
    etag = await tool.etag(post)
    answer = await patch(tool, post, {"content": {"text": "two"}, "reason": "typo"}, etag)
    assert answer.status_code == 202, answer.text
    assert answer.headers["ETag"] != etag
    assert (answer.json()["revision"], answer.json()["state"]) == (2, "changing")
    first, second = await house.sent(post)
    assert isinstance(first, PostRequested)
    assert isinstance(second, PostRequested)
    assert (second.revision, second.payload.pieces[0].text) == (2, "two")
    assert second.payload_hash == second.payload.digest() != first.payload_hash
    line = (await tool.post(post))["history"][-1]
    assert (line["type"], line["data"]["by"]["tool"], line["data"]["reason"]) == ("post.revised", tool.tool, "typo")
    assert line["data"]["before"]["payload_hash"] == first.payload_hash
    await hear(house, "policy", 1, approved(post, 2))
    assert (await tool.post(post))["state"] == "changing"
    await hear(house, "publisher", 1, settled(post, Change.REVISION, Settlement.APPLIED, 2))
    assert (await tool.post(post))["state"] == "approved"


async def test_an_edit_that_comes_too_late_leaves_what_is_published(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking("one"))
    await patch(tool, post, {"content": {"text": "two"}})
    await hear(house, "publisher", 1, settled(post, Change.REVISION, Settlement.TOO_LATE, 2))
    await hear(house, "publisher", 2, published(post))
    read = await tool.post(post)
    assert (read["state"], read["revision"], read["revision_in_force"]) == ("published", 2, 1)


async def test_a_post_is_rescheduled(house: House, tool: Caller) -> None:
    at = (NOW + timedelta(days=3)).replace(microsecond=0)
    post, *_ = await tool.accepted(asking(timing={"publish_at": (NOW + timedelta(days=1)).isoformat()}))
    answer = await patch(tool, post, {"timing": {"publish_at": at.isoformat()}})
    assert answer.status_code == 202, answer.text
    event = (await house.sent(post))[-1]
    assert isinstance(event, PostRequested)
    assert event.timing.publish_at == at
    assert event.payload.pieces[0].text == "Did you know?"
    answer = await patch(tool, post, {"timing": {}})
    assert answer.json()["timing"]["publish_at"] is None


async def test_the_zone_of_a_date_is_kept(house: House, tool: Caller) -> None:
    year = NOW.year + 1
    timing = {"publish_at": f"{year}-07-01T09:00:00-03:00", "zone": "America/Sao_Paulo"}
    post, *_ = await tool.accepted(
        asking(timing={"publish_at": f"{year}-01-05T09:00:00+02:00", "zone": "Europe/Athens"})
    )
    assert (await tool.post(post))["timing"]["publish_at"] == f"{year}-01-05T09:00:00+02:00"
    answer = await patch(tool, post, {"timing": timing})
    if answer.status_code == 202:
        assert answer.json()["timing"] == {**timing, "not_after": None}
    else:  # more than the setting's days away
        assert answer.json()["errors"][0]["pointer"] == "/timing/publish_at"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"reason": "none"}, ""),
        ({"content": {"text": "x" * 301}}, "/content/text"),
        ({"content": {"text": "a", "language": "pt"}}, "/content/language"),
        ({"timing": {"publish_at": "2020-01-01T00:00:00Z"}}, "/timing/publish_at"),
        ({"content": {"media": [{"asset": "0" * 64}]}}, "/content/media/0/asset"),
        ({"content": {"text": "a\x00b"}}, "/content/text"),
        ({"channel": "wikipedia/x"}, "/channel"),
    ],
)
async def test_an_edit_that_cannot_be(house: House, tool: Caller, body: Any, pointer: str) -> None:
    post, *_ = await tool.accepted(asking())
    before = await tool.post(post)
    answer = await patch(tool, post, body)
    assert answer.status_code == 422, answer.text
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}
    assert await tool.post(post) == before
    assert len(await house.sent(post)) == 1


async def test_a_change_must_name_the_version_it_knows(tool: Caller) -> None:
    post, *_ = await tool.accepted(asking())
    stale = await tool.etag(post)
    for path in (f"/v1/posts/{post}", f"/v1/posts/{post}/cancel"):
        method = "POST" if path.endswith("cancel") else "PATCH"
        assert (
            await tool.call(method, path, json={"reason": "r"} if method == "POST" else {"timing": {}})
        ).status_code == 428
    assert (await patch(tool, post, {"content": {"text": "two"}}, stale)).status_code == 202
    answer = await patch(tool, post, {"content": {"text": "three"}}, stale)
    assert answer.status_code == 412
    assert answer.json()["remedy"]


async def test_a_cancel_waits_for_publishers_word(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking())
    answer = await cancel(tool, post, json={"reason": "changed our mind"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "cancelling"
    event = (await house.sent(post))[-1]
    assert isinstance(event, PostCancelled)
    assert (event.reason, event.requester.tool) == ("changed our mind", tool.tool)
    assert (await cancel(tool, post)).status_code == 409
    assert (await patch(tool, post, {"timing": {}})).status_code == 409
    await hear(house, "publisher", 4, settled(post, Change.CANCEL, Settlement.APPLIED))
    assert (await tool.post(post))["state"] == "cancelled"


async def test_a_cancel_that_came_too_late_may_be_tried_again(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking())
    await cancel(tool, post)
    await hear(house, "publisher", 4, settled(post, Change.CANCEL, Settlement.TOO_LATE))
    assert (await tool.post(post))["state"] == "requested"
    assert (await cancel(tool, post)).json()["state"] == "cancelling"
    await hear(house, "publisher", 9, settled(post, Change.CANCEL, Settlement.APPLIED))
    assert (await tool.post(post))["state"] == "cancelled"


async def test_what_is_final_stays(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking())
    await hear(house, "publisher", 1, published(post))
    for answer in (await cancel(tool, post), await patch(tool, post, {"timing": {}})):
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:carillon:problem:final"
        assert "new request" in answer.json()["remedy"]


async def test_an_event_waits_for_its_post(house: House, tool: Caller) -> None:
    post = uuid4()
    await hear(house, "policy", 1, approved(post))
    assert (await tool.call("GET", f"/v1/posts/{post}")).status_code == 404
    [known, *_] = await tool.accepted(asking())
    await house.rows("UPDATE post SET id = :post WHERE id = :known", post=post, known=known)
    assert (await tool.post(post))["state"] == "approved"


async def test_foreign_posts_are_not_there(house: House, tool: Caller) -> None:
    post, *_ = await tool.accepted(asking())
    other, etag = house.caller(), await tool.etag(post)
    assert (await patch(other, post, {"timing": {}}, etag)).status_code == 404
    answer = await other.call("POST", f"/v1/posts/{post}/cancel", headers={"If-Match": etag})
    assert answer.status_code == 404
    assert (await patch(house.caller(trust=Trust.TEAM), post, {"content": {"text": "mended"}}, etag)).status_code == 202
