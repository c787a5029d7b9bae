"""What policy remembers: one row a post, and every decision ever taken."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.mailbox import add_mailbox


class Base(DeclarativeBase):
    """The tables of policy."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it off the class
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
        str: Text,
        UUID: Uuid,
    }


class Post(Base):
    """A post as it was last asked for, what is known about it, and what policy last said."""

    __tablename__ = "post"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    payload: Mapped[dict[str, Any] | None]
    """None while only a later event has been heard of: a cancel that came before the request."""
    payload_hash: Mapped[str | None]
    trust: Mapped[str | None]
    audience: Mapped[str] = mapped_column(server_default="public")
    intact: Mapped[bool | None]
    publish_at: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    files: Mapped[dict[str, Any] | None]
    """What Commons said about its files, by title."""
    looked_up_at: Mapped[datetime | None]
    verdict: Mapped[str | None]
    decision: Mapped[UUID | None]
    valid_until: Mapped[datetime | None]
    terminal: Mapped[str | None]
    """cancelled, published, failed or expired: nothing is renewed any more."""
    due_at: Mapped[datetime | None]
    """When the facts are looked at next; while somebody does, when the lease ends."""
    fence: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    traceparent: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_post_due", "due_at", postgresql_where="due_at IS NOT NULL"),)


class Decision(Base):
    """One verdict with all that it rests on; rows are never changed, a trigger sees to it."""

    __tablename__ = "decision"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    post: Mapped[UUID]
    revision: Mapped[int]
    payload_hash: Mapped[str]
    pack: Mapped[str]
    facts: Mapped[dict[str, Any]]
    verdict: Mapped[str]
    objections: Mapped[list[dict[str, Any]]]
    valid_until: Mapped[datetime | None]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_decision_post", "post", "number"),)


add_mailbox(Base.metadata)
