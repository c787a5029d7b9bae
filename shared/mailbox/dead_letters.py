"""The drainer: dead letters are taken off the bus into a table, with why and since when, until a person decides."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.contract import DEAD, Bus, Delivery, Subscription
from shared.database import Session, begin
from shared.events import Event, UndecodableError, UnknownTypeError, decode
from shared.mailbox.clock import Clock
from shared.mailbox.outbox import AGAIN
from shared.mailbox.reasons import Cause, plain
from shared.mailbox.relay import Relay
from shared.mailbox.waiting import Stopping, patiently, told

log = structlog.get_logger()

KEPT = Gauge("carillon_dead_letters", "Dead letters that wait for a person", ["service", "cause"])
ARRIVED = Counter("carillon_dead_letters_arrived_total", "Messages that died, also again", ["service", "cause"])

HELD = 10
"""Dead letters in hand at once: they may be large."""
COUNT_EVERY = 15.0
"""Seconds between two counts for the metric, at the most."""

ATTEMPTS = text("SELECT tries, last_error, cause FROM attempt WHERE consumer = :queue AND event_id = :event")
# A row is one message of one queue. Taken twice, after a crash between commit and ack, it is known; sent again and dead
# again, it says which time that was, and only the latest changes the row.
KEEP = text(
    """
    INSERT INTO dead_letter AS known (queue, fingerprint, event_id, type, subject, routing_key, headers, body,
        traceparent, cause, reason, attempts, first_died_at, died_at, history)
    VALUES (:queue, :fingerprint, :event_id, :type, :subject, :routing_key, CAST(:headers AS jsonb), :body,
        :traceparent, :cause, :reason, :attempts, :at, :at, jsonb_build_array(CAST(:entry AS jsonb)))
    ON CONFLICT (queue, fingerprint) DO UPDATE SET state = 'kept', times = known.times + 1, cause = excluded.cause,
        reason = excluded.reason, attempts = excluded.attempts, died_at = excluded.died_at,
        history = known.history || excluded.history
    WHERE known.state = 'replayed' AND known.replays = CAST(:replay AS integer)
    RETURNING id
    """
)
COUNTS = text("SELECT cause, count(*) AS n FROM dead_letter WHERE state = 'kept' GROUP BY cause")


class Diagnosis(NamedTuple):
    """Why a message is dead, and how often it was tried."""

    cause: str
    reason: str
    attempts: int


class Drainer:
    """Keeps what dies in one queue; any number of them may run, for a row is written once."""

    def __init__(self, service: str, queue: str, engine: AsyncEngine, bus: Bus, relay: Relay) -> None:
        self._service = service
        self._queue = queue
        self._engine = engine
        self._bus = bus
        self._counting = Clock(f"dead letters of {service}", service, self._count, engine, relay)
        self._causes: set[str] = set(Cause)

    async def run(self, stopping: asyncio.Event) -> None:
        """Drain and count until told to stop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drain(stopping))
            tasks.create_task(self._counting.run(stopping, longest=COUNT_EVERY))

    async def _drain(self, stopping: asyncio.Event) -> None:
        async with (
            self._bus.subscribe(self._queue + DEAD, HELD) as subscription,
            told(stopping, subscription.end),
        ):
            with suppress(Stopping):
                while deliveries := await subscription.take(HELD):
                    await self._keep_all(subscription, deliveries, stopping)

    async def _keep_all(
        self, subscription: Subscription, deliveries: Sequence[Delivery], stopping: asyncio.Event
    ) -> None:
        failures: list[Exception] = []
        for delivery in deliveries:
            try:
                await patiently(partial(self._keep, delivery), stopping, self._queue + DEAD)
            except Stopping:
                raise
            except Exception as error:  # noqa: BLE001 - raised below: first, its neighbours are kept
                failures.append(error)
            else:
                await subscription.ack([delivery])
        if failures:
            raise ExceptionGroup("dead letters that cannot be kept stay where they are", failures)

    async def _keep(self, delivery: Delivery) -> None:
        """Write a dead letter down, committed."""
        async with begin(self._engine) as db:
            values = await _row(self._queue, delivery, db)
            fresh = (await db.execute(KEEP, values)).first()
        if fresh:
            log.error("a dead letter is kept", queue=self._queue, letter=fresh.id, cause=values["cause"])
            ARRIVED.labels(self._service, values["cause"]).inc()
            self._counting.nudged.set()

    async def _count(self, db: Session) -> tuple[Sequence[Event], float | None]:
        found = {row.cause: row.n for row in await db.execute(COUNTS)}
        self._causes |= set(found)
        for cause in self._causes:
            KEPT.labels(self._service, cause).set(found.get(cause, 0))
        return (), None


async def _row(queue: str, delivery: Delivery, db: Session) -> dict[str, Any]:
    message, death = delivery.message, delivery.death
    headers = _own(message.headers)
    diagnosis = await _diagnosed(queue, delivery, db)
    at = death.at if death else datetime.now(UTC)
    bus = _short(death.reason if death else None)
    entry = {"at": at.isoformat(), "what": "died", **diagnosis._asdict(), "bus": bus}
    return {
        **diagnosis._asdict(),
        "queue": queue,
        "fingerprint": _fingerprint(headers, message.body),
        "event_id": _uuid(headers.get("ce-id")),
        "type": _short(headers.get("ce-type")),
        "subject": _short(headers.get("ce-subject")),
        "routing_key": plain(death.routing_key if death else message.routing_key),
        "headers": json.dumps(headers),
        "body": message.body,
        "traceparent": _short(headers.get("traceparent")),
        "at": at,
        "entry": json.dumps(entry),
        "replay": _replay(message.headers.get(AGAIN, "")),
    }


async def _diagnosed(queue: str, delivery: Delivery, db: Session) -> Diagnosis:
    """Say why it is dead: what can't be read is so here too, the rest was written down by who rejected it."""
    message, death = delivery.message, delivery.death
    try:
        event = decode(message.headers, message.body).id
    except UndecodableError as error:
        unknown = isinstance(error, UnknownTypeError)
        return Diagnosis(Cause.UNKNOWN_TYPE if unknown else Cause.UNDECODABLE, plain(str(error)), 1)
    known = (await db.execute(ATTEMPTS, {"queue": queue, "event": event})).first()
    tries = known.tries if known else 0
    if known and known.cause:
        return Diagnosis(known.cause, known.last_error or "", tries)
    if death and death.reason == "delivery_limit":
        return Diagnosis(
            Cause.DELIVERY_LIMIT, "the broker delivered it as often as it may, and nobody settled it", tries
        )
    says = death.reason if death else "nothing"
    return Diagnosis(Cause.UNEXPLAINED, plain(f"this version can read it; the broker says: {says}"), tries)


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that it was sent with at first, in a form that a database takes."""
    sent = {name: value for name, value in headers.items() if name != AGAIN and not name.startswith("x-")}
    return {name.replace("\x00", "\ufffd"): value.replace("\x00", "\ufffd") for name, value in sent.items()}


def _fingerprint(headers: Mapping[str, str], body: bytes) -> bytes:
    """Tell one message from another, also where it has no id or another has the same."""
    return hashlib.sha256(json.dumps(sorted(headers.items())).encode() + b"\n" + body).digest()


def _short(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _replay(again: str) -> int:
    """Return which time it was sent again: 0 for what was not, or by nobody here."""
    count = again.rpartition(".")[2]
    return int(count) if count.isdecimal() and len(count) < 10 else 0
