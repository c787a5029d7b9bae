"""What every service answers about its dead letters, and what one may do with them."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from deploy.local.databases import DatabaseFactory
from shared.bus.contract import Death, Message
from shared.bus.memory import MemoryBus, MemoryDelivery
from shared.database import statements
from shared.events import Envelope, PostCancelled, Requester, body_of, headers_of
from shared.http.token import issue, make_key_pair
from shared.mailbox import posts_queue
from shared.mailbox.kept import SHOWN
from shared.process import Runtime, open_runtime
from shared.process.serving import serving

SERVICES = ("ingest", "policy", "publisher", "metrics")
CANCELLED = PostCancelled(post=uuid4(), requester=Requester(tool="test"))
KIND = "org.wikimedia.carillon.post.cancelled.v1"


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")


@pytest.fixture
async def runtime(
    migrated: DatabaseFactory, database_url: str, namespace: str, tmp_path: Path, key: Ed25519PrivateKey
) -> AsyncIterator[Runtime]:
    runtime = await a_runtime("policy", migrated, database_url, namespace, tmp_path)
    yield runtime
    await runtime.close()


async def a_runtime(service: str, migrated: DatabaseFactory, url: str, namespace: str, folder: Path) -> Runtime:
    await migrated(service)
    kind = getattr(import_module(f"services.{service}.settings"), f"{service.capitalize()}Settings")
    settings = kind(
        _env_file=None,
        namespace=f"carillon_{namespace}",
        database_url=url,
        jwt_key_file=folder / "jwt.pub.pem",
        media_url=f"file://{folder}",
    )
    return open_runtime(service, settings, MemoryBus())


@pytest.fixture
async def http(runtime: Runtime, key: Ed25519PrivateKey) -> AsyncIterator[httpx.AsyncClient]:
    """Policy's API, called by a tool that may look and act."""
    app = (await import_module("services.policy.__main__").api(runtime)).app
    async with (
        serving(app, runtime.settings) as address,
        httpx.AsyncClient(base_url=address, headers=bearer(key, "posts:read", "ops:write")) as client,
    ):
        yield client


def bearer(key: Ed25519PrivateKey, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(key, 'a-tool', scopes)}"}


async def died(runtime: Runtime, body: bytes | None = None, kind: str = KIND) -> int:
    """Keep a letter as the drainer does, and return its number."""
    sent = {**headers_of(Envelope.of(CANCELLED, "ingest")), "ce-type": kind}
    message = Message(sent["ce-id"], "post.cancelled", body_of(CANCELLED) if body is None else body, sent)
    letter = MemoryDelivery(message, death=Death("rejected", "post.cancelled", datetime.now(UTC)))
    await runtime.mailbox.dead_letters(posts_queue("policy"))._keep(letter)
    async with statements(runtime.engine) as db:
        return int((await db.execute(text("SELECT max(id) FROM dead_letter"))).scalar_one())


async def outbox(runtime: Runtime) -> list[Any]:
    async with statements(runtime.engine) as db:
        return await db.execute(text("SELECT routing_key, headers->>'ce-id' AS event FROM outbox ORDER BY id"))


async def test_letters_are_listed_in_pages_by_cause_type_and_state(runtime: Runtime, http: httpx.AsyncClient) -> None:
    broken = [await died(runtime, b"{%d" % n) for n in range(3)]
    other = await died(runtime, kind="org.example.other.v1")
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = (await http.get("/v1/dead-letters", params={"limit": 2, "after": after})).json()
        seen += [letter["id"] for letter in page["dead_letters"]]
        after = page["next"]
    assert seen == [*broken, other]
    await http.post(f"/v1/dead-letters/{broken[0]}/archive")
    questions: list[tuple[dict[str, str], list[int]]] = [
        ({"cause": "undecodable"}, broken),
        ({"type": "org.example.other.v1"}, [other]),
        ({"state": "kept"}, [*broken[1:], other]),
        ({"cause": "undecodable", "state": "archived"}, broken[:1]),
        ({"cause": "process_died"}, []),
    ]
    for question, expected in questions:
        page = (await http.get("/v1/dead-letters", params=question)).json()
        assert [letter["id"] for letter in page["dead_letters"]] == expected, question
    counted = (await http.get("/v1/dead-letters/causes")).json()["causes"]
    told = [(one["cause"], one["type"], one["count"]) for one in counted]
    assert told == [("undecodable", KIND, 2), ("unknown_type", "org.example.other.v1", 1)]


async def test_a_letter_is_shown_with_headers_body_and_history(runtime: Runtime, http: httpx.AsyncClient) -> None:
    number = await died(runtime, b'{"channel": "x", "sealed_token": "hush", "deep": [{"password": "hush"}]}')
    letter = (await http.get(f"/v1/dead-letters/{number}")).json()
    assert letter["body"] == {"channel": "x", "sealed_token": "[redacted]", "deep": [{"password": "[redacted]"}]}
    assert (letter["complete"], letter["body_base64"], letter["queue"]) == (True, None, "policy.posts.q1")
    assert letter["headers"]["ce-type"] == letter["type"] == KIND
    assert [entry["what"] for entry in letter["history"]] == ["died"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\x00", b'"\\ud800"', b"NaN", b"[" * 5_000 + b"]" * 5_000, b"[" * 190 + b"]" * 190],
    ids=["empty", "breaks off", "binary", "surrogate", "nan", "too deep", "deep"],
)
async def test_any_body_can_be_shown(runtime: Runtime, http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.get(f"/v1/dead-letters/{await died(runtime, body)}")
    assert answer.status_code == 200
    letter = answer.json()
    assert letter["complete"]
    assert letter["body"] is not None or base64.b64decode(letter["body_base64"]) == body


async def test_of_a_large_body_the_beginning_is_shown(runtime: Runtime, http: httpx.AsyncClient) -> None:
    letter = (await http.get(f"/v1/dead-letters/{await died(runtime, b'1' * (SHOWN + 1))}")).json()
    assert (letter["complete"], letter["size"], letter["body"]) == (False, SHOWN + 1, None)
    assert base64.b64decode(letter["body_base64"]) == b"1" * SHOWN


async def test_one_is_sent_again_once_however_often_it_is_asked(runtime: Runtime, http: httpx.AsyncClient) -> None:
    number = await died(runtime)
    for _ in range(2):
        answer = await http.post(f"/v1/dead-letters/{number}/replay")
        assert (answer.status_code, answer.json()["state"]) == (202, "replayed")
    assert answer.json()["acted_by"] == "a-tool"
    assert [tuple(row) for row in await outbox(runtime)] == [("policy.posts.q1", answer.json()["event_id"])]
    archived = await http.post(f"/v1/dead-letters/{number}/archive")
    assert (archived.status_code, archived.json()["type"]) == (409, "urn:carillon:problem:replayed")


async def test_a_group_is_sent_again_within_its_bound(runtime: Runtime, http: httpx.AsyncClient) -> None:
    numbers = [await died(runtime, b"{%d" % n) for n in range(3)]
    await died(runtime, kind="org.example.other.v1")
    which = {"cause": "undecodable", "type": KIND, "most": 2}
    assert (await http.post("/v1/dead-letters/replay", json=which)).json() == {"replayed": numbers[:2]}
    assert (await http.post("/v1/dead-letters/replay", json=which)).json() == {"replayed": numbers[2:]}
    assert len(await outbox(runtime)) == 3


async def test_an_archived_letter_says_who_and_why(runtime: Runtime, http: httpx.AsyncClient) -> None:
    number = await died(runtime)
    letter = (await http.post(f"/v1/dead-letters/{number}/archive", json={"note": "a tool's mistake"})).json()
    last = letter["history"][-1]
    assert (last["what"], last["who"], last["note"]) == ("archived", "a-tool", "a tool's mistake")
    assert (await http.post(f"/v1/dead-letters/{number}/archive")).json() == letter


async def test_wrong_questions_are_told_so(runtime: Runtime, http: httpx.AsyncClient, key: Ed25519PrivateKey) -> None:
    missing = await http.get("/v1/dead-letters/7")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:carillon:problem:not-found")
    for path in ("7/replay", "7/archive"):
        assert (await http.post(f"/v1/dead-letters/{path}")).status_code == 404
    for path in ("0", "x", str(2**63)):
        assert (await http.get(f"/v1/dead-letters/{path}")).status_code == 422
    for wrong in ({}, {"most": 0}, {"most": 1_001}, {"most": 1, "cuase": "x"}, {"most": 1, "type": "\x00"}):
        answer = await http.post("/v1/dead-letters/replay", json=wrong)
        assert (answer.status_code, bool(answer.json()["errors"][0]["remedy"])) == (422, True), wrong
    assert (await http.get("/v1/dead-letters", params={"type": "\x00"})).status_code == 422
    reader = bearer(key, "posts:read")
    assert (await http.post("/v1/dead-letters/replay", json={"most": 1}, headers=reader)).status_code == 403
    assert (await http.get("/v1/dead-letters", headers=bearer(key, "posts:write"))).status_code == 403
    assert await outbox(runtime) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_has_these_addresses_and_drains_what_it_consumes(
    service: str, migrated: DatabaseFactory, database_url: str, namespace: str, tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    runtime = await a_runtime(service, migrated, database_url, namespace, tmp_path)
    processes = import_module(f"services.{service}.__main__").PROCESSES
    app = (await processes["api"](runtime)).app
    async with (
        serving(app, runtime.settings) as address,
        httpx.AsyncClient(base_url=address, headers=bearer(key, "posts:read")) as http,
    ):
        assert (await http.get("/v1/dead-letters/causes")).json() == {"causes": []}
        assert "/v1/dead-letters/{id}/replay" in (await http.get("/openapi.json")).json()["paths"]
    words = {"worker": ["bluesky"]} if service == "publisher" else {}
    for name, process in processes.items():
        if name != "media":
            parts = await process(runtime, *words.get(name, []))
            assert parts.consumes == ("dead letters" in parts.loops), name
    await runtime.close()
