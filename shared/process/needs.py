"""What a process needs to do its work: asked for at the start, and again whenever somebody wants to know."""

import asyncio
import pkgutil
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import platforms
from shared.bus.contract import Bus
from shared.http.health import Check
from shared.mailbox import topology
from shared.process.parts import Parts, Runtime

log = structlog.get_logger()

DATABASE_WITHIN = 2.0
"""Seconds within which a database that is well answers."""
PROBE_WITHIN = 3.0
"""Seconds within which a message to oneself arrives when the broker is well."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at the start."""
SAY_EVERY = 15
"""Looks between two log lines that say why one failed."""


def checks(parts: Parts, runtime: Runtime) -> dict[str, Check]:
    """Return what makes a process ready: its database, the way of messages if it hears any, and its own conditions."""
    needed: dict[str, Check] = {"database": lambda: _answers(runtime.engine)}
    if parts.consumes:
        needed["broker"] = lambda: runtime.bus.probe(PROBE_WITHIN)
    return needed | dict(parts.ready)


async def database_answers(engine: AsyncEngine) -> None:
    """Wait until the database is there and has its tables."""

    async def look() -> bool:
        async with asyncio.timeout(DATABASE_WITHIN), engine.connect() as connection:
            return bool((await connection.execute(text("SELECT to_regclass('outbox') IS NOT NULL"))).scalar_one())

    await _until("database", look, "it has no tables yet: run `migrate`")


async def declared(bus: Bus) -> None:
    """Wait until every queue of Carillon is there."""

    async def declare() -> bool:
        await bus.declare(topology(module.name for module in pkgutil.iter_modules(platforms.__path__) if module.ispkg))
        return True

    await _until("broker", declare, "")


async def _answers(engine: AsyncEngine) -> bool:
    async with asyncio.timeout(DATABASE_WITHIN), engine.connect() as connection:
        return bool((await connection.execute(text("SELECT 1"))).scalar_one())


async def _until(what: str, look: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    looks = 0
    while True:
        reason = otherwise
        try:
            if await look():
                return
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may find it gone
            reason = f"{type(error).__name__}: {error}"
        if looks % SAY_EVERY == 0:
            log.warning("still missing", what=what, reason=reason)
        looks += 1
        await asyncio.sleep(LOOK_AGAIN)
