"""The outbox: events are stored with the change that causes them, and sent until the broker has them."""

import asyncio
import json
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import ARRAY, BigInteger, LargeBinary, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus.contract import Bus, Message
from shared.database import Sessions, is_trouble
from shared.events import Envelope, Event, body_of, headers_of
from shared.mailbox.waiting import backoff, wait_for
from shared.settings import Settings
from shared.telemetry import current_traceparent

log = structlog.get_logger()

SENT = Counter("carillon_outbox_sent_total", "Events that the broker confirmed", ["service"])
UNCONFIRMED = Counter("carillon_outbox_unconfirmed_total", "Sendings that the broker did not confirm", ["service"])
LAG = Histogram(
    "carillon_outbox_lag_seconds",
    "From an event's commit to the broker's confirm",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
)
WAITING = Gauge("carillon_outbox_oldest_seconds", "Age of the oldest event in the last round", ["service"])

# Arrays instead of one VALUES tuple an event: the text never changes, so it is compiled and prepared once.
STORE = text(
    """
    INSERT INTO outbox (routing_key, headers, body)
    SELECT k, h::jsonb, b FROM unnest(:keys, :headers, :bodies) WITH ORDINALITY AS e (k, h, b, n) ORDER BY n
    """
).bindparams(
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("headers", type_=ARRAY(Text)),
    bindparam("bodies", type_=ARRAY(LargeBinary)),
)
CLAIM = text(
    """
    SELECT id, routing_key, headers::text AS headers, body, extract(epoch FROM now() - created_at)::float AS age
    FROM outbox WHERE retry_at <= now() ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
ERASE = text("DELETE FROM outbox WHERE id = ANY(:ids)").bindparams(bindparam("ids", type_=ARRAY(BigInteger)))
POSTPONE = text("UPDATE outbox SET retry_at = now() + interval '1 second' WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(BigInteger))
)


class Caused(NamedTuple):
    """An event, and the trace of what caused it."""

    event: Event
    traceparent: str | None


async def store(db: AsyncSession, service: str, caused: Sequence[Caused]) -> None:
    """Add events to the outbox, in one statement of the caller's transaction."""
    if not caused:
        return
    envelopes = [Envelope.of(event, service, traceparent) for event, traceparent in caused]
    parameters = {
        "keys": [event.routing_key for event, _ in caused],
        "headers": [json.dumps(headers_of(envelope)) for envelope in envelopes],
        "bodies": [body_of(event) for event, _ in caused],
    }
    await db.execute(STORE, parameters)


def here(events: Iterable[Event | Caused]) -> list[Caused]:
    """Return the events as caused by what is being handled right now, unless they say another cause."""
    traceparent = current_traceparent()
    return [event if isinstance(event, Caused) else Caused(event, traceparent) for event in events]


class Relay:
    """Sends what is in the outbox; any number of them may run, for rows are locked while they are sent."""

    def __init__(self, service: str, sessions: Sessions, bus: Bus, settings: Settings) -> None:
        self._service = service
        self._sessions = sessions
        self._bus = bus
        self._most = settings.relay_batch
        self._sweep = settings.relay_sweep_seconds
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Say that something was committed, so that it need not wait for the sweep."""
        self._nudged.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop, then once more, so that what was committed last is on its way."""
        failures = 0
        while not stopping.is_set():
            self._nudged.clear()
            handled = await self._round()
            failures = 0 if handled is not None else failures + 1
            if handled is None:
                await wait_for(stopping, backoff(failures))
            elif handled < self._most:
                # Relays that swept in step would add their intervals up along a chain of services.
                await wait_for(self._nudged, self._sweep * random.uniform(0.5, 1.5), stopping)  # noqa: S311 - not a secret
        await self._round()

    async def _round(self) -> int | None:
        """Send one batch and return its size; None when the database is in trouble."""
        try:
            sent, left = await self.send_some()
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("relay waits for the database", error=type(error).__name__)
            return None
        return sent + left

    async def send_some(self) -> tuple[int, int]:
        """Send one batch; return how many the broker confirmed and how many it did not."""
        async with self._sessions.begin() as db:
            rows = (await db.execute(CLAIM, {"most": self._most})).all()
            if not rows:
                WAITING.labels(self._service).set(0)
                return 0, 0
            WAITING.labels(self._service).set(rows[0].age)
            messages = [_message(row.id, row.routing_key, row.headers, row.body) for row in rows]
            confirmed = await self._bus.publish(messages)
            done = [row.id for row, message in zip(rows, messages, strict=True) if message.id in confirmed]
            if done:
                await db.execute(ERASE, {"ids": done})
            if left := [row.id for row, message in zip(rows, messages, strict=True) if message.id not in confirmed]:
                await db.execute(POSTPONE, {"ids": left})
        self._count([row.age for row in rows], len(done), len(left))
        return len(done), len(left)

    def _count(self, ages: list[float], done: int, left: int) -> None:
        SENT.labels(self._service).inc(done)
        UNCONFIRMED.labels(self._service).inc(left)
        lag = LAG.labels(self._service)
        for age in ages:
            lag.observe(age)


def _message(sequence: int, routing_key: str, headers: str, body: bytes) -> Message:
    """Return a row as it travels: its number in the outbox is the emitter's sequence number."""
    attributes: dict[str, str] = json.loads(headers)
    attributes["ce-sequence"] = str(sequence)
    return Message(id=attributes["ce-id"], routing_key=routing_key, body=body, headers=attributes)
