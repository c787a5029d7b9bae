"""The inbox: every event is handled once, its changes, its inbox row and what follows from it in one transaction."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from prometheus_client import Counter, Histogram
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import Session, begin, statements
from shared.events import Envelope, Event
from shared.failpoints import failpoint
from shared.mailbox.outbox import ADD, Caused, Outgoing, here, store
from shared.mailbox.reasons import Cause
from shared.mailbox.relay import Relay
from shared.telemetry import following

Handler = Callable[[Any, Session], Awaitable[Sequence[Event]]]
"""Takes an event and a session and returns the events that follow; it never commits, acks, publishes or catches."""


@dataclass(frozen=True, slots=True)
class Together:
    """A handler of several events of one type, each about another subject, in one round trip to the database.

    Takes their envelopes and a session; returns what follows from each, in their order. Else it is as a `Handler`.
    """

    handle: Callable[[Sequence[Envelope], Session], Awaitable[Sequence[Sequence[Event]]]]


Handlers = Mapping[type[Event], Handler | Together]
"""Who handles what."""

HANDLED = Counter("carillon_events_handled_total", "Events handled, by type", ["service", "type"])
DUPLICATES = Counter("carillon_events_duplicate_total", "Events that had been handled before", ["service"])
GROUP = Histogram(
    "carillon_consume_group_size", "Messages in one transaction", ["service"], buckets=(1, 2, 5, 10, 20, 50, 100)
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
# Who buries it first has the last word: should the process end before the message is rejected, it comes once more.
NOTE = text(
    """
    UPDATE attempt SET last_error = :error, cause = CAST(:cause AS text)
    WHERE consumer = :consumer AND event_id = :id AND cause IS NULL
    """
)
FORGET = text("DELETE FROM attempt WHERE consumer = :consumer AND event_id = :id")
# What lies among the dead letters can be sent again at any time, and must then be recognised.
EXPIRE = text(
    """
    DELETE FROM inbox WHERE received_at < now() - make_interval(days => :days) AND NOT EXISTS
        (SELECT FROM dead_letter AS d WHERE d.queue = inbox.consumer AND d.event_id = inbox.event_id)
    """
)


class HandledBefore(Exception):  # noqa: N818 - not an error: somebody else was first
    """Some of the events are remembered already."""


class Inbox:
    """What one consumer has handled, and how it handles what is new."""

    def __init__(self, service: str, consumer: str, handlers: Handlers, engine: AsyncEngine, relay: Relay) -> None:
        self._service = service
        self._consumer = consumer
        self._handlers = handlers
        self._engine = engine
        self._relay = relay
        self._group_size = GROUP.labels(service)
        self._duplicates = DUPLICATES.labels(service)

    async def handle(self, envelopes: Collection[Envelope]) -> None:
        """Handle and remember, in one transaction; when some were handled before, begin again without them."""
        events = {envelope.id: envelope for envelope in envelopes}
        try:
            async with begin(self._engine) as db:
                caused = await follow(events.values(), self._handlers, db, self._service)
                outgoing = Outgoing.of(caused, self._service)
                values = {"consumer": self._consumer, "ids": list(events), **outgoing.values}
                rows = await db.execute(REMEMBER_AND_STORE, values)
                if rows[0].n < len(events):
                    raise HandledBefore
        except HandledBefore:
            await self.handle_new(envelopes)
        else:
            self._relay.hand_over(outgoing.stored(row.id for row in rows if row.id))
            self._note_handled(len(envelopes), len(events))

    async def handle_new(self, envelopes: Collection[Envelope], forget: UUID | None = None) -> None:
        """Remember first, then handle those that are new, in one transaction; `forget` the attempts at an event."""
        events = {envelope.id: envelope for envelope in envelopes}
        async with begin(self._engine) as db:
            new = set((await db.execute(NEW, {"consumer": self._consumer, "ids": list(events)})).scalars())
            first = [envelope for event, envelope in events.items() if event in new]
            caused = await follow(first, self._handlers, db, self._service)
            if forget:
                await db.execute(FORGET, {"consumer": self._consumer, "id": forget})
            stored = await store(db, self._service, caused)
        self._relay.hand_over(stored)
        self._note_handled(len(envelopes), len(new))

    async def count(self, event: UUID) -> int:
        """Count an attempt at an event, committed: it outlives this process; return how many there were."""
        async with statements(self._engine) as db:
            tries: int = (await db.execute(COUNT, {"consumer": self._consumer, "id": event})).scalar_one()
            return tries

    async def note(self, event: UUID, error: str, cause: Cause | None = None) -> None:
        """Write down why the last attempt failed; with a cause, that there will be no other."""
        async with statements(self._engine) as db:
            await db.execute(NOTE, {"consumer": self._consumer, "id": event, "error": error, "cause": cause})

    def _note_handled(self, messages: int, handled: int) -> None:
        self._group_size.observe(messages)
        self._duplicates.inc(messages - handled)


async def follow(envelopes: Iterable[Envelope], handlers: Handlers, db: Session, service: str) -> list[Caused]:
    """Let the handlers say what follows; an event nobody here handles leads to nothing."""
    caused: list[Caused] = []
    for alike in _runs(envelopes):
        handler = handlers.get(type(alike[0].event))
        await failpoint("inbox.handle", *(envelope.event.subject for envelope in alike))
        if isinstance(handler, Together):
            caused += await _together(handler, alike, db)
        elif handler:
            for envelope in alike:
                db.info["envelope"] = envelope
                with following(envelope.traceparent, post=envelope.event.subject):
                    caused += here(await handler(envelope.event, db))
        if handler:
            _handled(service, alike[0].event.name).inc(len(alike))
    return caused


def _runs(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Give the events in their order, those of one type together as long as no subject comes again."""
    run: list[Envelope] = []
    subjects: set[str | None] = set()
    for envelope in envelopes:
        event = envelope.event
        if run and (type(run[0].event) is not type(event) or event.subject in subjects):
            yield run
            run, subjects = [], set()
        run.append(envelope)
        subjects.add(event.subject)
    if run:
        yield run


async def _together(handler: Together, envelopes: Sequence[Envelope], db: Session) -> list[Caused]:
    caused: list[Caused] = []
    for envelope, events in zip(envelopes, await handler.handle(envelopes, db), strict=True):
        with following(envelope.traceparent, post=envelope.event.subject):
            caused += here(events)
    return caused


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
