"""`python -m bench.ingest [rounds]`: a request with three posts, beside a plain SQLAlchemy handler that stores as much.

Both are servers of their own (uvicorn, uvloop, one worker) on one PostgreSQL, with 32 connections open; CPU is that of
the server. Ours is `python -m services.ingest api` as it ships: token, checks, rendering, hashing, log line. The plain
one only validates and stores. No broker: sending what is stored is the relay's work, and measured as that.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import create_async_engine

from bench.ingest_baseline import metadata
from bench.measure import ROUNDS, Meter, compare, run
from deploy.local.databases import own_databases
from deploy.local.ports import answers, free_ports
from deploy.local.postgres import running_postgres
from services.ingest.settings import IngestSettings
from shared.events import Trust
from shared.http.token import issue, make_key_pair
from shared.process import migrate

CONNECTIONS, REQUESTS, TARGET = 32, 1_500, 1.3
BODY_BYTES = 1_537
CHANNELS = ("wikipedia/bluesky", "foundation/bluesky", "foundation/mastodon")
SECONDS_TO_START = 30.0

# ---- what is sent ----------------------------------------------------------------------------------------------------


def padded(body: dict[str, Any], key: str, into: dict[str, Any]) -> bytes:
    """Return the body as JSON of `BODY_BYTES`, filled up in one of its texts."""
    into[key] += "y" * (BODY_BYTES - len(json.dumps(body)))
    encoded = json.dumps(body).encode()
    assert len(encoded) == BODY_BYTES
    return encoded


def plain_body() -> bytes:
    """Return what the baseline is sent."""
    said = "announcement: new calibration notebooks, faster ingest. " * 4
    media = {"mime": "image/png", "alt": "Chart of ingest times, falling from 9 to 4 minutes", "licence": "CC-BY-4.0"}
    body: dict[str, Any] = {
        "title": "Release 2.4 of the observatory toolkit ",
        "due_at": "2027-01-05T09:30:00Z",
        "targets": [
            {"platform": platform, "account": "team.example", "text": f"{platform} {said}"}
            for platform in ("bluesky", "mastodon", "linkedin")
        ],
        "media": [{"url": f"https://media.example/cover-{n}.png", **media} for n in range(2)],
        "tags": ["release", "astronomy", "open-source"],
    }
    return padded(body, "alt", body["media"][0])


def our_body() -> bytes:
    """Return what ingest is sent: three channels, two of them with a text of their own, a link and a source."""
    said = "Did you know? Wikipedia's volunteers add two articles a minute. "
    page = "https://en.wikipedia.org/wiki/Wikipedia"
    about: dict[str, Any] = {"campaign": "birthday", "objective": "awareness", "regions": ["BR", "IN"], "hook": "day "}
    body: dict[str, Any] = {
        "content": {
            "text": said * 4,
            "link": {"url": page, "title": "Wikipedia", "description": "About it"},
            "sources": [{"url": f"{page}:Size", "revision": 1, "note": "growth"}],
            "language": "en",
        },
        "channels": [{"channel": name} for name in CHANNELS],
        "variants": {
            "foundation/bluesky": {"text": f"#Wikipedia {said * 3}"},
            "mastodon": {"text": f"#Wikipedia {said * 5}"},
        },
        "about": about,
    }
    return padded(body, "hook", about)


# ---- servers and load ------------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A server under load."""

    port: int
    path: str
    body: bytes
    headers: str = ""
    pid: int = 0

    async def load(self) -> Meter:
        """Send `REQUESTS` over `CONNECTIONS`, each with a key of its own; all must be accepted."""
        left = iter(range(REQUESTS))
        with ServerMeter(REQUESTS, self.pid) as meter:
            await asyncio.gather(*(self._connection(left) for _ in range(CONNECTIONS)))
        return meter

    async def _connection(self, left: Iterator[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{self.headers}"
        head += f"Content-Length: {len(self.body)}\r\nIdempotency-Key: "
        for _ in left:
            writer.write(f"{head}{uuid.uuid4()}\r\n\r\n".encode() + self.body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            told = await reader.readexactly(int(length.partition(b":")[2]))
            assert answer.startswith(b"HTTP/1.1 202"), answer + told
        writer.close()
        await writer.wait_closed()


class ServerMeter(Meter):
    """Wall time, and the CPU of another process."""

    def __init__(self, units: int, pid: int) -> None:
        super().__init__(units)
        self._pid = pid

    def __enter__(self) -> Self:
        super().__enter__()
        self._server = cpu_of(self._pid)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        super().__exit__(kind, error, at)
        self.cpu = cpu_of(self._pid) - self._server


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def serving(command: Sequence[str], environment: dict[str, str], server: Server) -> AsyncIterator[Server]:
    """Run a server as a process of its own; it is ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    server.pid = process.pid
    try:
        async with asyncio.timeout(SECONDS_TO_START):
            while not answers(server.port):
                assert process.returncode is None, f"{command[0]} ended with {process.returncode}"
                await asyncio.sleep(0.1)
        yield server
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def the_baseline(address: str) -> AsyncIterator[Server]:
    """Make its tables and serve it."""
    url = address.replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(url)
    async with engine.begin() as db:
        await db.run_sync(metadata.create_all)
    await engine.dispose()
    [port] = free_ports(1)
    command = ["bench.ingest_baseline", url, str(port)]
    async with serving(command, {}, Server(port, "/full", plain_body())) as server:
        yield server


@asynccontextmanager
async def our_ingest(server_url: str, address: str, folder: Path) -> AsyncIterator[Server]:
    """Migrate its database and serve it as it ships."""
    key = make_key_pair(folder / "jwt.pem", folder / "jwt.pub.pem")
    token = issue(key, "bench", ["posts:write"], trust=Trust.TEAM)
    [port] = free_ports(1)
    environment = {
        "NAMESPACE": urlsplit(address).path[1:].removesuffix("_ingest"),
        "DATABASE_URL": server_url,
        "AMQP_URL": "amqp://nobody:nobody@127.0.0.1:9/",
        "MEDIA_URL": f"file://{folder / 'media'}",
        "JWT_KEY_FILE": str(folder / "jwt.pub.pem"),
        "DATABASE_POOL": "16",
        "PORT": str(port),
    }
    await migrate("ingest", IngestSettings.model_validate({name.lower(): value for name, value in environment.items()}))
    wanted = Server(port, "/v1/requests", our_body(), f"Authorization: Bearer {token}\r\n")
    async with serving(["services.ingest", "api"], environment, wanted) as server:
        yield server


async def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server_url = stack.enter_context(running_postgres()).database_url
        databases = await stack.enter_async_context(own_databases(server_url, f"bench{secrets.token_hex(4)}"))
        theirs = await stack.enter_async_context(the_baseline(await databases("plain")))
        ours = await stack.enter_async_context(our_ingest(server_url, await databases("ingest"), folder))
        await compare("ingest, one request with three posts", ours.load, theirs.load, TARGET, rounds)


if __name__ == "__main__":
    run(main)
