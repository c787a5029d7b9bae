"""What a process is made of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from shared.bus.amqp import AmqpBus
from shared.bus.contract import Bus
from shared.database import Sessions, engine_for, sessions_of
from shared.mailbox import Mailbox
from shared.media import MediaStore
from shared.settings import Settings, WrongSettingError

Loop = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event (`stopping`) is set, finishes what it has under way, and returns."""


@dataclass(frozen=True)
class Runtime:
    """What every process of a service stands on."""

    service: str
    settings: Settings
    engine: AsyncEngine
    sessions: Sessions
    bus: Bus
    media: MediaStore
    mailbox: Mailbox

    async def close(self) -> None:
        """Let go of the broker, then of the database."""
        await self.bus.close()
        await self.engine.dispose()


@dataclass(frozen=True)
class Parts:
    """What one process does."""

    loops: Mapping[str, Loop]
    app: Starlette | None = None
    """Served on `HOST`:`PORT` with `/livez`, `/readyz` and `/metrics` added; without one, only these are served."""
    ready: Mapping[str, Callable[[], Awaitable[bool]]] = field(default_factory=lambda: MappingProxyType({}))
    """What else must be well before the process is ready, by name."""
    consumes: bool = False
    """It hears messages: then it is ready only when one that it sends to itself arrives."""


Factory = Callable[..., Awaitable[Parts]]
"""Makes the parts of a Runtime and of what else the command line says; it waits for nothing outside."""


def open_runtime(service: str, settings: Settings, bus: Bus | None = None) -> Runtime:
    """Return what a service's processes stand on; nothing is connected yet. Without a bus it is the broker's."""
    engine = engine_for(settings, service)
    sessions = sessions_of(engine)
    try:
        way: Bus = bus or AmqpBus(settings.amqp_url.get_secret_value(), settings.namespace)
    except ValueError as error:
        raise WrongSettingError("AMQP_URL", "write amqp://user:password@host:port/vhost") from error
    try:
        media = MediaStore(settings.media_url)
    except (ValueError, OSError) as error:
        raise WrongSettingError("MEDIA_URL", str(error)) from error
    return Runtime(service, settings, engine, sessions, way, media, Mailbox(service, engine, way, settings))
