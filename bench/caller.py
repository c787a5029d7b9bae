"""A caller that costs little: HTTP/1.1 on kept connections, so that the bench measures the services and not itself."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit


class Caller:
    """Posts JSON to one server."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._headers = {"Host": parts.netloc, "Content-Type": "application/json", **headers}
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send one request and return the status of its answer."""
        # The server closes what is idle for long.
        self._idle = [kept for kept in self._idle if not kept[0].at_eof()]
        connection = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        reader, writer = connection
        lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in {**self._headers, **headers}.items())]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
        await reader.readexactly(length)
        self._idle.append(connection)
        return status

    def close(self) -> None:
        """Close the connections."""
        for _, writer in self._idle:
            writer.close()
