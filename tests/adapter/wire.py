"""A real server on a real socket that answers as it is told, byte by byte, and keeps what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

RESET = b"reset"
"""As an answer: cut the connection after the request was read."""
SILENCE = b"silence"
"""As an answer: say nothing until the caller hangs up."""


def reply(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return an HTTP answer; a dict or list is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@dataclass
class Wire:
    """The server: `answer` turns a request's head and body into bytes."""

    answer: Callable[[str, bytes], bytes] = lambda _head, _body: reply(200, {})
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def always(self, answer: bytes) -> None:
        """Answer everything alike."""
        self.answer = lambda _head, _body: answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = await reader.readexactly(_length(head))
            self.asked.append((head, body))
            self.heard.set()
            answer = self.answer(head, body)
            if answer == SILENCE:
                await reader.read()
            elif answer != RESET:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller hung up, which some tests are about
        finally:
            writer.close()


def _length(head: str) -> int:
    values = [line.partition(":")[2] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
    return int(values[0]) if values else 0


@asynccontextmanager
async def running() -> AsyncIterator[Wire]:
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        await server.wait_closed()


def json_of(body: bytes) -> Any:
    return json.loads(body)
