"""TCP proxies: one before a cluster, that any node may answer behind; one before PostgreSQL, that loses an answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random

from yarl import URL

COMMIT = b"COMMIT\x00"
"""How a commit looks in PostgreSQL's simple query message."""
CHUNK = 65_536


class Proxy:
    """Stands before one server or several; each connection goes to one of those that take it."""

    def __init__(self, urls: Sequence[str], chance: Random, port_default: int) -> None:
        self._targets = [(url.host or "127.0.0.1", url.port or port_default) for url in map(URL, urls)]
        self._first = URL(urls[0])
        self._chance = chance
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.commits_to_cut = 0
        """How many more commits are carried out without their sender being told: it loses its connection instead."""
        self.cut = 0

    @property
    def url(self) -> str:
        """The address that leads through here."""
        if self._server is None:
            raise RuntimeError("the proxy is not open")
        return str(self._first.with_host("127.0.0.1").with_port(self._server.sockets[0].getsockname()[1]))

    async def open(self) -> None:
        """Let connections in."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        """Let nobody in any more, and end what is open."""
        if self._server:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        deaf = asyncio.Event()
        ways = [
            asyncio.create_task(_carry(reader, far_writer, self._watch(deaf))),
            asyncio.create_task(_carry(far_reader, writer, _stopped(deaf))),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.transport.abort()
            far_writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        targets = self._chance.sample(self._targets, len(self._targets))
        for host, port in targets:
            with suppress(OSError):
                return await asyncio.open_connection(host, port)
        raise OSError("no server takes connections")

    def _watch(self, deaf: asyncio.Event) -> Callable[[bytes], Awaitable[bool]]:
        async def watch(data: bytes) -> bool:
            if self.commits_to_cut and COMMIT in data:
                self.commits_to_cut -= 1
                self.cut += 1
                deaf.set()
            return True

        return watch


def _stopped(deaf: asyncio.Event) -> Callable[[bytes], Awaitable[bool]]:
    async def stopped(_: bytes) -> bool:
        return not deaf.is_set()

    return stopped


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may: Callable[[bytes], Awaitable[bool]]
) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            if not await may(data):
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(urls: Sequence[str], chance: Random, port_default: int = 5672) -> AsyncIterator[Proxy]:
    """Run a proxy for the length of a block."""
    proxy = Proxy(urls, chance, port_default)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
