"""What publisher remembers: one row a post, and one a try."""

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
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.channels import Registry, Stance
from shared.mailbox import add_mailbox


class State(StrEnum):
    """Where a delivery is in its life."""

    AWAITING = "awaiting"
    """Requested but not approved, or approved but not requested: whichever comes first waits for the other."""
    PLANNED = "planned"
    HELD = "held"
    DUE = "due"
    ATTEMPTING = "attempting"
    PENDING = "pending"
    """The platform is still at it."""
    UNCERTAIN = "uncertain"
    """A call went out and nobody knows what came of it."""
    NEEDS_REVIEW = "needs_review"
    """Only a person can say what came of it."""
    PUBLISHED = "published"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN = (State.AWAITING, State.PLANNED, State.HELD, State.DUE, State.PENDING, State.UNCERTAIN)
"""States in which `due_at` says when to look again."""
UNTOUCHED = (State.AWAITING, State.PLANNED, State.HELD, State.DUE)
"""States in which nothing is on its way: an edit or a cancel still counts."""
BEGUN = (State.ATTEMPTING, State.PENDING, State.UNCERTAIN)
"""States in which a change waits for proof of what happened."""

MOST_LOOKS = 20
"""Tries after which an unknown outcome is no longer looked up but asked of a person."""
PARTLY_PUBLIC = "coalesce(d.resume -> 'parts', '[]') <> '[]'"
"""In SQL: some of the thread can be seen. It is finished, or a person is asked; no edit and no cancel undoes that."""


def quoted(states: tuple[State, ...]) -> str:
    """Return states as a list in SQL."""
    return ", ".join(f"'{state}'" for state in states)


def open_channels(registry: Registry) -> list[str]:
    """Return the channels that may publish; policy decides what goes out on a limited one (C12)."""
    return [channel.id for channel in registry.channels.values() if channel.stance is not Stance.OFF]


class Base(DeclarativeBase):
    """The tables of publisher."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it off the class
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
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
    published_at: Mapped[datetime | None]

    @property
    def parts(self) -> list[str]:
        """Ids of what is public already of a post that is under way; of `resume`, all that is for others to see."""
        known = self.resume.get("parts", ())
        return [part if isinstance(part, str) else str(part.get("id") or part.get("uri") or "") for part in known]

    __table_args__ = (
        CheckConstraint(f"state IN ({quoted(tuple(State))})", name="ck_delivery_state"),
        Index("ix_delivery_due", "due_at", postgresql_where=text(f"state IN ({quoted(OPEN)})")),
        Index("ix_delivery_published", "channel", "published_at", postgresql_where=text("state = 'published'")),
        Index("ix_delivery_lease", "lease_until", postgresql_where=text("state = 'attempting'")),
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
