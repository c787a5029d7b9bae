"""The outbox: events are stored with the change that causes them; the relay sends them until the broker has them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus.contract import Message
from shared.database import Session
from shared.events import Envelope, Event, body_of, headers_of
from shared.telemetry import current_traceparent

AGAIN = "carillon-again"
"""The header of a dead letter that is sent again: its number in the table, a dot, and which time it is."""
HANDED_SECONDS = 5.0
"""How long what was handed to the relay of this process is left to it; then any relay may send it."""

HEADERS = TypeAdapter(dict[str, str])
"""Writes an event's headers as JSON in a third of the time that the standard library takes."""

# Arrays instead of one VALUES tuple an event: the text never changes, so it is prepared once.
ADD = """
    INSERT INTO outbox (routing_key, headers, body, retry_at)
    SELECT k, h::jsonb, b, now() + make_interval(secs => :handed)
    FROM unnest(CAST(:keys AS text[]), CAST(:headers AS text[]), CAST(:bodies AS bytea[]))
        WITH ORDINALITY AS e (k, h, b, n) ORDER BY n
    RETURNING id
"""
"""In SQL: add events to the outbox; their numbers ascend in the order in which the events were given."""
STORE = text(ADD)


class Caused(NamedTuple):
    """An event, and the trace of what caused it."""

    event: Event
    traceparent: str | None


class Stored(NamedTuple):
    """An event as it lies in the outbox and as it travels."""

    id: int
    message: Message


class Outgoing(NamedTuple):
    """Events on their way into the outbox, a column each."""

    keys: list[str]
    headers: list[dict[str, str]]
    bodies: list[bytes]

    @classmethod
    def of(cls, caused: Sequence[Caused], service: str) -> Self:
        """Wrap what a service says."""
        envelopes = [Envelope.of(event, service, traceparent) for event, traceparent in caused]
        return cls(
            [event.routing_key for event, _ in caused],
            [headers_of(envelope) for envelope in envelopes],
            [body_of(event) for event, _ in caused],
        )

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of `ADD`."""
        told = [HEADERS.dump_json(one).decode() for one in self.headers]
        return {"keys": self.keys, "headers": told, "bodies": self.bodies, "handed": HANDED_SECONDS}

    def stored(self, ids: Iterable[int]) -> list[Stored]:
        """Return them as they are stored, by the numbers that they were given."""
        rows = zip(sorted(ids), self.keys, self.headers, self.bodies, strict=True)
        return [Stored(id_, message_of(id_, key, headers, body)) for id_, key, headers, body in rows]


async def store(db: Session | AsyncSession, service: str, caused: Sequence[Caused]) -> list[Stored]:
    """Add events to the outbox, in one statement of the caller's transaction; hand them to the relay once it commits.

    What is not handed over, because the process ends in between, any relay sends after `HANDED_SECONDS`.
    """
    if not caused:
        return []
    outgoing = Outgoing.of(caused, service)
    rows: Iterable[Any] = await db.execute(STORE, outgoing.values)
    return outgoing.stored(row.id for row in rows)


def message_of(sequence: int, routing_key: str, headers: dict[str, str], body: bytes) -> Message:
    """Return an event as it travels: its number in the outbox is the emitter's sequence number.

    A dead letter that is sent again keeps the number that its emitter gave it.
    """
    if again := headers.get(AGAIN):
        return Message(again, routing_key, body, headers)
    return Message(headers["ce-id"], routing_key, body, {**headers, "ce-sequence": str(sequence)})


def here(events: Iterable[Event | Caused]) -> list[Caused]:
    """Return the events as caused by what is being handled right now, unless they say another cause."""
    traceparent = current_traceparent()
    return [event if isinstance(event, Caused) else Caused(event, traceparent) for event in events]
