"""What only a real server and a real socket can show of bad input; `tests/ingest` proves the rest.

Each answer is a problem that names field and remedy, and nothing is kept.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.journey.stage import Stage, asking

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

TABLES = ("request", "post", "idempotency", "preparation", "person", "upload")
MEGABYTE = b"x" * 1_000_000
JSON = {"Content-Type": "application/json"}


async def kept(stage: Stage) -> list[int]:
    return [(await stage.rows("ingest", f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES]


@pytest.fixture(autouse=True)
async def nothing_is_kept(stage: Stage) -> AsyncIterator[None]:
    before, process = await kept(stage), stage.stack.pids["ingest-api"]
    yield
    assert await kept(stage) == before
    assert stage.stack.pids["ingest-api"] == process, "the process did not survive it"


async def send(stage: Stage, headers: Mapping[str, str] | None = None, **what: Any) -> httpx.Response:
    given = {"Authorization": f"Bearer {stage.token}", "Idempotency-Key": str(uuid4()), **JSON, **(headers or {})}
    return await stage.http.post(f"{stage.stack.urls['ingest-api']}/v1/requests", headers=given, **what)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert told["remedy"]
    return told


BAD: dict[str, tuple[Any, str]] = {
    "unknown channel": (asking("a", channels=["wikipedia/myspace"]), "/channels/0/channel"),
    "unknown field": (asking("a", priorty="high"), "/priorty"),
    "naive date": (asking("a", timing={"publish_at": "2030-01-01T09:00:00"}), "/timing/publish_at"),
    "past date": (asking("a", timing={"publish_at": "2020-01-01T09:00:00Z"}), "/timing/publish_at"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_wrong_field(what: str, stage: Stage) -> None:
    body, pointer = BAD[what]
    (error,) = problem(await send(stage, json=body), 422)["errors"]
    assert error["pointer"] == pointer
    assert error["detail"]
    assert error["remedy"]


async def test_malformed_json(stage: Stage) -> None:
    assert "JSON" in problem(await send(stage, content=b'{"content": '), 400)["detail"]


async def test_a_body_that_does_not_say_how_long_it_is(stage: Stage) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield MEGABYTE

    problem(await send(stage, content=pieces()), 413)


async def test_a_body_that_says_it_is_too_large(stage: Stage) -> None:
    problem(await send(stage, content=MEGABYTE * 2), 413)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Basic c2FuZGJveDo="}, 401),
        ({"Authorization": "Bearer not.a.token"}, 401),
        ({"Idempotency-Key": ""}, 400),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
async def test_a_wrong_header(headers: dict[str, str], status: int, stage: Stage) -> None:
    problem(await send(stage, headers, json=asking("a")), status)


async def test_a_caller_that_hangs_up_in_the_middle(stage: Stage) -> None:
    """The half of a request is no request."""
    at = urlsplit(stage.stack.urls["ingest-api"])
    head = (
        f"POST /v1/requests HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {stage.token}\r\n"
        f"Idempotency-Key: {uuid4()}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    )
    with socket.create_connection((str(at.hostname), int(at.port or 0))) as caller:
        caller.sendall(head.encode() + b'{"content": {"text": "half a')
    assert (await stage.http.get(f"{stage.stack.urls['ingest-api']}/livez")).is_success


async def test_bytes_that_are_no_http(stage: Stage) -> None:
    at = urlsplit(stage.stack.urls["ingest-api"])
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    async with asyncio.timeout(20):
        assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
