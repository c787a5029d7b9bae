"""The inbox: every event is handled once, its changes, its inbox row and what follows from it in one transaction."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.contract import Bus, Delivery, Subscription
from shared.database import Session, begin, statements
from shared.events import Envelope, Event, UndecodableError, decode
from shared.mailbox.outbox import ADD, Caused, Outgoing, here, store
from shared.mailbox.relay import Relay
from shared.mailbox.waiting import Stopping, patiently, told
from shared.settings import Settings
from shared.telemetry import following

log = structlog.get_logger()

T = TypeVar("T")

Handler = Callable[[Any, Session], Awaitable[Sequence[Event]]]
"""Takes an event and a session and returns the events that follow; it never commits, acks, publishes or catches."""

LINGER = 0.25
"""Seconds that events may wait when nobody waits for them."""

HANDLED = Counter("carillon_events_handled_total", "Events handled, by type", ["service", "type"])
DUPLICATES = Counter("carillon_events_duplicate_total", "Events that had been handled before", ["service"])
POISON = Counter("carillon_events_dead_total", "Messages sent to the dead letters", ["service", "why"])
GROUP = Histogram(
    "carillon_consume_group_size", "Messages in one transaction", ["service"], buckets=(1, 2, 5, 10, 20, 50, 100)
)
LAST = Gauge(
    "carillon_consumer_last_delivery_timestamp_seconds", "When a queue last gave something", ["service", "queue"]
)

# Two consumers that remember the same events in the same order wait for each other instead of locking each other out.
REMEMBER = """
    INSERT INTO inbox (consumer, event_id) SELECT :consumer, e FROM unnest(CAST(:ids AS uuid[])) AS t (e) ORDER BY e
    ON CONFLICT DO NOTHING RETURNING event_id
"""
NEW = text(REMEMBER)
REMEMBER_AND_STORE = text(
    f"""
    WITH new AS ({REMEMBER}), sent AS ({ADD})
    SELECT n, sent.id FROM (SELECT count(*) AS n FROM new) AS counted LEFT JOIN sent ON true
    """  # noqa: S608 - put together from constants
)
COUNT = text(
    """
    INSERT INTO attempt (consumer, event_id, tries) VALUES (:consumer, :id, 1)
    ON CONFLICT (consumer, event_id) DO UPDATE SET tries = attempt.tries + 1, last_at = now() RETURNING tries
    """
)
NOTE = text("UPDATE attempt SET last_error = :error WHERE consumer = :consumer AND event_id = :id")
FORGET = text("DELETE FROM attempt WHERE consumer = :consumer AND event_id = :id")
EXPIRE = text("DELETE FROM inbox WHERE received_at < now() - make_interval(days => :days)")


class HandledBefore(Exception):  # noqa: N818 - not an error: somebody else was first
    """Some of the events are remembered already."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery that could be read."""

    delivery: Delivery
    envelope: Envelope


class Consumer:
    """Handles what a queue holds, several messages in one transaction, then acks.

    `patient`: events whose outcome nobody waits for. As long as there are only such, it lets up to `linger` seconds
    pass, for more to share their transaction. That saves most of the transactions, and delays no other event.
    """

    def __init__(
        self,
        service: str,
        queue: str,
        handlers: Mapping[type[Event], Handler],
        *,
        engine: AsyncEngine,
        bus: Bus,
        relay: Relay,
        settings: Settings,
        patient: Collection[type[Event]] = (),
        linger: float = LINGER,
    ) -> None:
        self._service = service
        self._queue = queue
        self._handlers = handlers
        self._engine = engine
        self._bus = bus
        self._relay = relay
        self._settings = settings
        self._patient = {kind.name for kind in patient}
        self._linger = linger
        self._last = LAST.labels(service, queue)
        self._group_size = GROUP.labels(service)
        self._duplicates = DUPLICATES.labels(service)

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until told to stop; what is under way is finished first."""
        prefetch = self._settings.consume_prefetch
        async with self._bus.subscribe(self._queue, prefetch) as subscription, told(stopping, subscription.end):
            with suppress(Stopping):
                while deliveries := await self._next(subscription):
                    self._last.set(time.time())
                    await self._handle(subscription, deliveries, stopping)

    async def _next(self, subscription: Subscription) -> Sequence[Delivery]:
        """Return what to handle together: at once if somebody waits for some of it, else a little later."""
        most = self._settings.consume_group
        some = list(await subscription.take(most))
        if not self._may_linger(some):
            return some
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger):
                while some and len(some) < most and self._may_linger(some):
                    more = await subscription.take(most - len(some))
                    some += more
                    if not more:  # told to stop
                        break
        return some

    def _may_linger(self, deliveries: Sequence[Delivery]) -> bool:
        return all(delivery.message.routing_key in self._patient for delivery in deliveries)

    async def _handle(
        self, subscription: Subscription, deliveries: Sequence[Delivery], stopping: asyncio.Event
    ) -> None:
        """Handle new messages as a group, and alone each one that somebody held before."""
        for redelivered, some in itertools.groupby(deliveries, lambda delivery: delivery.redelivered):
            letters = await self._read(subscription, some)
            if redelivered:
                for letter in letters:
                    await self._alone(subscription, letter, stopping)
            elif letters:
                await self._group(subscription, letters, stopping)

    async def _read(self, subscription: Subscription, deliveries: Iterable[Delivery]) -> list[Letter]:
        """Decode; what no version of this service can read goes to the dead letters at once."""
        letters = []
        for delivery in deliveries:
            try:
                letters.append(Letter(delivery, decode(delivery.message.headers, delivery.message.body)))
            except UndecodableError as error:
                log.error("undecodable message", queue=self._queue, message=delivery.message.id, reason=str(error))
                POISON.labels(self._service, "undecodable").inc()
                await subscription.reject(delivery, requeue=False)
        return letters

    async def _group(self, subscription: Subscription, letters: list[Letter], stopping: asyncio.Event) -> None:
        """Handle all in one transaction; when one of them fails, each alone."""
        try:
            await self._patiently(lambda: self._commit(letters), stopping)
        except Stopping:
            raise
        except Exception:
            log.exception("a group failed; its messages are handled one by one", queue=self._queue, size=len(letters))
            for letter in letters:
                await self._alone(subscription, letter, stopping)
        else:
            await subscription.ack([letter.delivery for letter in letters])

    async def _alone(self, subscription: Subscription, letter: Letter, stopping: asyncio.Event) -> None:
        """Handle one message, its try counted first: if it ends this process, the count stays."""
        event = letter.envelope.id
        tries = await self._patiently(lambda: self._count(event), stopping)
        if tries > self._settings.poison_attempts:
            await self._bury(subscription, letter, "it ended the process each time")
            return
        try:
            await self._patiently(lambda: self._commit_new([letter], forget=event), stopping)
        except Stopping:
            raise
        except Exception as error:
            log.exception("an event failed", queue=self._queue, message=str(event), tries=tries)
            await self._patiently(partial(self._note, event, type(error).__name__), stopping)
            if tries >= self._settings.poison_attempts:
                await self._bury(subscription, letter, type(error).__name__)
            else:
                await subscription.reject(letter.delivery, requeue=True)
        else:
            await subscription.ack([letter.delivery])

    async def _bury(self, subscription: Subscription, letter: Letter, why: str) -> None:
        """Give a message to the dead letters, where a person can look at it."""
        log.error("dead letter", queue=self._queue, message=str(letter.envelope.id), reason=why)
        POISON.labels(self._service, "raising").inc()
        await subscription.reject(letter.delivery, requeue=False)

    async def _commit(self, letters: Sequence[Letter]) -> None:
        """Handle and remember, in one transaction; when some were handled before, begin again without them."""
        known = {letter.envelope.id: letter.envelope for letter in letters}
        try:
            async with begin(self._engine) as db:
                outgoing = Outgoing.of(await self._follow(known.values(), db), self._service)
                values = {"consumer": self._queue, "ids": list(known), **outgoing.values}
                rows = await db.execute(REMEMBER_AND_STORE, values)
                if rows[0].n < len(known):
                    raise HandledBefore
        except HandledBefore:
            await self._commit_new(letters)
        else:
            self._relay.hand_over(outgoing.stored(row.id for row in rows if row.id))
            self._note_handled(len(letters), len(known))

    async def _commit_new(self, letters: Sequence[Letter], forget: UUID | None = None) -> None:
        """Remember first, then handle those that are new, in one transaction."""
        known = {letter.envelope.id: letter.envelope for letter in letters}
        async with begin(self._engine) as db:
            new = (await db.execute(NEW, {"consumer": self._queue, "ids": list(known)})).scalars()
            caused = await self._follow([known[event] for event in known if event in set(new)], db)
            if forget:
                await db.execute(FORGET, {"consumer": self._queue, "id": forget})
            stored = await store(db, self._service, caused)
        self._relay.hand_over(stored)
        self._note_handled(len(letters), len(new))

    def _note_handled(self, letters: int, handled: int) -> None:
        self._group_size.observe(letters)
        self._duplicates.inc(letters - handled)

    async def _follow(self, envelopes: Iterable[Envelope], db: Session) -> list[Caused]:
        """Let the handlers say what follows; an event nobody here handles leads to nothing."""
        caused: list[Caused] = []
        for envelope in envelopes:
            event = envelope.event
            if handler := self._handlers.get(type(event)):
                db.info["envelope"] = envelope
                with following(envelope.traceparent, post=event.subject):
                    caused += here(await handler(event, db))
                _handled(self._service, event.name).inc()
        return caused

    async def _count(self, event: UUID) -> int:
        async with statements(self._engine) as db:
            tries: int = (await db.execute(COUNT, {"consumer": self._queue, "id": event})).scalar_one()
            return tries

    async def _note(self, event: UUID, error: str) -> None:
        async with statements(self._engine) as db:
            await db.execute(NOTE, {"consumer": self._queue, "id": event, "error": error})

    async def _patiently(self, act: Callable[[], Awaitable[T]], stopping: asyncio.Event) -> T:
        return await patiently(act, stopping, self._queue)


@cache
def _handled(service: str, name: str) -> Counter:
    return HANDLED.labels(service, name)


async def expire(db: Session, days: int) -> None:
    """Forget what was handled so long ago that no duplicate of it can still be on its way."""
    await db.execute(EXPIRE, {"days": days})


def envelope_of(db: Session) -> Envelope:
    """Return the envelope of the event that is being handled in this session: emitter, sequence number, time."""
    envelope: Envelope = db.info["envelope"]
    return envelope
