"""Every process of Carillon inside this one, on the in-process bus: for a demo on a machine that has no broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from deploy.local.programs import MEDIA, PROGRAMS, Place
from shared import telemetry
from shared.bus.memory import MemoryBus
from shared.process import Factory, Parts, Runtime, migrate, open_runtime, run
from shared.settings import Settings

SETTINGS = {name: f"{name.capitalize()}Settings" for name in ("ingest", "policy", "publisher", "metrics")}


@asynccontextmanager
async def running_together(place: Place) -> AsyncIterator[Mapping[str, str]]:
    """Run everything for the length of a block; gives the address of each process by its name."""
    settings = {service: _settings(service, place) for service in SETTINGS}
    telemetry.configure("demo", "all", settings["ingest"])
    await asyncio.gather(*(migrate(service, chosen) for service, chosen in settings.items()))
    bus = MemoryBus()
    stopping = asyncio.Event()
    addresses: dict[str, asyncio.Future[str]] = {}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        lives = []
        for name, (service, process, *words) in PROGRAMS.items():
            port = {"port": place.media_port} if name == MEDIA else {}
            runtime = open_runtime(service, settings[service].model_copy(update=port), bus)
            stack.push_async_callback(runtime.engine.dispose)
            addresses[name] = asyncio.get_running_loop().create_future()
            parts = await _factory(service, process)(runtime, *words)
            lives.append(asyncio.create_task(_live(parts, runtime, name, stopping, addresses[name])))
        try:
            yield {name: await _listening(address, lives) for name, address in addresses.items()}
        finally:
            stopping.set()
            await asyncio.gather(*lives)


async def _live(
    parts: Parts, runtime: Runtime, name: str, stopping: asyncio.Event, address: asyncio.Future[str]
) -> None:
    await run(parts, runtime, name, stopping=stopping, listening=address.set_result)


async def _listening(address: asyncio.Future[str], lives: list[asyncio.Task[None]]) -> str:
    """Wait for an address; a process that ends before is an error."""
    waiting: list[asyncio.Future[Any]] = [address, *lives]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for life in lives:
        if life.done():
            life.result()
    return await address


def _settings(service: str, place: Place) -> Settings:
    """Return a service's settings as its process would read them, from this run's environment only."""
    kind: Any = getattr(import_module(f"services.{service}.settings"), SETTINGS[service])
    given = {name.lower(): value for name, value in place.environment().items()}
    chosen: Settings = kind(_env_file=None, **_parsed(kind, given))
    return chosen


def _parsed(kind: Any, given: Mapping[str, str]) -> dict[str, Any]:
    """Return only what this service knows, with JSON read where the environment would have it read."""
    known = {name: value for name, value in given.items() if name in kind.model_fields}
    return {name: json.loads(value) if value.startswith("{") else value for name, value in known.items()}


def _factory(service: str, process: str) -> Factory:
    factories: Mapping[str, Factory] = import_module(f"services.{service}.__main__").PROCESSES
    return factories[process]
