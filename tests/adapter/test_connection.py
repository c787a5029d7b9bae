"""A kept connection: used again while it is good, never where it may not be; and the forms an answer can have."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapter import transport
from shared.adapter.client import TIMEOUTS, HttpClient
from shared.adapter.errors import Rejected, TryLater, Uncertain
from tests.adapter.host import PLAIN, Host, post, silent


async def test_a_connection_is_used_again(host: Host, client: HttpClient) -> None:
    for number in range(5):
        await post(client, host, b"%d" % number)
    assert (host.connections, host.bodies) == (1, [b"0", b"1", b"2", b"3", b"4"])


async def test_calls_at_one_time_have_a_connection_each(host: Host, client: HttpClient) -> None:
    await asyncio.gather(*(post(client, host, b"%d" % number) for number in range(3)))
    await asyncio.gather(*(post(client, host, b"%d" % number) for number in range(3)))
    assert host.connections == 3


async def test_one_that_rested_too_long_is_not_used(
    host: Host, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "KEPT_SECONDS", 0.0)
    await post(client, host)
    await post(client, host)
    assert host.connections == 2


async def test_one_that_the_host_closed_is_not_used(host: Host, client: HttpClient) -> None:
    host.after = lambda writer: writer.close()
    await post(client, host)
    await host.closed.wait()
    host.after = lambda _: None
    await post(client, host)
    assert (host.connections, len(host.bodies)) == (2, 2)


async def test_what_comes_between_two_calls_is_no_answer(host: Host, client: HttpClient) -> None:
    late = asyncio.Event()

    def speak_later(writer: asyncio.StreamWriter) -> None:
        asyncio.get_running_loop().call_later(0.01, speak, writer)

    def speak(writer: asyncio.StreamWriter) -> None:
        writer.write(PLAIN)
        late.set()

    host.answers[0], host.after = PLAIN.replace(b"{}", b"[]"), speak_later
    assert await post(client, host) == []
    await late.wait()
    host.answers[0] = PLAIN.replace(b"{}", b"12")
    assert await post(client, host) == 12
    assert host.connections == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("end", [asyncio.WriteTransport.close, asyncio.WriteTransport.abort])
async def test_a_call_goes_out_once_though_a_kept_connection_breaks(
    host: Host, client: HttpClient, method: str, end: Callable[[asyncio.WriteTransport], None]
) -> None:
    await post(client, host)
    host.answers[0], host.after = b"", lambda writer: end(writer.transport)
    with pytest.raises(Uncertain):
        await client.call(method, host.url, operation="post", mutates=True, content=b"y")
    assert (host.connections, host.bodies) == (1, [b"x", b"y"])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        PLAIN + b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}',
    ],
)
async def test_one_that_may_not_be_used_again_is_not(host: Host, client: HttpClient, answer: bytes) -> None:
    host.answers.insert(0, answer)
    assert await post(client, host) == {}
    assert await post(client, host) == {}
    assert host.connections == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n', {"a": 1}),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + PLAIN, {}),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", None),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(b"[1]")), gzip.compress(b"[1]")),
            [1],
        ),
    ],
)
async def test_an_answer_may_have_many_forms(host: Host, client: HttpClient, answer: bytes, told: object) -> None:
    host.answers.insert(0, answer)
    assert await post(client, host) == told
    assert await post(client, host) == {}
    assert host.connections == 1


async def test_an_answer_without_a_length_ends_with_its_connection(host: Host, client: HttpClient) -> None:
    host.answers = [b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}']
    assert await post(client, host) == {"a": 1}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        PLAIN + b"what nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 60_000 + b"\r\n",
    ],
)
async def test_half_an_answer_is_none(host: Host, client: HttpClient, answer: bytes) -> None:
    host.answers = [answer]
    with pytest.raises(Uncertain):
        await post(client, host)


async def test_a_large_body_is_sent_and_a_large_answer_read(host: Host, client: HttpClient) -> None:
    sent = bytes(8_000_000)
    host.answers = [b'HTTP/1.1 200 OK\r\ncontent-length: 7000002\r\n\r\n"' + b"z" * 7_000_000 + b'"']
    assert await post(client, host, sent) == "z" * 7_000_000
    assert host.bodies == [sent]


async def test_an_answer_is_read_no_further_than_it_may_be_long(host: Host, client: HttpClient) -> None:
    packed = gzip.compress(bytes(50_000_000))
    host.answers[0] = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % (len(packed) * 2)
    host.answers[0] += packed  # and the other half never comes
    with pytest.raises(Rejected, match="more than 1000 bytes"):
        await client.fetch(host.url, operation="download", most=1000)
    await asyncio.wait_for(host.closed.wait(), 5)


async def test_an_answer_is_unpacked_once(host: Host, client: HttpClient) -> None:
    packed = gzip.compress(gzip.compress(b"picture"))
    host.answers[0] = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed
    assert gzip.decompress((await client.fetch(host.url, operation="download", most=1000)).content) == b"picture"


async def test_a_cancelled_call_hangs_up(host: Host, client: HttpClient) -> None:
    host.answers[0] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"
    asked = asyncio.Event()
    host.after = lambda _writer: asked.set()
    call = asyncio.create_task(post(client, host))
    await asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(host.closed.wait(), 5)


async def test_an_address_is_sent_as_it_was_given(host: Host, client: HttpClient) -> None:
    await client.call("GET", f"{host.url}/%7Ea%2Fb?x=%2F+%41", operation="get", mutates=False)
    assert host.heads[0].startswith(b"GET /post/%7Ea%2Fb?x=%2F+%41 HTTP/1.1\r\n")


async def test_no_credentials_are_found_for_a_call(
    host: Host, client: HttpClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    host.url = host.url.replace("//", "//someone:secret@")
    await post(client, host)
    assert b"authorization" not in host.heads[0].lower()


async def test_what_did_not_connect_was_not_sent(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TryLater, match="ConnectError"):
        await client.call("POST", "https://platform.invalid/", operation="post", mutates=True)
    monkeypatch.setitem(TIMEOUTS, "connect", 0.1)
    async with silent() as port:
        with pytest.raises(TryLater, match="ConnectTimeout"):
            await client.call("POST", f"https://127.0.0.1:{port}/", operation="post", mutates=True)


async def test_an_answer_that_does_not_come_in_time_leaves_all_open(
    host: Host, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, "read", 0.1)
    for begun in (b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"):
        host.answers[0] = begun
        with pytest.raises(Uncertain, match="ReadTimeout"):
            await post(client, host)


async def test_a_header_cannot_smuggle_another_in(host: Host, client: HttpClient) -> None:
    headers = {"X": "1\r\nAuthorization: Bearer stolen"}
    with pytest.raises(Rejected, match="cannot be made"):
        await client.call("POST", host.url, operation="post", mutates=True, headers=headers)
    assert not host.heads
