"""A connection to the broker that comes back for ever.

Plain `aio_pika.connect` and not `connect_robust`: its restoring is spread over connection, channels, queues and
consumers, keeps a delivery's ack alive across connections where it means another message, and pauses a fixed time, so
that all processes return at once. Here each part runs a session in `keep_up`: all it needs is made anew at one place.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from secrets import SystemRandom
from typing import TypeVar

import aio_pika
from aio_pika.exceptions import AMQPException
from yarl import URL

from shared.bus.contract import BrokerLostError
from shared.bus.wire import WiredConnection

log = logging.getLogger(__name__)

ANSWER_WITHIN = 10.0
"""Seconds that the broker has to answer one question."""
DECLARED_WITHIN = 1.0
"""Seconds that whoever needs the queues waits until they are declared anew.

Mostly they are all there, and it takes some milliseconds. A queue whose leader has died answers when another one is
elected; to wait for it would keep everybody from all the others.
"""
HEARTBEAT = 10
"""Seconds; a silent connection is given up after about three. `?heartbeat=` in the URL overrides it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
STEADY = 5.0
"""A session that lasted these seconds was a good one: the next pause is short again."""

T = TypeVar("T")


class Link:
    """One supervised connection; `name` tells publishing from consuming in logs and in the broker's list."""

    def __init__(self, url: URL, name: str) -> None:
        self._url = url if "heartbeat" in url.query else url.update_query(heartbeat=str(HEARTBEAT))
        self._name = name
        self._connection: WiredConnection | None = None
        self._open = asyncio.Event()

    async def keep(self) -> None:
        """Hold the connection open, and open it anew for ever."""
        await keep_up(f"{self._name} connection", self._session)

    async def connection(self) -> WiredConnection:
        """Wait for the connection."""
        while self._connection is None:
            await self._open.wait()
        return self._connection

    async def _session(self) -> None:
        connection = await asked(
            aio_pika.connect(
                self._url, client_properties={"connection_name": self._name}, connection_class=WiredConnection
            ),
            ANSWER_WITHIN,
        )
        try:
            log.info("%s connection to %s is open", self._name, connection)
            self._connection = connection
            self._open.set()
            await ended(connection.transport.connection.closing if connection.transport else None)
        finally:
            self._connection = None
            self._open.clear()
            await quietly(connection.close())


async def keep_up(what: str, session: Callable[[], Awaitable[None]]) -> None:
    """Run a session again and again, with a jittered pause that grows while sessions end at once."""
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await session()
            reason = "closed"
        except BrokerLostError as lost:
            reason = str(lost)
        except Exception:  # a bug must not silence a consumer for good
            log.exception("%s failed", what)
            reason = "failed"
        if time.monotonic() - began > STEADY:
            pause = FIRST_PAUSE
        seconds = SystemRandom().uniform(pause / 2, pause)
        log.warning("%s: %s; again in %.1f s", what, reason, seconds)
        await asyncio.sleep(seconds)
        pause = min(2 * pause, LONGEST_PAUSE)


async def asked(call: Awaitable[T], within: float = ANSWER_WITHIN) -> T:
    """Wait for the broker's answer; whatever keeps it from us is a BrokerLostError, with the cause as its cause."""
    task = asyncio.current_task()
    cancels = task.cancelling() if task else 0
    try:
        async with asyncio.timeout(within):
            return await call
    except asyncio.CancelledError:
        # When a channel dies, aiormq cancels whoever waits on it. Only a cancel that is aimed at this task is one.
        if task is None or task.cancelling() > cancels:
            raise
        raise BrokerLostError("the channel was closed") from None
    except TimeoutError as error:
        raise BrokerLostError(f"no answer within {within:g} s") from error
    except (AMQPException, OSError, EOFError, RuntimeError) as error:
        raise BrokerLostError(f"{type(error).__name__}: {error}") from error


async def ended(*signals: asyncio.Future[None] | asyncio.Task[None] | None) -> None:
    """Wait until one of these is done, however it is done."""
    waiting = [signal for signal in signals if signal is not None]
    if waiting:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


@contextlib.asynccontextmanager
async def begun(work: Coroutine[None, None, None], grace: float) -> AsyncIterator[None]:
    """Wait a moment for work that is mostly done at once; it goes on during the block, and ends with it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task], timeout=grace)
        yield
    finally:
        await stop(task)


async def stop(task: asyncio.Task[None]) -> None:
    """End a task, by cancelling it as often as it takes: aiormq takes one that meets a closing channel for its own."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1.0)


async def quietly(closing: Awaitable[object]) -> None:
    """Let go of something that may be gone already."""
    with contextlib.suppress(BrokerLostError):
        await asked(closing, 3.0)
