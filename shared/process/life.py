"""A process's life: answer, wait for what it needs, work, and end in order.

The order of the end: not ready; the loops finish; the HTTP server finishes its requests; the relay sends what all of
them committed. Whoever opened the runtime then closes it.
"""

import asyncio
from collections.abc import Callable, Collection

import structlog

from shared import telemetry
from shared.http.health import Health, Phase
from shared.http.plain import plain_app
from shared.process.loops import keep
from shared.process.needs import checks, database_answers, declared
from shared.process.parts import Parts, Runtime
from shared.process.serving import serving

log = structlog.get_logger()

Task = asyncio.Task[None]

LAST_ROUND = 15.0
"""Seconds that the relay has for its last round."""
SAY_AGAIN = 15.0
"""Seconds between two log lines that say what is missing at the start."""


async def run(
    parts: Parts,
    runtime: Runtime,
    name: str,
    *,
    stopping: asyncio.Event | None = None,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Live until `stopping` is set; many processes may live in one event loop, each with a runtime of its own.

    `listening` is called with the address of the process's API and health checks. The runtime is not closed here.
    Raises WrongSettingError when that address cannot be had.
    """
    telemetry.stand(runtime.service, name)
    stopping = stopping or asyncio.Event()
    sent_all = asyncio.Event()
    health = Health(checks(parts, runtime))
    app = parts.app or plain_app(runtime.service)
    app.state.process = name
    health.attach(app)
    relay: list[Task] = []
    try:
        async with serving(app, runtime.settings) as address:
            if listening:
                listening(address)
            await _work(parts, runtime, health, stopping, sent_all, relay)
    finally:
        sent_all.set()
        await finish(relay, LAST_ROUND)
    log.info("ended")


async def _work(
    parts: Parts, runtime: Runtime, health: Health, stopping: asyncio.Event, sent_all: asyncio.Event, relay: list[Task]
) -> None:
    """Start when everything needed is there, and hold until the loops have finished."""
    database = asyncio.create_task(database_answers(runtime.engine), name="database")
    broker = asyncio.create_task(declared(runtime.bus), name="broker")
    relay.append(asyncio.create_task(_relay(broker, runtime, sent_all), name="relay"))
    try:
        if not await _there([database, broker] if parts.consumes else [database], health, stopping):
            return
        health.phase = Phase.RUNNING
        log.info("running", loops=list(parts.loops))
        loops = [
            asyncio.create_task(keep(runtime.service, loop, parts.loops[loop], stopping), name=loop)
            for loop in parts.loops
        ]
        try:
            await stopping.wait()
        finally:
            health.phase = Phase.STOPPING
            log.info("stopping", loops=list(parts.loops))
            # Cancelled instead of told to stop: nobody told the loops either.
            await finish(loops, runtime.settings.shutdown_seconds if stopping.is_set() else 0)
    finally:
        health.phase = Phase.STOPPING
        await finish([database], 0)
        if not broker.done():
            await finish([broker, *relay], 0)


async def _there(needs: Collection[Task], health: Health, stopping: asyncio.Event) -> bool:
    """Wait, for ever if need be, for what the process needs; return False when it is told to stop before."""
    stop = asyncio.create_task(_wait(stopping))
    try:
        while missing := [need.get_name() for need in needs if not need.done()]:
            health.missing = missing
            log.info("waiting", missing=missing)
            pending = [need for need in needs if not need.done()]
            await asyncio.wait([*pending, stop], timeout=SAY_AGAIN, return_when=asyncio.FIRST_COMPLETED)
            if stop.done():
                return False
    finally:
        stop.cancel()
        health.missing = []
    return not stopping.is_set()


async def _relay(broker: Task, runtime: Runtime, sent_all: asyncio.Event) -> None:
    """Send what is committed, from when every queue is there: before, an event could miss one of its hearers."""
    await asyncio.shield(broker)
    await keep(runtime.service, "relay", runtime.mailbox.run, sent_all)


async def finish(tasks: Collection[Task], seconds: float) -> None:
    """Give tasks time to finish, then cancel what is left and say so."""
    if not tasks:
        return
    _, left = await asyncio.wait(tasks, timeout=seconds)
    for task in left:
        if seconds:
            log.error("cancelled: it did not finish in time", loop=task.get_name(), seconds=seconds)
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=5)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
