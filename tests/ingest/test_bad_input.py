"""Whatever is wrong with a request is told, with field and remedy, and nothing is kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.ingest.conftest import Caller, House, asking


@pytest.fixture(autouse=True)
async def nothing_is_kept(house: House) -> AsyncIterator[None]:
    before = await house.count()
    yield
    assert await house.count() == before


def soon(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown channel": (
        asking(channels=[{"channel": "wikipedia/myspace"}]),
        "/channels/0/channel",
        "wikipedia/bluesky",
    ),
    "a video channel without a video": (
        asking(channels=[{"channel": "wikipedia/youtube"}]),
        "/content/kind",
        "takes reel, video",
    ),
    "no channel": (asking(channels=[]), "/channels", "at least 1"),
    "a channel twice": (asking(channels=[{"channel": "wikipedia/bluesky"}] * 2), "", "Correct it"),
    "unknown field": (asking(priorty="high"), "/priorty", "Leave it out"),
    "unknown field within": ({**asking(), "content": {"text": "a", "txt": "b"}}, "/content/txt", "Leave it out"),
    "a variant nobody uses": (asking(variants={"blusky": {"text": "a"}}), "/variants/blusky", "bluesky"),
    "nothing to say": ({**asking(), "content": {}}, "/content", "Correct it"),
    "a naive date": (asking(timing={"publish_at": "2030-01-01T09:00:00"}), "/timing/publish_at", "offset"),
    "a date in the past": (asking(timing={"publish_at": "2020-01-01T09:00:00Z"}), "/timing/publish_at", "to come"),
    "a not_after beyond all": (asking(timing={"not_after": "9999-12-31T23:59:59-12:00"}), "/timing/not_after", "2200"),
    "a date far away": (asking(timing={"publish_at": "2199-01-01T09:00:00Z"}), "/timing/publish_at", "within"),
    "a date beyond all": (
        asking(timing={"publish_at": "9999-12-31T23:59:59-12:00", "zone": "Europe/Athens"}),
        "/timing/publish_at",
        "",
    ),
    "not_after in the past": (asking(timing={"not_after": "2020-01-01T09:00:00Z"}), "/timing/not_after", "to come"),
    "no date at all": (asking(timing={"publish_at": "tomorrow"}), "/timing/publish_at", "offset"),
    "another offset than the zone's": (
        asking(timing={"publish_at": "2027-01-01T09:00:00+05:00", "zone": "Europe/Athens"}),
        "/timing",
        "Correct it",
    ),
    "a zone that is none": (
        asking(timing={"publish_at": soon(days=1), "zone": "Athens"}),
        "/timing/zone",
        "Correct it",
    ),
    "a language that is none": ({**asking(), "content": {"text": "a", "language": "English"}}, "/content/language", ""),
    "an unknown predecessor": (asking(after=str(uuid4())), "/after", "leave it out"),
    "an unknown asset": (
        {**asking(), "content": {"media": [{"asset": "0" * 64}]}},
        "/content/media/0/asset",
        "uploads",
    ),
    "an unknown upload": (
        {**asking(), "content": {"media": [{"upload": str(uuid4())}]}},
        "/content/media/0/upload",
        "PUT",
    ),
    "a medium in two places": (
        {**asking(), "content": {"media": [{"commons": "File:A.jpg", "asset": "0" * 64}]}},
        "/content/media/0",
        "Correct it",
    ),
    "no Commons title": ({**asking(), "content": {"media": [{"commons": "A.jpg"}]}}, "/content/media/0/commons", ""),
    "a NUL": (asking("a\x00b"), "/content/text", "Take it out"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_field_and_remedy_are_named(what: str, tool: Caller) -> None:
    body, pointer, remedy = WRONG[what]
    answer = await tool.ask(body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    wrong = {error["pointer"]: error for error in problem["errors"]}
    assert pointer in wrong, problem
    assert wrong[pointer]["detail"]
    assert wrong[pointer]["remedy"]
    assert remedy in wrong[pointer]["remedy"]


async def test_a_text_too_long_names_channel_limit_count_and_unit(tool: Caller) -> None:
    answer = await tool.ask(asking("x" * 501, variants={"wikipedia/bluesky": {"text": "y" * 301}}))
    assert answer.status_code == 422
    found = {(error["channel"], error["pointer"]): error for error in answer.json()["errors"]}
    assert set(found) == {
        ("wikipedia/bluesky", "/variants/wikipedia~1bluesky/text"),
        ("foundation/bluesky", "/content/text"),
        ("foundation/mastodon", "/content/text"),
    }
    one = found["wikipedia/bluesky", "/variants/wikipedia~1bluesky/text"]
    assert (one["limit"], one["count"], one["unit"]) == (300, 301, "graphemes")
    assert one["remedy"] == "Shorten it."
    assert found["foundation/mastodon", "/content/text"]["limit"] == 500


async def test_what_one_channel_cannot_take_refuses_the_whole(tool: Caller) -> None:
    poll = {"options": ["yes", "no"]}
    answer = await tool.ask({**asking(), "content": {"text": "Well?", "poll": poll}})
    assert answer.status_code == 422
    assert {error["channel"] for error in answer.json()["errors"]} == {"wikipedia/bluesky", "foundation/bluesky"}


@pytest.mark.parametrize(
    "body", [b"{", b'{"content":', b"\xff\xfe", b"[" * 100_000, b'{"content": {"text": "\\ud800"}}', b""]
)
async def test_what_is_no_json(body: bytes, tool: Caller) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await tool.call("POST", "/v1/requests", str(uuid4()), content=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["remedy"]


async def test_a_form_is_no_json(tool: Caller) -> None:
    answer = await tool.call("POST", "/v1/requests", str(uuid4()), data={"content": "x"})
    assert answer.status_code == 415


async def test_a_body_too_large(house: House, tool: Caller) -> None:
    answer = await tool.ask(asking("x" * house.settings.request_bytes))
    assert answer.status_code == 413
    assert answer.json()["limit"] == house.settings.request_bytes


async def test_a_missing_key(tool: Caller) -> None:
    answer = await tool.call("POST", "/v1/requests", json=asking())
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
    assert "UUID" in answer.json()["remedy"]


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ö"])
async def test_a_key_that_is_none(key: str, tool: Caller) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = await tool.call("POST", "/v1/requests", json=asking(), headers=headers)
    assert answer.status_code == 400
    assert "visible ASCII" in answer.json()["remedy"]


async def test_callers_without_a_good_token(house: House, tool: Caller) -> None:
    bare = await house.http.post("/v1/requests", json=asking(), headers={"Idempotency-Key": "k"})
    assert bare.status_code == 401
    foreign = House(house.runtime, house.settings, Ed25519PrivateKey.generate(), house.http).caller()
    expired = house.caller(lasting=timedelta(hours=-1))
    for caller, status in ((foreign, 401), (expired, 401), (house.caller("posts:read"), 403)):
        answer = await caller.ask(asking())
        assert answer.status_code == status
        assert answer.json()["remedy"]
