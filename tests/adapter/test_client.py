"""Each failure is named by remedy, by the phase in which it came; nothing secret is told."""

import asyncio
import logging
import socket
import tomllib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from shared.adapter.answers import clipped, codes_of, wait_told
from shared.adapter.client import VERSION, HttpClient
from shared.adapter.errors import Limited, PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from tests.adapter.wire import RESET, SILENCE, Wire, reply

SECRET = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0LXRva2Vu.abcdef"


async def failure(client: HttpClient, url: str, mutates: bool) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await client.call(
            "POST",
            url,
            operation="post",
            mutates=mutates,
            json={"text": "the body of a post"},
            headers={"Authorization": f"Bearer {SECRET}"},
        )
    return caught.value


async def test_an_answer_is_read(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(202, {"id": 1}, {"x-more": "yes"}))
    answer = await client.call(
        "GET", wire.url, operation="get", mutates=False, params={"q": "a b"}, expected=(200, 202)
    )
    assert (answer.status, answer.json, answer.headers["X-More"]) == (202, {"id": 1}, "yes")
    assert wire.asked[0][0].startswith(("GET /?q=a+b ", "GET /?q=a%20b "))
    assert f"Carillon/{VERSION} (https://carillon.example; ops@carillon.example) httpx/" in wire.asked[0][0]


async def test_a_closed_client_connects_anew(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(200))
    for _ in range(2):
        assert (await client.call("GET", wire.url, operation="get", mutates=False)).status == 200
        await client.aclose()


async def test_an_empty_answer_is_none(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(200))
    assert (await client.call("POST", wire.url, operation="post", mutates=True)).json is None


async def test_a_refusal_that_was_reckoned_with_need_not_be_json(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(404, b"Not Found"))
    answer = await client.call("PUT", wire.url, operation="put", mutates=True, expected=(200, 404))
    assert (answer.status, answer.json) == (404, None)


@pytest.mark.parametrize("mutates", [True, False])
async def test_a_call_that_never_went_out_may_be_made_again(client: HttpClient, mutates: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        assert isinstance(await failure(client, f"http://127.0.0.1:{taken.getsockname()[1]}", mutates), TryLater)


@pytest.mark.parametrize(
    "answer",
    [
        RESET,
        SILENCE,
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        reply(200, b"<html>"),
        reply(500, {"error": "boom"}),
        reply(503, b"<html>busy</html>"),
        reply(200, b"\xff\xfe"),
    ],
)
async def test_after_the_call_went_out_only_a_harmless_one_may_be_made_again(
    wire: Wire, client: HttpClient, answer: bytes
) -> None:
    wire.always(answer)
    assert type(await failure(client, wire.url, mutates=True)) is Uncertain
    assert type(await failure(client, wire.url, mutates=False)) is TryLater


async def test_a_mutating_call_is_made_once(wire: Wire, client: HttpClient) -> None:
    for answer in (RESET, SILENCE, reply(503), reply(429)):
        wire.always(answer)
        await failure(client, wire.url, mutates=True)
    assert len(wire.asked) == 4


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "Expired", "message": "x"}, Unauthorized),
        (400, {"error": {"code": "Expired"}}, Unauthorized),
        (400, {"error": "Other"}, Rejected),
        (400, ["no object"], Rejected),
        (500, {"error": "Twice"}, TryLater),
        (401, {}, Unauthorized),
        (403, {}, Unauthorized),
        (404, {}, Rejected),
        (301, {}, Rejected),
        (408, {}, TryLater),
        (429, {}, Limited),
    ],
)
async def test_a_refusal_means_what_the_table_says(
    wire: Wire, client: HttpClient, status: int, body: object, kind: type[PlatformError]
) -> None:
    wire.always(reply(status, body))
    assert type(await failure(client, wire.url, mutates=True)) is kind


@pytest.mark.parametrize(("mutates", "kind"), [(True, Uncertain), (False, TryLater)])
async def test_what_nobody_sees_is_never_uncertain(
    wire: Wire, client: HttpClient, mutates: bool, kind: type[PlatformError]
) -> None:
    wire.always(reply(400, {"error": "Unclear"}))
    assert type(await failure(client, wire.url, mutates)) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)}, 600),
        ({"RateLimit-Reset": str(int(datetime.now(UTC).timestamp()) + 600)}, 600),
        ({"X-RateLimit-Reset": (datetime.now(UTC) + timedelta(seconds=600)).isoformat()}, 600),
        ({"Retry-After": "7", "RateLimit-Reset": "900"}, 7),
        ({"RateLimit-Reset": "60"}, 60),
        ({"Retry-After": "99999999"}, 86_400),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_how_long_a_platform_says_to_wait(
    wire: Wire, client: HttpClient, headers: dict[str, str], seconds: float | None
) -> None:
    wire.always(reply(429, {}, headers))
    error = await failure(client, wire.url, mutates=True)
    assert isinstance(error, TryLater)
    # The moments were named when the tests were collected, which may be minutes ago.
    assert error.after == (pytest.approx(seconds, abs=seconds / 2) if seconds is not None else None)


def test_the_wait_of_an_answer_without_headers_is_unknown() -> None:
    assert wait_told({}) is None


def test_a_problem_is_known_by_the_last_word_of_its_type_and_told_by_its_detail() -> None:
    told = {"type": "https://api.x.com/2/problems/usage-capped", "title": "Too much", "detail": "Come back tomorrow"}
    assert codes_of(told, ("type",)) == ["usage-capped"]
    assert codes_of({"type": "about:blank"}, ("type",)) == ["about:blank"]
    assert clipped(told) == "Come back tomorrow"


async def test_neither_tokens_nor_bodies_are_told(
    wire: Wire, client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.always(reply(400, {"error": "Other", "message": f"bad token {SECRET} " + "x" * 999}))
    error = await failure(client, f"{wire.url}/?access_token={SECRET}", mutates=True)
    told = f"{error!r} {error} {error.__cause__!r} {caplog.text}"
    assert error.reason.startswith("small post: 400 Other: bad token …")
    assert SECRET not in told
    assert "the body of a post" not in told
    assert len(error.reason) < 250


async def test_a_cancelled_call_stays_cancelled(wire: Wire, client: HttpClient) -> None:
    wire.always(SILENCE)
    task = asyncio.create_task(client.call("POST", wire.url, operation="cancelled", mutates=True))
    async with asyncio.timeout(5):
        await wire.heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counted("cancelled", "cancelled") == 1


async def test_calls_are_counted_by_operation_and_outcome(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(200, {}))
    await client.call("GET", wire.url, operation="counted", mutates=False)
    wire.always(RESET)
    with pytest.raises(Uncertain):
        await client.call("GET", wire.url, operation="counted", mutates=True)
    assert (counted("counted", "answered"), counted("counted", "uncertain")) == (1, 1)
    labels = {"platform": "small", "operation": "counted"}
    assert REGISTRY.get_sample_value("carillon_platform_call_seconds_count", labels) == 2


def counted(operation: str, outcome: str) -> float | None:
    labels = {"platform": "small", "operation": operation, "outcome": outcome}
    return REGISTRY.get_sample_value("carillon_platform_calls_total", labels)


async def test_a_call_that_cannot_be_made_is_refused(client: HttpClient) -> None:
    with pytest.raises(Rejected, match="cannot be made"):
        await client.call("GET", "http://[::1", operation="get", mutates=False)
    with pytest.raises(TryLater):
        await client.call("GET", "ftp://example.org", operation="get", mutates=True)


async def test_bytes_are_fetched_up_to_a_limit(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(200, b"x" * 1000, {"content-type": "Image/JPEG; q=1"}))
    fetched = await client.fetch(wire.url, operation="download", most=1000)
    assert (len(fetched.content), fetched.type) == (1000, "image/jpeg")
    with pytest.raises(Rejected, match="more than 999 bytes"):
        await client.fetch(wire.url, operation="download", most=999)


async def test_redirects_are_not_followed_and_cookies_not_kept(wire: Wire, client: HttpClient) -> None:
    wire.always(reply(302, None, {"location": "http://169.254.169.254/", "set-cookie": "session=1; Path=/"}))
    with pytest.raises(Rejected):
        await client.fetch(wire.url, operation="download", most=10)
    wire.always(reply(200, {}))
    await client.call("GET", wire.url, operation="get", mutates=False)
    assert "cookie" not in wire.asked[-1][0].lower()


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
