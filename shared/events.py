"""What travels: every event of Carillon, who hears it, and its form on the wire (CloudEvents 1.0, binary mode)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID, uuid4

from pydantic import ValidationError

from shared.content import About, Language, Source, Timing
from shared.model import Travelling
from shared.payload import Payload

PREFIX = "org.wikimedia.carillon."
VERSION = ".v1"


class Event(Travelling):
    """Something that happened; subclasses are the kinds, `name` and `heard_by` say what and who cares."""

    name: ClassVar[str]
    heard_by: ClassVar[tuple[str, ...]]

    @property
    def subject(self) -> str:
        """What the event is about: a post's id, a hold's id or a channel."""
        raise NotImplementedError

    @property
    def routing_key(self) -> str:
        """The address on the bus, by which queues choose."""
        return self.name


class PostEvent(Event):
    """Something that happened to one revision of one post."""

    post: UUID
    revision: int = 1

    @property
    def subject(self) -> str:
        """The post's id."""
        return str(self.post)


class Trust(StrEnum):
    """Whether policy may approve what this caller asks for, or the team reviews it first (C46)."""

    TEAM = "team"
    GUEST = "guest"


class Requester(Travelling):
    """Who asked: the tool by its token, the person by an id that means nothing elsewhere."""

    tool: str
    person: UUID | None = None
    trust: Trust = Trust.GUEST


class Brief(Travelling):
    """What everybody down the line may want to know about a post, besides what is said in it."""

    request: UUID
    channel: str
    platform: str
    language: Language = "en"
    about: About = About()
    requester: Requester
    accepted_at: datetime | None = None
    """When the request was accepted; None in what was sent before this was told."""


class Objection(Travelling):
    """Why policy does not approve, where, and what would help."""

    rule: str
    clause: str
    place: str
    """A JSON pointer into the payload, such as `/pieces/0/media/1/alt`."""
    message: str
    remedy: str


class PostRequested(PostEvent):
    """A post, or a new revision of it, is asked for in its final form."""

    name = "post.requested"
    heard_by = ("policy", "publisher")
    payload: Payload
    payload_hash: str
    timing: Timing = Timing()
    sources: tuple[Source, ...] = ()
    after: UUID | None = None
    brief: Brief


class PostCancelled(PostEvent):
    """A post is no longer wanted."""

    name = "post.cancelled"
    heard_by = ("policy", "publisher")
    reason: str = ""
    requester: Requester


class PostApproved(PostEvent):
    """Policy approves exactly this payload, for a while."""

    name = "post.approved"
    heard_by = ("publisher", "ingest")
    payload_hash: str
    valid_until: datetime
    pack: str
    decision: UUID
    renewed: bool = False
    warnings: tuple[Objection, ...] = ()


class PostRefused(PostEvent):
    """Policy refuses the payload, or takes its approval back."""

    name = "post.refused"
    heard_by = ("publisher", "ingest")
    payload_hash: str
    pack: str
    decision: UUID
    objections: tuple[Objection, ...]


class PostReviewRequested(PostEvent):
    """Policy cannot decide alone: a person is asked."""

    name = "post.review_requested"
    heard_by = ("publisher", "ingest")
    payload_hash: str
    pack: str
    decision: UUID
    objections: tuple[Objection, ...]


class PostScheduled(PostEvent):
    """An approved post has its time."""

    name = "post.scheduled"
    heard_by = ("ingest", "metrics")
    due_at: datetime


class PostDue(PostEvent):
    """A post's time has come: whoever works for its platform looks at its row."""

    name = "post.due"
    heard_by = ()
    platform: str

    @property
    def routing_key(self) -> str:
        """One address a platform: each has its own queue and its own workers."""
        return f"{self.name}.{self.platform}"


class PostPublished(PostEvent):
    """The platform shows the post."""

    name = "post.published"
    heard_by = ("ingest", "metrics", "policy")
    payload_hash: str
    external_id: str
    permalink: str | None = None
    published_at: datetime
    parts: tuple[str, ...] = ()
    """The ids of a thread's posts, the opening one first."""
    unsaid: str | None = None
    """Why the first comment is missing, or may be: a person sees to it. None where all was said."""
    brief: Brief


class PostFailed(PostEvent):
    """The post is not published, for certain, and will not be without a person."""

    name = "post.failed"
    heard_by = ("ingest", "metrics", "policy")
    remedy: str
    reason: str


class PostUncertain(PostEvent):
    """A call went out and its outcome is not known yet; it is being looked up."""

    name = "post.uncertain"
    heard_by = ("ingest", "metrics")
    reason: str
    needs_person: bool = False


class PostHeld(PostEvent):
    """A due post waits: a hold covers it, or its channel's stance."""

    name = "post.held"
    heard_by = ("ingest", "metrics")
    reason: str


class PostExpired(PostEvent):
    """The post's time ran out before it could go: it will not be late."""

    name = "post.expired"
    heard_by = ("ingest", "metrics", "policy")
    reason: str


class Change(StrEnum):
    """What a caller may want of a post that publisher already has."""

    REVISION = "revision"
    CANCEL = "cancel"


class Settlement(StrEnum):
    """Whether a change came in time."""

    APPLIED = "applied"
    TOO_LATE = "too_late"


class PostChangeSettled(PostEvent):
    """An edit or a cancel is answered: it holds, or the post was already on its way."""

    name = "post.change_settled"
    heard_by = ("ingest", "metrics")
    change: Change
    settlement: Settlement


class PostMeasured(PostEvent):
    """A published post has new numbers; what the platform did not say is absent, never zero."""

    name = "post.measured"
    heard_by = ("ingest",)
    measured_at: datetime
    age_seconds: int
    values: Mapping[str, int]


class HoldEvent(Event):
    """Something that happened to a hold."""

    hold: UUID

    @property
    def subject(self) -> str:
        """The hold's id."""
        return str(self.hold)


class HoldPlaced(HoldEvent):
    """Nothing in this scope goes out until further notice; an empty scope is everything."""

    name = "hold.placed"
    heard_by = ("policy", "ingest")
    scope: Mapping[str, str] = {}
    reason: str
    person: UUID | None = None


class HoldReleased(HoldEvent):
    """A hold no longer holds."""

    name = "hold.released"
    heard_by = ("policy", "ingest")
    person: UUID | None = None


class AccountRefreshed(Event):
    """An account's access token, sealed so that only metrics can open it: new, or told again now and then."""

    name = "account.refreshed"
    heard_by = ("metrics",)
    channel: str
    sealed_token: str
    """Empty: the account was given back, and there is none any more."""
    expires_at: datetime | None = None
    account_id: str = ""
    """The platform's own id of the account, where its calls need one."""

    @property
    def subject(self) -> str:
        """The channel whose account it is."""
        return self.channel


class ChannelLimits(Event):
    """A channel's account, or its instance, was asked what it allows; all of it is told each time."""

    name = "channel.limits"
    heard_by = ("ingest",)
    channel: str
    limits: Mapping[str, int]
    """By the keys of `Spec.adjusted`; what is not here is as the platform has it for all."""
    read_at: datetime

    @property
    def subject(self) -> str:
        """The channel."""
        return self.channel


EVENTS: tuple[type[Event], ...] = (
    PostRequested,
    PostCancelled,
    PostApproved,
    PostRefused,
    PostReviewRequested,
    PostScheduled,
    PostDue,
    PostPublished,
    PostFailed,
    PostUncertain,
    PostHeld,
    PostExpired,
    PostChangeSettled,
    PostMeasured,
    HoldPlaced,
    HoldReleased,
    AccountRefreshed,
    ChannelLimits,
)
BY_TYPE: Mapping[str, type[Event]] = {PREFIX + event.name + VERSION: event for event in EVENTS}


class UndecodableError(Exception):
    """The message is not an event that this version can read."""


class UnknownTypeError(UndecodableError):
    """The message says that it is an event of a type that this version does not have."""


class Envelope(NamedTuple):
    """An event on its way, with all that CloudEvents says about one."""

    event: Event
    id: UUID
    source: str
    """The service that emits it."""
    time: datetime
    sequence: int = 0
    """Counts up per emitter; consumers keep the greatest of each emitter and post."""
    traceparent: str | None = None

    @classmethod
    def of(cls, event: Event, source: str, traceparent: str | None = None) -> Self:
        """Wrap a new event; its sequence number is given when it is stored."""
        return cls(event, uuid4(), source, datetime.now(UTC), 0, traceparent)


def type_of(event: Event) -> str:
    """Return the CloudEvents type, such as `org.wikimedia.carillon.post.requested.v1`."""
    return PREFIX + event.name + VERSION


def headers_of(envelope: Envelope) -> dict[str, str]:
    """Return the CloudEvents attributes as AMQP headers (`ce-` as its RabbitMQ binding writes them)."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(envelope.id),
        "ce-type": type_of(envelope.event),
        "ce-source": f"/carillon/{envelope.source}",
        "ce-subject": envelope.event.subject,
        "ce-time": envelope.time.isoformat(),
        "ce-sequence": str(envelope.sequence),
    }
    if envelope.traceparent:
        headers["traceparent"] = envelope.traceparent
    return headers


def body_of(event: Event) -> bytes:
    """Return the event as JSON."""
    return event.__pydantic_serializer__.to_json(event, exclude_defaults=False)


def decode(headers: Mapping[str, Any], body: bytes) -> Envelope:
    """Read an event back; raises UndecodableError, whose text says what is wrong with it."""
    try:
        if (kind := BY_TYPE.get(headers["ce-type"])) is None:
            raise UnknownTypeError(f"unknown type: {headers['ce-type']!s:.200}")
        return Envelope(
            event=kind.model_validate_json(body, extra="ignore"),
            id=UUID(headers["ce-id"]),
            source=headers["ce-source"].rpartition("/")[2],
            time=datetime.fromisoformat(headers["ce-time"]),
            sequence=int(headers["ce-sequence"]),
            traceparent=headers.get("traceparent"),
        )
    except KeyError as missing:
        raise UndecodableError(f"missing header: {missing}") from missing
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['type']}" for e in error.errors()[:5])
        raise UndecodableError(f"body does not fit {headers['ce-type']}: {wrong}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UndecodableError(f"a header cannot be read: {error}") from error
