"""The socket below aiormq: frames of messages go past it, all others through it.

aiormq wakes two tasks and makes a third for each message, most of what a message costs. It opens connections and
channels, keeps them alive, asks the broker's questions and closes; but on a channel that has a `Lane` here, deliveries,
confirms and returns are read where they come in, and messages and acks are written at once.
"""

import asyncio
import time
from typing import Any

import aio_pika
from aiormq import AMQPConnectionError, TransportFactory
from yarl import URL

from shared.bus import frames
from shared.bus.frames import Content, Delivered

SIGN_OF_LIFE = 1.0
"""Seconds; aiormq gives up a connection on which it sees nothing, so it sees this often that frames came for a lane."""


class Lane:
    """What is sent and received on one channel past aiormq; a subclass says what a frame means to it."""

    def __init__(self, wire: "Wire", number: int, frame_max: int) -> None:
        self.number = number
        self.frame_max = frame_max
        self._wire = wire
        self._open = True
        self._coming: Delivered | None = None
        self._content: Content | None = None
        self._body: list[bytes] = []
        self._missing = 0
        wire.lanes[self.number] = self

    @property
    def open(self) -> bool:
        """Whether something can be sent."""
        return self._open and self._wire.open

    def write(self, payload: bytes) -> None:
        """Write frames, if it is open: a frame on a channel that is closed would cost the whole connection."""
        if self.open:
            self._wire.write(payload)

    def shut(self) -> None:
        """Send no more; what is still coming comes here until the broker has closed the channel."""
        self._open = False

    def delivered(self, delivered: Delivered, content: Content, body: bytes) -> None:
        """A message came."""

    def returned(self, message_id: str) -> None:
        """A message found no queue; it is confirmed after this."""

    def confirmed(self, tag: int, *, multiple: bool, stored: bool) -> None:
        """The broker has a message, or all up to it, for good; or does not take it."""

    def receive(self, kind: int, payload: bytes) -> bool:
        """Take a frame, unless it is one for aiormq."""
        if kind != frames.METHOD:
            self._receive_content(kind, payload)
            return True
        method = payload[:4]
        if method == frames.DELIVER:
            self._coming = frames.read_deliver(payload)
        elif method == frames.RETURN:
            self._coming = None
        elif method in (frames.ACK, frames.NACK):
            tag, multiple = frames.read_confirm(payload)
            self.confirmed(tag, multiple=multiple, stored=method == frames.ACK)
        else:
            if method in (frames.CHANNEL_CLOSE, frames.CHANNEL_CLOSE_OK):
                self.shut()
                self._wire.lanes.pop(self.number, None)  # the last frame, the number may be used again
            return False
        return True

    def _receive_content(self, kind: int, payload: bytes) -> None:
        if kind == frames.HEADER:
            self._content = frames.read_content(payload)
            self._body, self._missing = [], self._content.size
        else:
            self._body.append(payload)
            self._missing -= len(payload)
        if self._content is None or self._missing:
            return
        if self._coming:
            self.delivered(self._coming, self._content, b"".join(self._body))
        else:
            self.returned(self._content.message_id)


class Wire(TransportFactory):
    """One connection's socket, and the lanes on it."""

    def __init__(self) -> None:
        self.lanes: dict[int, Lane] = {}
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, as `asyncio.open_connection` does, with a protocol that sorts the frames."""
        if url.host is None or url.port is None:
            raise ValueError("the broker's URL names no host and port")
        provider = kwargs.pop("ssl_context_provider")
        context = await provider.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = SortingProtocol(reader, self.lanes)
        try:
            transport, _ = await loop.create_connection(lambda: protocol, url.host, url.port, ssl=context, **kwargs)
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error  # as aiormq's own factories do
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    @property
    def open(self) -> bool:
        """Whether there is a connection."""
        return self._writer is not None and not self._writer.is_closing()

    def write(self, payload: bytes) -> None:
        """Write frames, whole ones: aiormq writes between them."""
        if self._writer is not None:
            self._writer.write(payload)


class WiredConnection(aio_pika.Connection):
    """aio-pika's connection, on a wire."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wire = Wire()
        self.kwargs["transport_factory"] = self.wire

    def __del__(self) -> None:
        """Close nothing: who opened it closes it. aio-pika's own would begin to, whether a loop runs or not."""


class SortingProtocol(asyncio.StreamReaderProtocol):
    """Gives each frame to its lane, or to aiormq's reader."""

    def __init__(self, reader: asyncio.StreamReader, lanes: dict[int, Lane]) -> None:
        super().__init__(reader)
        self._lanes = lanes
        self._rest = b""
        self._shown = 0.0

    def data_received(self, data: bytes) -> None:
        """Sort what came; the beginning of a frame waits for its rest."""
        data, at, passed = self._rest + data, 0, []
        while at + frames.FRAMING <= len(data):
            kind, number, size = frames.HEAD.unpack_from(data, at)
            end = at + size + frames.FRAMING
            if end > len(data):
                break
            lane = self._lanes.get(number)
            if lane is None or not lane.receive(kind, data[at + frames.HEAD.size : end - 1]):
                passed.append(data[at:end])
            at = end
        self._rest = data[at:]
        if at:
            self._show(passed)

    def _show(self, passed: list[bytes]) -> None:
        """Pass frames on to aiormq; when all were for lanes, a heartbeat in a while instead."""
        now = time.monotonic()
        if not passed and now - self._shown > SIGN_OF_LIFE:
            passed = [frames.HEARTBEAT]
        if passed:
            self._shown = now
            super().data_received(b"".join(passed))

    def eof_received(self) -> bool | None:
        """Pass on what is no frame: the broker says so when it speaks another protocol."""
        super().data_received(self._rest)
        return super().eof_received()
