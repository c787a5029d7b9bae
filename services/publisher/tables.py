"""What publisher remembers: one row a post, one a try, one a move; and what stands in the way of all of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.publisher.life import WATCHED, State, quoted
from shared.mailbox import add_mailbox


class Base(DeclarativeBase):
    """The tables of publisher."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it off the class
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        str: Text,
        State: Text,
        UUID: Uuid,
    }


class Delivery(Base):
    """One post on its way to one channel."""

    __tablename__ = "delivery"

    post: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[State] = mapped_column(server_default=State.AWAITING)
    due_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(Integer, server_default="0")
    channel: Mapped[str | None]
    platform: Mapped[str | None]
    payload: Mapped[dict[str, Any] | None]
    payload_hash: Mapped[str | None]
    brief: Mapped[dict[str, Any] | None]
    publish_at: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    after: Mapped[UUID | None]
    traceparent: Mapped[str | None]
    verdict: Mapped[str | None]
    approved_revision: Mapped[int | None]
    approved_hash: Mapped[str | None]
    approved_until: Mapped[datetime | None]
    approval_sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    began_at: Mapped[datetime | None]
    resume: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    waiting: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a change waits for proof: in this row, because who settles reads it in its newest version."""
    reason: Mapped[str | None]
    external_id: Mapped[str | None]
    permalink: Mapped[str | None]
    external_ids: Mapped[list[str]] = mapped_column(server_default="{}")
    """The ids of all that was published, first of all the one that `external_id` is."""
    published_at: Mapped[datetime | None]
    facets: Mapped[list[str]] = mapped_column(server_default="{}")
    """What a hold's scope is compared with: `brand:wikipedia`, `region:BR`; see `facets.py`."""
    urgency: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """2: a crisis, 1: a correction, 0: all else. What is urgent goes first, and waits for no spacing or quiet hours."""
    cost: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """How many posts it is to the platform's quotas: a thread is as many as it has parts."""
    touched: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether something of it may be public: a call that makes it so was answered, or lost."""
    unproven: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the outcome of a try is unknown: it is looked up before anything is sent."""
    looks: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often it was looked up after an outcome that nobody knows."""
    absent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How many of the latest looks in a row found nothing."""
    tried_at: Mapped[datetime | None]
    """When the latest try began that may have made it public."""
    claimed_by: Mapped[UUID | None]
    """The worker that holds it, by a name that it gave itself when it started."""
    moved_by: Mapped[str | None]
    """Who changed the state last; the trigger writes it into `transition`, with the reason."""

    @property
    def parts(self) -> list[str]:
        """Ids of what is public already of a post that is under way; of `resume`, all that is for others to see."""
        known = self.resume.get("parts", ())
        return [part if isinstance(part, str) else str(part.get("id") or part.get("uri") or "") for part in known]

    __table_args__ = (
        CheckConstraint(f"state IN ({quoted(tuple(State))})", name="ck_delivery_state"),
        Index("ix_delivery_due", "due_at", postgresql_where=text(f"state IN ({quoted(WATCHED)})")),
        Index("ix_delivery_published", "channel", "published_at", postgresql_where=text("state = 'published'")),
        Index("ix_delivery_lease", "lease_until", postgresql_where=text("state = 'attempting'")),
        Index("ix_delivery_urgent", "platform", postgresql_where=text("state = 'due' AND urgency > 0")),
        Index(
            "ix_delivery_state",
            "state",
            "post",
            postgresql_where=text("state NOT IN ('published', 'awaiting', 'planned')"),
        ),
    )


class Try(Base):
    """One call to a platform, written down before it began."""

    __tablename__ = "try"

    post: Mapped[UUID] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(Integer, primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    payload_hash: Mapped[str]
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    reason: Mapped[str | None]


class Change(Base):
    """An edit or a cancel that came while a call was under way: it waits for proof."""

    __tablename__ = "change"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    post: Mapped[UUID] = mapped_column(index=True)
    type: Mapped[str]
    event: Mapped[dict[str, Any]]


class Transition(Base):
    """One change of a delivery's state: the trigger `delivery_moves` writes it, whoever made the change."""

    __tablename__ = "transition"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    post: Mapped[UUID] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    was: Mapped[str]
    became: Mapped[str]
    revision: Mapped[int] = mapped_column(Integer)
    fence: Mapped[int] = mapped_column(Integer)
    moved_by: Mapped[str | None]
    reason: Mapped[str | None]


class Hold(Base):
    """Nothing whose facets include all of the scope goes out, until it is released; an empty scope is everything."""

    __tablename__ = "hold"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[list[str]]
    reason: Mapped[str]
    tool: Mapped[str]
    person: Mapped[UUID | None]
    placed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]

    __table_args__ = (Index("ix_hold_standing", "id", postgresql_where=text("released_at IS NULL")),)


class PaceRow(Base):
    """How much of an account's room is used, for each stretch of time that is counted (GCRA; see `pace.py`)."""

    __tablename__ = "pace"

    account: Mapped[str] = mapped_column(primary_key=True)
    seconds: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    full_at: Mapped[datetime]
    """When all room is there again: the theoretical arrival time of the algorithm."""

    posts: Mapped[int | None] = mapped_column(Integer)
    """How many the platform itself says there may be, where it does."""


class ForeignPost(Base):
    """A post on one of our accounts that is not ours: others post there too (C8)."""

    __tablename__ = "foreign_post"

    channel: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    counted: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether it is only known from a quota of which more is used than we know; the id is ours then."""

    __table_args__ = (Index("ix_foreign_post_at", "channel", "at"),)


class Usage(Base):
    """When a channel's platform is asked next what others did there, and how much of a quota is used."""

    __tablename__ = "usage"

    channel: Mapped[str] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    """In a row."""


class Block(Base):
    """A platform said that an account has done enough: until then nothing of it is tried."""

    __tablename__ = "block"

    account: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    reason: Mapped[str]


class Breaker(Base):
    """A platform that fails again and again is left alone for a while, then asked by one post at a time."""

    __tablename__ = "breaker"

    platform: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    """In a row."""
    opened: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often in a row it was opened: each time for longer."""
    until: Mapped[datetime | None]
    """Nothing is tried before."""
    probing: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether one post is asking for all."""
    reason: Mapped[str | None]


class LimitsRow(Base):
    """What a channel's account or instance allows, as it said last, and when it is asked again (`limits.py`)."""

    __tablename__ = "channel_limits"

    channel: Mapped[str] = mapped_column(primary_key=True)
    limits: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    read_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime]
    due_at: Mapped[datetime]
    fence: Mapped[int] = mapped_column(Integer)
    tries: Mapped[int] = mapped_column(Integer)
    """Since the last time that it answered."""


class AccountState(StrEnum):
    """Whether a channel's account lets us in."""

    CONNECTED = "connected"
    EXPIRING = "expiring"
    """It does, but not for long unless its owner acts."""
    RECONNECT = "reconnect"
    """It does not, or will not once its last token is over: its owner must let us in again."""


class Account(Base):
    """What lets us into one channel's account, sealed."""

    __tablename__ = "account"

    channel: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[AccountState] = mapped_column(Text)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The grant; null once it was given back."""
    key_id: Mapped[str | None]
    """The key that it is sealed with."""
    previous: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The grant before it, kept until the new one has worked once."""
    account_id: Mapped[str] = mapped_column(server_default="")
    """The platform's own id of the account."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))
    expires_at: Mapped[datetime | None]
    """When the access token is over."""
    refresh_expires_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    """When the owner must let us in again at the latest, as far as is known."""
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    """Counts grants: who has asked for a new one writes it only over the one that they asked with."""
    fence: Mapped[int] = mapped_column(Integer, server_default="0")
    lease_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    """When the refresher looks next."""
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    reason: Mapped[str | None]
    connected_at: Mapped[datetime] = mapped_column(server_default=func.now())
    refreshed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When the grant was new."""
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When the platform last said whether it lets us in."""

    __table_args__ = (
        CheckConstraint("state IN ('connected', 'expiring', 'reconnect')", name="ck_account_state"),
        Index("ix_account_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )


class Connection(Base):
    """An account's owner has been sent to the platform and is expected back, once and soon."""

    __tablename__ = "connection"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of what the platform sends back with the owner."""
    channel: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """State, PKCE's verifier and the account that is meant."""
    tool: Mapped[str]
    key: Mapped[str]
    """The Idempotency-Key that the tool chose."""
    body_hash: Mapped[str]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("tool", "key", name="uq_connection_tool_key"),
        Index("ix_connection_ends_at", "ends_at"),
    )


add_mailbox(Base.metadata)
