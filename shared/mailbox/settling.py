"""Settling: outcomes that are there at the same moment are committed together, as the inbox does with messages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import Session, begin
from shared.events import Event
from shared.failpoints import failpoint
from shared.mailbox.outbox import Caused, here, store
from shared.mailbox.relay import Relay
from shared.mailbox.waiting import patiently
from shared.telemetry import following

log = structlog.get_logger()

NEVER = asyncio.Event()
TOGETHER = 50
"""Outcomes in one transaction at the most."""

Settle = Callable[[Any, Any, Session], Awaitable[Sequence[Event | Caused]]]


class Claim(Protocol):
    """What an act got hold of; `subject` and `traceparent` are for its logs and its events."""

    @property
    def subject(self) -> str:
        """What it is about: a post's id, a channel."""

    @property
    def traceparent(self) -> str | None:
        """The trace of what caused it."""


class _Called(NamedTuple):
    claim: Claim
    outcome: object
    settled: asyncio.Future[None]


class Settler:
    """Writes the outcomes of one act down; `settle` of an act says how, and twice is harmless: a fence holds once.

    `linger`: seconds that an outcome waits for others to share its transaction.
    """

    def __init__(
        self, name: str, settle: Settle, service: str, engine: AsyncEngine, relay: Relay, linger: float = 0.0
    ) -> None:
        self._name = name
        self._before, self._after = f"{name}.before_commit", f"{name}.after_commit"
        self._settle = settle
        self._service = service
        self._engine = engine
        self._relay = relay
        self._linger = linger
        self._waiting: list[_Called] = []
        self._task: asyncio.Task[None] | None = None

    async def settle(self, claim: Claim, outcome: object) -> None:
        """Return when the outcome and what follows are committed; waits for the database as long as it takes."""
        called = _Called(claim, outcome, asyncio.get_running_loop().create_future())
        self._waiting.append(called)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._empty())
        await asyncio.shield(called.settled)

    async def _empty(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._linger)
            some, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                await self._commit(some)
            except Exception as error:  # noqa: BLE001 - whatever it is: alone, each shows whether it is the cause
                log.warning("settled one by one", act=self._name, size=len(some), error=type(error).__name__)
                for called in some:
                    await self._alone(called)
            else:
                for called in some:
                    called.settled.set_result(None)

    async def _alone(self, called: _Called) -> None:
        try:
            # Not even a stop ends this: the world has been asked, so what it said must be written down.
            await patiently(partial(self._commit, [called]), NEVER, self._name)
        except Exception as error:  # noqa: BLE001 - it is raised where the outcome came from
            called.settled.set_exception(error)
        else:
            called.settled.set_result(None)

    async def _commit(self, some: Sequence[_Called]) -> None:
        async with begin(self._engine) as db:
            caused: list[Caused] = []
            for claim, outcome, _ in some:
                with following(claim.traceparent, post=claim.subject):
                    caused += here(await self._settle(claim, outcome, db))
            stored = await store(db, self._service, caused)
            await failpoint(self._before, *(called.claim.subject for called in some))
        await failpoint(self._after, *(called.claim.subject for called in some))
        self._relay.hand_over(stored)
