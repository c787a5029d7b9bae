"""Whether a process is well: `/livez` (it runs), `/readyz` (it can do its work), `/metrics` (Prometheus)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

log = structlog.get_logger()

Check = Callable[[], Awaitable[bool]]
FRESH = 3.0
"""Seconds for which an answer is given again without looking."""
LIMIT = 4.0
"""Seconds that one check may take."""


class Phase(StrEnum):
    """Where a process is in its life; it is ready in the middle one only."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class Health:
    """Knows a process's phase and asks its checks, however often it is asked itself."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self.phase = Phase.STARTING
        self.missing: list[str] = []
        """What a process that starts waits for."""
        self._checks = checks
        self._found: dict[str, bool] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    def attach(self, app: Starlette) -> None:
        """Add the three addresses to an application."""
        app.router.routes += [
            Route("/livez", _livez, include_in_schema=False),
            Route("/readyz", self._readyz, include_in_schema=False),
            Route("/metrics", _metrics, include_in_schema=False),
        ]

    async def look(self) -> dict[str, bool]:
        """Return what each check says, at most three seconds old; a check that fails or takes long says no."""
        async with self._looking:
            if time.monotonic() - self._looked > FRESH:
                results = await asyncio.gather(*(_ask(name, check) for name, check in self._checks.items()))
                self._found = dict(zip(self._checks, results, strict=True))
                self._looked = time.monotonic()
        return self._found

    async def _readyz(self, _: Request) -> Response:
        """Answer 200 when ready; else 503, and say what is missing."""
        if self.phase is not Phase.RUNNING:
            return JSONResponse({"status": self.phase, "missing": self.missing}, 503)
        missing = [name for name, well in (await self.look()).items() if not well]
        return JSONResponse({"status": "unready" if missing else "ready", "missing": missing}, 503 if missing else 200)


async def _livez(_: Request) -> Response:
    return PlainTextResponse("alive\n")


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _ask(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(LIMIT):
            return await check()
    except Exception as error:  # noqa: BLE001 - whatever keeps a check from its answer, the answer is no
        log.warning("a readiness check failed", check=name, error=type(error).__name__)
        return False
