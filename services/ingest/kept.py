"""What is kept of a request, and how: key, person, request, posts, preparations and events, or nothing of it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.ingest.settings import IngestSettings
from shared.content import Asking, Content, Timing
from shared.events import Brief, Envelope, PostRequested, Requester, body_of, headers_of
from shared.payload import Payload
from shared.telemetry import current_traceparent


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
    said: str | None
    """The payload as canonical JSON: what is hashed is what is kept."""
    hash: str | None


class Call(NamedTuple):
    """A creating call, as far as it is the same when it is repeated."""

    asking: Asking
    body_hash: bytes
    key: str


class RequestRow(NamedTuple):
    """A request, with the key that it came with and the answer that it gets."""

    tool: str
    key: str
    body_hash: bytes
    location: str
    answer: bytes
    person: UUID | None
    name: str | None
    request: UUID
    trust: str
    accepted_at: datetime


class PostRow(NamedTuple):
    """A post."""

    request: UUID
    id: UUID
    ordinal: int
    channel: str
    platform: str
    language: str
    content: str
    about: str
    payload: str | None
    hash: str | None
    publish_at: datetime | None
    zone: str | None
    not_after: datetime | None
    after: UUID | None


class PreparationRow(NamedTuple):
    """A post whose media are missing."""

    request: UUID
    post: UUID
    give_up_at: datetime
    traceparent: str | None


class EventRow(NamedTuple):
    """An event."""

    request: UUID
    key: str
    headers: str
    body: bytes


class KeptEvent(NamedTuple):
    """An event, and its headers once more: the relay sends them as they are."""

    row: EventRow
    headers: dict[str, str]


class Kept(NamedTuple):
    """All that is kept of a call."""

    request: RequestRow
    posts: list[PostRow]
    preparations: list[PreparationRow]
    events: list[KeptEvent]


def kept(
    call: Call,
    planned: Sequence[Planned],
    requester: Requester,
    request: UUID,
    accepted_at: datetime,
    answer: Answer,
    settings: IngestSettings,
) -> Kept:
    """Return what is to be kept of a call."""
    asking, traceparent = call.asking, current_traceparent()
    row = RequestRow(
        requester.tool,
        call.key,
        call.body_hash,
        answer.location,
        answer.body,
        requester.person,
        asking.requested_by,
        request,
        requester.trust.value,
        accepted_at,
    )
    about = asking.about.model_dump_json(exclude_defaults=True)
    missing = [post for post in planned if not post.payload]
    until = give_up_at(asking.timing, settings) if missing else None
    return Kept(
        row,
        [_post(asking, about, request, number, post) for number, post in enumerate(planned, 1)],
        [PreparationRow(request, post.id, until, traceparent) for post in missing] if until else [],
        [_event(asking, request, post, post.payload, traceparent) for post in planned if post.payload],
    )


def give_up_at(timing: Timing, settings: IngestSettings) -> datetime:
    """Return until when media are tried for: while the post can still be in time."""
    return timing.not_after or timing.publish_at or datetime.now(UTC) + timedelta(hours=settings.prepare_give_up_hours)


def _post(asking: Asking, about: str, request: UUID, number: int, post: Planned) -> PostRow:
    timing, brief = asking.timing, post.brief
    return PostRow(
        request,
        post.id,
        number,
        brief.channel,
        brief.platform,
        brief.language,
        post.content.model_dump_json(exclude_defaults=True),
        about,
        post.said,
        post.hash,
        timing.publish_at,
        timing.zone,
        timing.not_after,
        asking.after,
    )


def _event(asking: Asking, request: UUID, post: Planned, payload: Payload, traceparent: str | None) -> KeptEvent:
    event = PostRequested(
        post=post.id,
        payload=payload,
        payload_hash=post.hash or "",
        timing=asking.timing,
        sources=post.content.sources,
        after=asking.after,
        brief=post.brief,
    )
    headers = headers_of(Envelope.of(event, "ingest", traceparent))
    return KeptEvent(EventRow(request, event.routing_key, json.dumps(headers), body_of(event)), headers)
