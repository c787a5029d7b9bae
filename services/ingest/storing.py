"""The one statement by which a request is kept: key, person, request, posts, preparations and events, or nothing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.settings import IngestSettings
from shared.content import Asking, Content, Timing
from shared.events import Brief, Envelope, PostRequested, Requester, body_of, headers_of
from shared.payload import Payload
from shared.telemetry import current_traceparent

# Everything hangs on `gate`: it has a row only when the key is new, and waits for whoever uses the same key right now.
ACCEPT = """
WITH gate AS (
    INSERT INTO idempotency (tool, key, body_hash, status, location, answer)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1
), someone AS (
    INSERT INTO person (id, name, expires_at)
    SELECT $7, $8, now() + make_interval(days => $9) FROM gate WHERE $8::text IS NOT NULL
), asked AS (
    INSERT INTO request (id, tool, trust, person) SELECT $10, $1, $11, $7 FROM gate
), posts AS (
    INSERT INTO post (id, request_id, ordinal, channel, platform, language, content, about, payload, payload_hash,
        publish_at, zone, not_after, after, ask_at)
    SELECT p.id, $10, p.ordinal, p.channel, p.platform, p.language, p.content, $12::jsonb, p.payload, p.hash,
        $13, $14, $15, $16, CASE WHEN p.hash IS NOT NULL THEN now() + make_interval(secs => $17) END
    FROM gate, unnest($18::uuid[], $19::text[], $20::text[], $21::text[], $22::jsonb[], $23::jsonb[], $24::text[])
        WITH ORDINALITY AS p (id, channel, platform, language, content, payload, hash, ordinal)
), preparations AS (
    INSERT INTO preparation (post_id, revision, give_up_at, traceparent)
    SELECT p.id, 1, $26, $27 FROM gate, unnest($25::uuid[]) AS p (id)
), events AS (
    INSERT INTO outbox (routing_key, headers, body)
    SELECT e.key, e.headers, e.body
    FROM gate, unnest($28::text[], $29::jsonb[], $30::bytea[]) WITH ORDINALITY AS e (key, headers, body, n) ORDER BY n
)
SELECT count(*) FROM gate
"""
"""The parameters are `Kept`, in the order of its fields."""


class Kept(NamedTuple):
    """What the statement keeps."""

    tool: str
    key: str
    body_hash: bytes
    status: int
    location: str
    answer: bytes
    person: UUID | None
    name: str | None
    person_days: int
    request: UUID
    trust: str
    about: str
    publish_at: datetime | None
    zone: str | None
    not_after: datetime | None
    after: UUID | None
    ask_again: float
    ids: list[UUID]
    channels: list[str]
    platforms: list[str]
    languages: list[str]
    contents: list[str]
    payloads: list[str | None]
    hashes: list[str | None]
    preparing: list[UUID]
    give_up_at: datetime
    traceparent: str | None
    keys: list[str]
    headers: list[str]
    bodies: list[bytes]


class Answer(NamedTuple):
    """What a creating call is answered, now or again."""

    status: int
    location: str
    body: bytes
    replayed: bool = False


class Planned(NamedTuple):
    """A post about to be kept."""

    id: UUID
    content: Content
    brief: Brief
    payload: Payload | None
    """None while media are missing."""
    hash: str | None


class Call(NamedTuple):
    """A creating call, as far as it is the same when it is repeated."""

    asking: Asking
    body_hash: bytes
    key: str


def kept(
    call: Call,
    planned: Sequence[Planned],
    requester: Requester,
    request: UUID,
    answer: Answer,
    settings: IngestSettings,
) -> Kept:
    """Return what is to be kept of a call."""
    asking, timing, traceparent = call.asking, call.asking.timing, current_traceparent()
    events = [_requested(asking, post, post.payload) for post in planned if post.payload]
    envelopes = [Envelope.of(event, "ingest", traceparent) for event in events]
    return Kept(
        tool=requester.tool,
        key=call.key,
        body_hash=call.body_hash,
        status=answer.status,
        location=answer.location,
        answer=answer.body,
        person=requester.person,
        name=asking.requested_by,
        person_days=settings.person_days,
        request=request,
        trust=requester.trust.value,
        about=asking.about.model_dump_json(exclude_defaults=True),
        publish_at=timing.publish_at,
        zone=timing.zone,
        not_after=timing.not_after,
        after=asking.after,
        ask_again=settings.ask_again_seconds,
        ids=[post.id for post in planned],
        channels=[post.brief.channel for post in planned],
        platforms=[post.brief.platform for post in planned],
        languages=[post.brief.language for post in planned],
        contents=[post.content.model_dump_json(exclude_defaults=True) for post in planned],
        payloads=[_json(post.payload) for post in planned],
        hashes=[post.hash for post in planned],
        preparing=[post.id for post in planned if not post.payload],
        give_up_at=give_up_at(timing, settings),
        traceparent=traceparent,
        keys=[event.routing_key for event in events],
        headers=[json.dumps(headers_of(envelope)) for envelope in envelopes],
        bodies=[body_of(event) for event in events],
    )


def _json(payload: Payload | None) -> str | None:
    return payload.model_dump_json(exclude_defaults=True) if payload else None


DRIVERS_OWN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def keep_all(engine: AsyncEngine, what: Kept) -> bool:
    """Keep everything and return True; False when the key was there before. One round trip, committed by itself.

    It goes to the driver directly: the statement's thirty parameters cost SQLAlchemy more than the rest of the call.
    """
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        try:
            return bool(await driver.fetchval(ACCEPT, *what))
        except BaseException as error:
            # The pool does not see what goes past it: a connection that may be broken must not go back.
            await connection.invalidate()
            if isinstance(error, DRIVERS_OWN):
                raise DBAPIError(None, None, error, connection_invalidated=True) from error
            raise


def give_up_at(timing: Timing, settings: IngestSettings) -> datetime:
    """Return until when media are tried for: while the post can still be in time."""
    return timing.not_after or timing.publish_at or datetime.now(UTC) + timedelta(hours=settings.prepare_give_up_hours)


def _requested(asking: Asking, post: Planned, payload: Payload) -> PostRequested:
    return PostRequested(
        post=post.id,
        payload=payload,
        payload_hash=post.hash or "",
        timing=asking.timing,
        sources=post.content.sources,
        after=asking.after,
        brief=post.brief,
    )
