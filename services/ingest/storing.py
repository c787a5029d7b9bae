"""The one statement by which a request is kept: key, person, request, posts, preparations and events, or nothing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, LargeBinary, Text, Uuid, bindparam, text

from services.ingest.settings import IngestSettings
from shared.content import Asking, Content, Timing
from shared.events import Brief, Envelope, PostRequested, Requester, body_of, headers_of
from shared.payload import Payload
from shared.telemetry import current_traceparent

# Everything hangs on `gate`: it has a row only when the key is new, and waits for whoever uses the same key right now.
ACCEPT = text(
    """
    WITH gate AS (
        INSERT INTO idempotency (tool, key, body_hash, status, location, answer)
        VALUES (:tool, :key, :body_hash, :status, :location, :answer) ON CONFLICT DO NOTHING RETURNING 1
    ), someone AS (
        INSERT INTO person (id, name, expires_at)
        SELECT :person, :name, now() + make_interval(days => :person_days) FROM gate WHERE :name IS NOT NULL
    ), asked AS (
        INSERT INTO request (id, tool, trust, person) SELECT :request, :tool, :trust, :person FROM gate
    ), posts AS (
        INSERT INTO post (id, request_id, ordinal, channel, platform, language, content, about, payload, payload_hash,
            publish_at, zone, not_after, after, ask_at)
        SELECT p.id, :request, p.ordinal, p.channel, p.platform, p.language, p.content::jsonb, cast(:about AS jsonb),
            p.payload::jsonb, p.hash, :publish_at, :zone, :not_after, :after,
            CASE WHEN p.hash IS NOT NULL THEN now() + make_interval(secs => :ask_again) END
        FROM gate, unnest(:ids, :channels, :platforms, :languages, :contents, :payloads, :hashes)
            WITH ORDINALITY AS p (id, channel, platform, language, content, payload, hash, ordinal)
    ), preparations AS (
        INSERT INTO preparation (post_id, revision, give_up_at, traceparent)
        SELECT p.id, 1, :give_up_at, :traceparent FROM gate, unnest(:preparing) AS p (id)
    ), events AS (
        INSERT INTO outbox (routing_key, headers, body)
        SELECT e.key, e.headers::jsonb, e.body
        FROM gate, unnest(:keys, :headers, :bodies) WITH ORDINALITY AS e (key, headers, body, n) ORDER BY n
    )
    SELECT count(*) FROM gate
    """
).bindparams(
    bindparam("person", type_=Uuid),
    bindparam("name", type_=Text),
    bindparam("request", type_=Uuid),
    bindparam("tool", type_=Text),
    bindparam("trust", type_=Text),
    bindparam("about", type_=Text),
    bindparam("publish_at", type_=DateTime(timezone=True)),
    bindparam("zone", type_=Text),
    bindparam("not_after", type_=DateTime(timezone=True)),
    bindparam("after", type_=Uuid),
    bindparam("give_up_at", type_=DateTime(timezone=True)),
    bindparam("traceparent", type_=Text),
    bindparam("ids", type_=ARRAY(Uuid)),
    *(
        bindparam(name, type_=ARRAY(Text))
        for name in ("channels", "platforms", "languages", "contents", "payloads", "hashes", "keys", "headers")
    ),
    bindparam("preparing", type_=ARRAY(Uuid)),
    bindparam("bodies", type_=ARRAY(LargeBinary)),
)


class Planned(NamedTuple):
    """A post about to be kept."""

    id: UUID
    content: Content
    brief: Brief
    payload: Payload | None
    """None while media are missing."""
    hash: str | None


def parameters(
    asking: Asking, planned: Sequence[Planned], requester: Requester, request: UUID, settings: IngestSettings
) -> dict[str, Any]:
    """Return what the statement needs, but for the key and the answer."""
    traceparent = current_traceparent()
    rendered = [(post, post.payload) for post in planned if post.payload]
    events = [_requested(asking, post, payload) for post, payload in rendered]
    envelopes = [Envelope.of(event, "ingest", traceparent) for event in events]
    timing = asking.timing
    return {
        "tool": requester.tool,
        "trust": requester.trust.value,
        "person": requester.person,
        "name": asking.requested_by,
        "person_days": settings.person_days,
        "request": request,
        "about": asking.about.model_dump_json(exclude_defaults=True),
        "publish_at": timing.publish_at,
        "zone": timing.zone,
        "not_after": timing.not_after,
        "after": asking.after,
        "ask_again": settings.ask_again_seconds,
        "ids": [post.id for post in planned],
        "channels": [post.brief.channel for post in planned],
        "platforms": [post.brief.platform for post in planned],
        "languages": [post.brief.language for post in planned],
        "contents": [post.content.model_dump_json(exclude_defaults=True) for post in planned],
        "payloads": [post.payload and post.payload.model_dump_json(exclude_defaults=True) for post in planned],
        "hashes": [post.hash for post in planned],
        "preparing": [post.id for post in planned if not post.payload],
        "give_up_at": give_up_at(timing, settings),
        "traceparent": traceparent,
        "keys": [event.routing_key for event in events],
        "headers": [json.dumps(headers_of(envelope)) for envelope in envelopes],
        "bodies": [body_of(event) for event in events],
    }


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
