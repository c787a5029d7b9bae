"""A kept connection: used again while it is good, never where it may not be; and the forms an answer can have."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapter import transport
from shared.adapter.client import HttpClient
from shared.adapter.errors import Rejected, TryLater, Uncertain
from tests.adapter.specs import SMALL

CONTACT = "https://carillon.example; ops@carillon.example"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Host:
    """A server that keeps connections: `answers` are given one a request, `after` is what it does then."""

    answers: list[bytes] = field(default_factory=lambda: [PLAIN] * 9)
    after: Callable[[asyncio.StreamWriter], None] = lambda _writer: None
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(int(length or 0)))
                writer.write(self.answers.pop(0))
                await writer.drain()
                self.after(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller hung up
        finally:
            writer.close()
            self.closed.set()


@asynccontextmanager
async def serving(secured: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    host = Host()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0, ssl=secured)
    port = server.sockets[0].getsockname()[1]
    host.url = f"{'https' if secured else 'http'}://127.0.0.1:{port}/post"
    try:
        yield host
    finally:
        server.close()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with serving() as host:
        yield host


async def post(client: HttpClient, host: Host, content: bytes = b"x") -> object:
    answer = await client.call("POST", host.url, operation="post", mutates=True, content=content)
    return answer.json


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


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        PLAIN + b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}',
        PLAIN + b"what nobody asked for",
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


async def test_a_header_cannot_smuggle_another_in(host: Host, client: HttpClient) -> None:
    headers = {"X": "1\r\nAuthorization: Bearer stolen"}
    with pytest.raises(Rejected, match="cannot be made"):
        await client.call("POST", host.url, operation="post", mutates=True, headers=headers)
    assert not host.heads


async def test_a_host_is_believed_by_its_certificate_only(
    tmp_path: Path, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(certified(tmp_path)) as host:
        with pytest.raises(TryLater, match="ConnectError"):
            await post(client, host)
        assert not host.heads
        trusting = ssl.create_default_context(cafile=tmp_path / "host.pem")
        monkeypatch.setattr(transport, "_secured", lambda: trusting)
        assert await post(client, host) == {}
        assert await post(client, host) == {}
        assert host.connections == 1
        host.url = host.url.replace("127.0.0.1", "localhost")  # which the certificate does not name
        with pytest.raises(TryLater, match="ConnectError"):
            await post(client, host)


def test_it_runs_on_the_services_event_loop_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def calls() -> None:
        async with serving() as host, HttpClient(SMALL, contact=CONTACT) as client:
            host.answers.insert(1, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}")
            assert await post(client, host, bytes(1_000_000)) == {}
            host.after = lambda writer: writer.close()
            with pytest.raises(Uncertain):
                await post(client, host)
            assert await post(client, host) == {}
            assert host.connections == 2
        async with serving(certified(tmp_path)) as host, HttpClient(SMALL, contact=CONTACT) as client:
            with pytest.raises(TryLater, match="ConnectError"):
                await post(client, host)
            trusting = ssl.create_default_context(cafile=tmp_path / "host.pem")
            monkeypatch.setattr(transport, "_secured", lambda: trusting)
            assert await post(client, host, bytes(1_000_000)) == {}
            assert await post(client, host) == {}
            assert len(host.bodies) == 2

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(calls())


def certified(folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS, with a certificate for 127.0.0.1 that nobody else vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    (folder / "host.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "key.pem")
    return context
