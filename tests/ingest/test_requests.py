"""`POST /v1/requests`: kept once, whole, or not at all."""

import asyncio
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from shared.content import About
from shared.events import PostRequested, Trust
from tests.ingest.conftest import THREE, Caller, House, asking


async def test_a_request_becomes_one_post_for_each_channel(house: House, tool: Caller) -> None:
    answer = await tool.ask(asking("Hello, world!", about={"campaign": "birthday"}))
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert answer.headers["Location"] == f"/v1/requests/{body['id']}"
    assert [post["channel"] for post in body["posts"]] == [target["channel"] for target in THREE]
    assert {post["state"] for post in body["posts"]} == {"requested"}
    for post in body["posts"]:
        [event] = await house.sent(UUID(post["id"]))
        assert isinstance(event, PostRequested)
        assert event.payload.pieces[0].text == "Hello, world!"
        assert event.payload_hash == event.payload.digest()
        assert event.brief.request == UUID(body["id"])
        assert event.brief.about == About(campaign="birthday")
        assert event.brief.requester.tool == tool.tool
        assert event.brief.requester.trust is Trust.GUEST
        assert event.brief.accepted_at
        assert timedelta(0) <= datetime.now(UTC) - event.brief.accepted_at < timedelta(minutes=1)


async def test_the_same_call_again_gets_the_first_answer(house: House, tool: Caller) -> None:
    key = str(uuid4())
    first, again = await tool.ask(asking(), key), await tool.ask(asking(), key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(await house.rows("SELECT 1 FROM request WHERE tool = :tool", tool=tool.tool)) == 1


async def test_a_key_with_another_body_is_refused(tool: Caller) -> None:
    key = str(uuid4())
    await tool.ask(asking("one"), key)
    answer = await tool.ask(asking("two"), key)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:carillon:problem:idempotency-key-reused"
    assert "new key" in answer.json()["remedy"]


async def test_two_tools_may_use_the_same_key(house: House, tool: Caller) -> None:
    other = house.caller()
    first, second = await tool.ask(asking(), "same"), await other.ask(asking(), "same")
    assert first.json()["id"] != second.json()["id"]


async def test_a_hundred_identical_calls_at_once_make_one_request(house: House, tool: Caller) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(tool.ask(asking(), key) for _ in range(100)))
    assert Counter(answer.status_code for answer in answers) == {202: 100}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    [request] = await house.rows("SELECT id FROM request WHERE tool = :tool", tool=tool.tool)
    posts = await house.rows("SELECT id FROM post WHERE request_id = :request", request=request.id)
    assert len(posts) == 3
    assert [len(await house.sent(post.id)) for post in posts] == [1, 1, 1]


async def test_an_answer_is_given_again_when_its_time_is_long_over(house: House, tool: Caller) -> None:
    key, body = str(uuid4()), asking(timing={"publish_at": "2020-01-01T00:00:00Z"})
    refused = await tool.ask(body, key)
    assert refused.status_code == 422
    lenient = house.settings.model_copy(update={"past_tolerance_seconds": 1e10})
    first = await (await _with(house, lenient, tool)).ask(body, key)
    again = await tool.ask(body, key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content


async def _with(house: House, settings: object, tool: Caller) -> Caller:
    """The same tool, calling an ingest with other settings on the same database."""
    from dataclasses import replace

    import httpx

    from services.ingest.__main__ import api

    parts = await api(replace(house.runtime, settings=settings))  # type: ignore[arg-type]
    assert parts.app is not None
    http = httpx.AsyncClient(transport=httpx.ASGITransport(parts.app), base_url="http://ingest")
    return replace(tool, http=http)


async def test_a_persons_name_is_kept_apart(house: House, tool: Caller) -> None:
    answer = await tool.ask(asking(requested_by="Ada Lovelace"))
    post = UUID(answer.json()["posts"][0]["id"])
    [event] = await house.sent(post)
    assert isinstance(event, PostRequested)
    assert "Ada" not in event.model_dump_json()
    [person] = await house.rows("SELECT * FROM person WHERE id = :id", id=event.brief.requester.person)
    assert person.name == "Ada Lovelace"
    read = await tool.call("GET", answer.headers["Location"])
    assert read.json()["requested_by"] == "Ada Lovelace"
    everywhere = "SELECT 1 FROM post p, request r, idempotency i WHERE concat(p, r, i.answer) LIKE '%Ada Lovelace%'"
    assert await house.rows(everywhere + " AND r.tool = :tool AND i.tool = :tool", tool=tool.tool) == []


async def test_who_may_read(house: House, tool: Caller) -> None:
    answer = await tool.ask(asking())
    location, post = answer.headers["Location"], answer.json()["posts"][0]["url"]
    for path in (location, post):
        assert (await tool.call("GET", path)).status_code == 200
        assert (await house.caller().call("GET", path)).status_code == 404
        assert (await house.caller(trust=Trust.TEAM).call("GET", path)).status_code == 200
        assert (await house.caller("posts:write").call("GET", path)).status_code == 403


async def test_a_preview_is_what_would_be_sent(house: House, tool: Caller) -> None:
    before = await house.count()
    preview = await tool.call("POST", "/v1/previews", json=asking("Hello #world"))
    assert preview.status_code == 200, preview.text
    assert await house.count() == before
    posts = await tool.accepted(asking("Hello #world"))
    for post, shown in zip(posts, preview.json()["posts"], strict=True):
        assert (await tool.post(post))["payload"] == shown["payload"]
    refused = await tool.call("POST", "/v1/previews", json=asking("x" * 600))
    assert refused.status_code == 422


async def test_the_description_knows_every_schema_it_names(house: House) -> None:
    described = (await house.http.get("/openapi.json")).json()
    schemas = described["components"]["schemas"]
    for name in set(re.findall(r"#/components/schemas/([\w-]+)", json.dumps(described))):
        assert name in schemas, name
    operation = described["paths"]["/v1/requests"]["post"]
    assert operation["security"] == [{"token": []}]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Asking")
    assert {"401", "403", "422"} <= set(operation["responses"])
    (key,) = operation["parameters"]
    assert (key["name"], key["in"]) == ("Idempotency-Key", "header")


async def test_another_method_is_told_which_one_the_address_takes(house: House) -> None:
    answer = await house.caller().call("PUT", "/v1/requests", json={})
    assert answer.status_code == 405, answer.text
    assert (answer.headers["Allow"], answer.headers["Content-Type"]) == ("POST", "application/problem+json")
