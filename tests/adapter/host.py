"""A server that keeps its connections, with or without TLS, and a proxy before it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapter.client import HttpClient

CONTACT = "https://carillon.example; ops@carillon.example"
NAME = "host.example"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
Trust = Callable[[Path], None]


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


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """A port that takes connections and says nothing, so that TLS never begins."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@asynccontextmanager
async def tunnelling() -> AsyncIterator[Host]:
    """A proxy that carries bytes to where it is asked to and back, and keeps the heads of what it was asked."""
    proxy = Host()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.heads.append(await reader.readuntil(b"\r\n\r\n"))
        name, _, port = proxy.heads[-1].split(b" ")[1].decode().partition(":")
        there, back = await asyncio.open_connection(name, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65_536):
            target.write(piece)
            await target.drain()
    except ConnectionError:
        pass  # one of the two hung up, which ends the other
    finally:
        target.close()


async def post(client: HttpClient, host: Host, content: bytes = b"x") -> object:
    answer = await client.call("POST", host.url, operation="post", mutates=True, content=content)
    return answer.json


def certified(folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS, with a certificate for 127.0.0.1 and NAME that nobody else vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName(NAME)]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    (folder / "host.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "key.pem")
    return context
