"""The outbox: events are stored with the change that causes them; the relay sends them until the broker has them."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ARRAY, LargeBinary, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus.contract import Message
from shared.events import Envelope, Event, body_of, headers_of
from shared.telemetry import current_traceparent

HANDED_SECONDS = 5.0
"""How long what was handed to the relay of this process is left to it; then any relay may send it."""

# Arrays instead of one VALUES tuple an event: the text never changes, so it is compiled and prepared once.
STORE = text(
    """
    INSERT INTO outbox (routing_key, headers, body, retry_at)
    SELECT k, h::jsonb, b, now() + make_interval(secs => :handed)
    FROM unnest(:keys, :headers, :bodies) WITH ORDINALITY AS e (k, h, b, n) ORDER BY n
    RETURNING id, headers ->> 'ce-id' AS event
    """
).bindparams(
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("headers", type_=ARRAY(Text)),
    bindparam("bodies", type_=ARRAY(LargeBinary)),
)


class Caused(NamedTuple):
    """An event, and the trace of what caused it."""

    event: Event
    traceparent: str | None


class Stored(NamedTuple):
    """An event as it lies in the outbox and as it travels."""

    id: int
    message: Message


async def store(db: AsyncSession, service: str, caused: Sequence[Caused]) -> list[Stored]:
    """Add events to the outbox, in one statement of the caller's transaction; hand them to the relay once it commits.

    What is not handed over, because the process ends in between, any relay sends after `HANDED_SECONDS`.
    """
    if not caused:
        return []
    envelopes = [Envelope.of(event, service, traceparent) for event, traceparent in caused]
    keys = [event.routing_key for event, _ in caused]
    headers = [headers_of(envelope) for envelope in envelopes]
    bodies = [body_of(event) for event, _ in caused]
    told = [json.dumps(one) for one in headers]
    values = {"keys": keys, "headers": told, "bodies": bodies, "handed": HANDED_SECONDS}
    ids = {row.event: row.id for row in await db.execute(STORE, values)}
    return [
        Stored(id_ := ids[one["ce-id"]], message_of(id_, key, one, body))
        for key, one, body in zip(keys, headers, bodies, strict=True)
    ]


def message_of(sequence: int, routing_key: str, headers: dict[str, str], body: bytes) -> Message:
    """Return an event as it travels: its number in the outbox is the emitter's sequence number."""
    return Message(headers["ce-id"], routing_key, body, {**headers, "ce-sequence": str(sequence)})


def here(events: Iterable[Event | Caused]) -> list[Caused]:
    """Return the events as caused by what is being handled right now, unless they say another cause."""
    traceparent = current_traceparent()
    return [event if isinstance(event, Caused) else Caused(event, traceparent) for event in events]
