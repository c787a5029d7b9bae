"""Loops that do not stall silently: one that ends too early is logged, counted and started again."""

import asyncio
import random
import time

import structlog
from prometheus_client import Counter, Gauge

from shared.process.parts import Loop

log = structlog.get_logger()

RUNNING = Gauge("carillon_loop_running", "1 while the loop runs, 0 while it waits to start again", ["service", "loop"])
RESTARTS = Counter("carillon_loop_restarts_total", "Loops that ended before they were told to", ["service", "loop"])
STEADY = 60.0
"""Seconds after which a loop that fails is taken for a sound one with bad luck: it starts again quickly."""
LONGEST = 30.0
"""Seconds that a loop which keeps failing waits at the most before it starts again."""


async def keep(service: str, name: str, loop: Loop, stopping: asyncio.Event) -> None:
    """Run a loop until it is told to stop; whatever ends it before that, start it again after a jittered pause."""
    failures = 0
    while not stopping.is_set():
        began = time.monotonic()
        RUNNING.labels(service, name).set(1)
        try:
            await _once(name, loop, stopping)
        finally:
            RUNNING.labels(service, name).set(0)
        if stopping.is_set():
            return
        RESTARTS.labels(service, name).inc()
        failures = 1 if time.monotonic() - began > STEADY else failures + 1
        pause = min(LONGEST, 0.1 * 2.0 ** min(failures, 12)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        log.warning("a loop starts again", loop=name, failures=failures, pause=round(pause, 2))
        await sleep_unless(stopping, pause)


async def _once(name: str, loop: Loop, stopping: asyncio.Event) -> None:
    try:
        await loop(stopping)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Nobody cancelled this task: something that the loop awaited was. A loop must not die of it.
        log.exception("a loop ended: what it waited for was cancelled", loop=name)
    except Exception:
        log.exception("a loop failed", loop=name)
    else:
        if not stopping.is_set():
            log.error("a loop ended before it was told to", loop=name)


async def sleep_unless(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, but no longer than until the process is told to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
