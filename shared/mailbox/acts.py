"""Acts on the world and on the clock: claim, call, settle, with no transaction open over the call.

1. claim: one statement, a transaction by itself; a committed row says "about to try", with a fence and a lease
2. call: the world is asked; whatever it answers is an outcome, not an exception
3. settle: outcome and events are committed together, only where the fence still holds
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.contract import Bus, Delivery, Subscription
from shared.database import Session, statements
from shared.events import Event, UndecodableError, decode
from shared.failpoints import failpoint
from shared.mailbox.outbox import Caused
from shared.mailbox.pulse import felt
from shared.mailbox.relay import Relay
from shared.mailbox.settling import Claim, Settler
from shared.mailbox.waiting import Stopping, patiently, told, wait_for
from shared.telemetry import following

log = structlog.get_logger()

CALLS = Gauge("carillon_acts_running", "Acts between claim and settle", ["act"])
SECONDS = Histogram("carillon_act_seconds", "From claim to settled", ["act"])
CRASHED = Counter(
    "carillon_acts_crashed_total", "Acts that ended in an error nobody foresaw; their lease runs out", ["act"]
)


C = TypeVar("C", bound=Claim)
C_contra = TypeVar("C_contra", bound=Claim, contravariant=True)


class Act(Protocol[C_contra]):
    """The two beats that follow a claim."""

    name: str

    async def call(self, claim: C_contra) -> object:
        """Ask the world; whatever it says or fails to say is returned as an outcome."""

    async def settle(self, claim: C_contra, outcome: Any, db: Session) -> Sequence[Event | Caused]:
        """Write the outcome where the fence still holds, and return the events that follow.

        A claim that covers several posts returns each event with its own cause: `Caused(event, traceparent)`.
        """


class Woken(Act[C], Protocol[C]):
    """An act that a message wakes."""

    async def claim(self, events: Sequence[Any], db: Session) -> Sequence[C]:
        """Claim, in one statement, what the messages point at and is still to be done; the rest is not an error."""


class Due(Act[C], Protocol[C]):
    """An act that the clock wakes."""

    async def claim(self, most: int, db: Session) -> Sequence[C]:
        """Claim, in one statement, at most so many rows that are due by the database's clock and that nobody holds."""

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next row is due; None when none is."""


class Performer(Generic[C]):
    """Runs the calls of an act, `most` at once, each in a task that is finished, never cancelled, at a stop."""

    def __init__(
        self, act: Act[C], service: str, engine: AsyncEngine, relay: Relay, most: int, linger: float = 0.0
    ) -> None:
        self.most = most
        self.service = service
        self.engine = engine
        self._act = act
        self._before, self._after = f"{act.name}.before_call", f"{act.name}.after_call"
        self._settler = Settler(act.name, act.settle, service, engine, relay, linger)
        self._running: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()

    def begin(self, claims: Collection[C]) -> None:
        """Start the calls of claims that are committed."""
        for claim in claims:
            task = asyncio.create_task(self._perform(claim))
            self._running.add(task)
            task.add_done_callback(self._done)
        CALLS.labels(self._act.name).set(len(self._running))

    async def room(self, stopping: asyncio.Event) -> int:
        """Wait until another call may begin; return how many, or 0 when told to stop."""
        while len(self._running) >= self.most and not stopping.is_set():
            self._freed.clear()
            await wait_for(self._freed, 1.0, stopping)
        return 0 if stopping.is_set() else self.most - len(self._running)

    async def finish(self) -> None:
        """Wait for what is under way."""
        if self._running:
            await asyncio.wait(self._running)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        CALLS.labels(self._act.name).set(len(self._running))
        self._freed.set()

    async def _perform(self, claim: C) -> None:
        with following(claim.traceparent, post=claim.subject), SECONDS.labels(self._act.name).time():
            try:
                await failpoint(self._before, claim.subject)
                outcome = await self._act.call(claim)
                await failpoint(self._after, claim.subject)
                await self._settler.settle(claim, outcome)
            except Exception:
                # Its lease runs out and the row is looked at again: the same as if this process had died here.
                CRASHED.labels(self._act.name).inc()
                log.exception("an act crashed", act=self._act.name)


async def perform_woken(act: Woken[C], performer: Performer[C], bus: Bus, queue: str, stopping: asyncio.Event) -> None:
    """Claim what messages point at, ack them once the claim is committed, and begin the calls."""
    # No more than can be begun: what waits in this process could be begun in another.
    async with (
        bus.subscribe(queue, performer.most) as subscription,
        told(stopping, subscription.end),
        felt(performer.service, queue, bus) as pulse,
    ):
        with suppress(Stopping):
            while (room := await performer.room(stopping)) and (deliveries := await subscription.take(room)):
                with pulse.handling():
                    await _begin_woken(act, performer, subscription, deliveries, stopping)
    await performer.finish()


async def _begin_woken(
    act: Woken[C],
    performer: Performer[C],
    subscription: Subscription,
    deliveries: Sequence[Delivery],
    stopping: asyncio.Event,
) -> None:
    readable: dict[Delivery, Event] = {}
    for delivery in deliveries:
        try:
            readable[delivery] = decode(delivery.message.headers, delivery.message.body).event
        except UndecodableError as error:
            log.error("undecodable message", act=act.name, message=delivery.message.id, reason=str(error))
            await subscription.reject(delivery, requeue=False)
    if readable:
        claim = partial(_claim_woken, act, performer.engine, list(readable.values()))
        claims = await patiently(claim, stopping, act.name)
        await subscription.ack(readable)
        performer.begin(claims)


async def _claim_woken(act: Woken[C], engine: AsyncEngine, events: Sequence[Event]) -> Sequence[C]:
    await failpoint(f"{act.name}.before_claim", *(event.subject for event in events))
    async with statements(engine) as db:
        return await act.claim(events, db)


async def perform_due(act: Due[C], performer: Performer[C], stopping: asyncio.Event, nudge: asyncio.Event) -> None:
    """Claim what is due by the database's clock and begin the calls; sleep until the next is, a second at the most."""
    with suppress(Stopping):
        while room := await performer.room(stopping):
            nudge.clear()
            claims, rest = await patiently(partial(_claim_due, act, performer.engine, room), stopping, act.name)
            performer.begin(claims)
            if len(claims) < room:
                await wait_for(nudge, min(1.0, max(0.02, rest if rest is not None else 1.0)), stopping)
    await performer.finish()


async def _claim_due(act: Due[C], engine: AsyncEngine, room: int) -> tuple[Sequence[C], float | None]:
    async with statements(engine) as db:
        return await act.claim(room, db), await act.rest(db)
