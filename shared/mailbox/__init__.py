"""The mailbox of a service: what comes in is handled once, what goes out is sent until it has arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.bus.contract import Bus, Queue
from shared.database import Session, begin
from shared.events import EVENTS, Event, PostDue
from shared.mailbox.acts import Act, C, Due, Performer, Woken, perform_due, perform_woken
from shared.mailbox.backlog import EVERY, Backlog
from shared.mailbox.clock import Clock, Tick
from shared.mailbox.consumer import Consumer
from shared.mailbox.dead_letters import Drainer
from shared.mailbox.inbox import Handler, Handlers, Together, envelope_of, expire, follow
from shared.mailbox.outbox import Caused, here, store
from shared.mailbox.relay import Relay
from shared.mailbox.schema import add_mailbox
from shared.mailbox.settling import Claim
from shared.settings import Settings

__all__ = [
    "Act",
    "Caused",
    "Claim",
    "Clock",
    "Consumer",
    "Drainer",
    "Due",
    "Handler",
    "Handlers",
    "Mailbox",
    "Performer",
    "Tick",
    "Together",
    "Transaction",
    "Woken",
    "add_mailbox",
    "due_queue",
    "envelope_of",
    "follow",
    "posts_queue",
    "topology",
]

T = TypeVar("T")

SERVICES = ("ingest", "policy", "publisher", "metrics")


def posts_queue(service: str) -> str:
    """Return the name of the queue in which a service finds its events; the number changes when its form does."""
    return f"{service}.posts.q1"


def due_queue(platform: str) -> str:
    """Return the name of the queue that wakes a platform's workers."""
    return f"publisher.due.{platform}.q1"


def topology(platforms: Iterable[str]) -> list[Queue]:
    """Return every queue there is: whoever publishes declares them all, so that no event finds nobody listening."""
    queues = [
        Queue(posts_queue(service), tuple(event.name for event in EVENTS if service in event.heard_by))
        for service in SERVICES
    ]
    return queues + [Queue(due_queue(platform), (f"{PostDue.name}.{platform}",)) for platform in platforms]


class Transaction:
    """A transaction whose events are stored in the outbox when it commits."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.caused: list[Caused] = []

    def emit(self, *events: Event) -> None:
        """Say what follows from this change."""
        self.caused += here(events)


class Mailbox:
    """What a process of a service uses to hear and to be heard."""

    def __init__(self, service: str, engine: AsyncEngine, bus: Bus, settings: Settings) -> None:
        self.service = service
        self.engine = engine
        self.bus = bus
        self.settings = settings
        self.relay = Relay(service, engine, bus, settings)

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay the outbox, look how much is left in it and forget old inbox rows, until told to stop."""
        sweeper = Clock("inbox expiry", self.service, self._expire, self.engine, self.relay)
        looking = Clock("backlog", self.service, Backlog(self.service).tick, self.engine, self.relay)
        await asyncio.gather(
            self.relay.run(stopping), sweeper.run(stopping, longest=3_600), looking.run(stopping, longest=EVERY)
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction in which events can be emitted; they are sent after it commits."""
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as db, db.begin():
            transaction = Transaction(db)
            yield transaction
            stored = await store(db, self.service, transaction.caused)
        self.relay.hand_over(stored)

    async def act(self, work: Callable[[Session], Awaitable[tuple[T, Sequence[Event | Caused]]]]) -> T:
        """Do in one transaction what a person asked for over HTTP; what follows from it is sent after the commit."""
        async with begin(self.engine) as db:
            result, events = await work(db)
            stored = await store(db, self.service, here(events))
        self.relay.hand_over(stored)
        return result

    def consumer(self, handlers: Handlers, patient: Collection[type[Event]] = ()) -> Consumer:
        """Return the loop that handles the service's events; the `patient` ones may wait for others to come along."""
        queue = posts_queue(self.service)
        return Consumer(
            self.service,
            queue,
            handlers,
            engine=self.engine,
            bus=self.bus,
            relay=self.relay,
            settings=self.settings,
            patient=patient,
        )

    def dead_letters(self, queue: str) -> Drainer:
        """Return the loop that keeps the dead letters of one of the service's queues; for who consumes that queue."""
        return Drainer(self.service, queue, self.engine, self.bus, self.relay)

    def clock(self, name: str, tick: Tick) -> Clock:
        """Return a loop that turns due rows into events."""
        return Clock(name, self.service, tick, self.engine, self.relay)

    async def woken(self, act: Woken[C], queue: str, most: int, stopping: asyncio.Event, linger: float = 0.0) -> None:
        """Perform an act that messages wake, `most` calls at once; an outcome may wait `linger` seconds for others."""
        performer = Performer(act, self.service, self.engine, self.relay, most, linger)
        await perform_woken(act, performer, self.bus, queue, stopping)

    async def due(self, act: Due[C], most: int, stopping: asyncio.Event, nudge: asyncio.Event | None = None) -> None:
        """Perform an act that the clock wakes, `most` calls at once."""
        performer = Performer(act, self.service, self.engine, self.relay, most)
        await perform_due(act, performer, stopping, nudge or asyncio.Event())

    async def _expire(self, db: Session) -> tuple[Sequence[Event], float | None]:
        await expire(db, self.settings.inbox_days)
        return (), None
