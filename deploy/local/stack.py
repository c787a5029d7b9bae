"""Every process of Carillon as a child of this one, started again when it ends; all of them end with this one."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from signal import SIGKILL, SIGTERM

import httpx

from deploy.local.guarded import Guarded, ServerUnavailableError
from deploy.local.programs import MEDIA, PROGRAMS, ROOT, Place, free_port

READY_SECONDS = 60.0
RESTART_SECONDS = 0.2


@dataclass(frozen=True)
class Difference:
    """How one process is started otherwise than the rest."""

    environment: tuple[tuple[str, str], ...] = ()
    through: tuple[str, ...] = ()
    """A module, and its words, that starts the service's module in its own way: it gets what would have been run."""


AS_ALL = Difference()


class Stack:
    """The running processes of one run."""

    def __init__(self, guarded: Guarded, place: Place, programs: Mapping[str, tuple[str, ...]] = PROGRAMS) -> None:
        self.place = place
        ports = {name: place.media_port if name == MEDIA else free_port() for name in programs}
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        self.pids: dict[str, int] = {}
        self.exits: dict[str, list[int]] = {name: [] for name in programs}
        """With which codes a process ended, each time; a signal's number is negative."""
        self.differs: dict[str, Difference] = {}
        """How processes differ from their next start on."""
        self._guarded = guarded
        self._programs = programs
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bring the databases up to date, start everything, and wait until all is ready."""
        await self._migrate()
        for name in self._programs:
            self._start(name)
        self._keeping = asyncio.create_task(self._keep())
        await self.ready(self._programs)

    async def ready(self, names: Iterable[str]) -> None:
        """Wait until these are ready; raises ServerUnavailableError, with the last words of the one that is not."""
        async with httpx.AsyncClient() as http:
            for name in names:
                try:
                    async with asyncio.timeout(READY_SECONDS):
                        while not await _is_ready(http, self.urls[name]):  # noqa: ASYNC110 - another process gets ready
                            await asyncio.sleep(0.05)
                except TimeoutError:
                    raise ServerUnavailableError(f"{name} did not get ready:\n{self._guarded.tail(name)}") from None

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again."""
        return {name: len(codes) for name, codes in self.exits.items()}

    def kill(self, name: str) -> None:
        """End a process as a power cut would; it is started again."""
        self._guarded.end(name, SIGKILL)

    def terminate(self, name: str) -> None:
        """Tell a process to end, and do not wait for it; it is started again."""
        os.kill(self.pids[name], SIGTERM)

    async def stop(self) -> None:
        """Stop starting processes again; they end with their guard."""
        if self._keeping:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def _migrate(self) -> None:
        services = dict.fromkeys(service for service, *_ in self._programs.values())
        for service in services:
            self._run(f"{service}-migrate", (service, "migrate"), {})
        for service in services:
            await asyncio.to_thread(self._guarded.wait_for_success, f"{service}-migrate", READY_SECONDS)

    async def _keep(self) -> None:
        while True:
            for name in self._programs:
                if (code := self._guarded.exit_code(name)) is not None:
                    self.exits[name].append(code)
                    self._start(name)
            await asyncio.sleep(RESTART_SECONDS)

    def _start(self, name: str) -> None:
        differs = self.differs.get(name, AS_ALL)
        more = {"PORT": self.urls[name].rpartition(":")[2], **dict(differs.environment)}
        self.pids[name] = self._run(name, self._programs[name], more, differs.through)

    def _run(self, name: str, words: tuple[str, ...], more: Mapping[str, str], through: tuple[str, ...] = ()) -> int:
        service, *arguments = words
        # Not in the checkout: its .env is for other runs.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)}
        environment |= self.place.environment() | dict(more)
        command = [sys.executable, "-m", *through, f"services.{service}", *arguments]
        return self._guarded.start(name, command, environment)


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz", timeout=5)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@asynccontextmanager
async def running_stack(
    guarded: Guarded, place: Place, programs: Mapping[str, tuple[str, ...]] = PROGRAMS
) -> AsyncIterator[Stack]:
    """Run everything for the length of a block."""
    stack = Stack(guarded, place, programs)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()
