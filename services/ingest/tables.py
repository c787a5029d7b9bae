"""What ingest remembers: requests, one row a post, its history, media, and people, who can be erased."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, LargeBinary, MetaData, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.mailbox import add_mailbox


class Base(DeclarativeBase):
    """The tables of this database, the mailbox's included."""

    metadata = MetaData()
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way of saying it
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        str: Text,
        bytes: LargeBinary,
    }


add_mailbox(Base.metadata)


class Request(Base):
    """One call of `POST /v1/requests`: who asked, when."""

    __tablename__ = "request"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tool: Mapped[str]
    trust: Mapped[str]
    person: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Post(Base):
    """One text (or thread) on one channel, in its current revision; its state follows from its history."""

    __tablename__ = "post"
    __table_args__ = (
        Index("ix_post_request_id", "request_id"),
        Index("ix_post_ask_at", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID]
    """No foreign key: one statement keeps both or neither, and checking it would cost a lock a post."""
    ordinal: Mapped[int]
    channel: Mapped[str]
    platform: Mapped[str]
    language: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    """The ETag: counts what ingest itself changed, not what it heard."""
    content: Mapped[dict[str, Any]]
    about: Mapped[dict[str, Any]]
    payload: Mapped[dict[str, Any] | None]
    """None while the revision is being prepared."""
    payload_hash: Mapped[str | None]
    publish_at: Mapped[datetime | None]
    zone: Mapped[str | None]
    not_after: Mapped[datetime | None]
    after: Mapped[UUID | None]
    ask_at: Mapped[datetime | None]
    """When to ask again, unless somebody answered by then."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class History(Base):
    """Something that happened, as its emitter told it; append-only, and it may be here before its post is."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_subject", "subject"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    subject: Mapped[UUID]
    """The post, or the hold, that it is about; no foreign key, for order is not assumed."""
    emitter: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)
    """Counts up per emitter; ingest's own rows have the post's version here."""
    event_id: Mapped[UUID]
    type: Mapped[str]
    revision: Mapped[int]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class LimitsRow(Base):
    """What a channel's account or instance allows, as publisher read it last."""

    __tablename__ = "channel_limits"

    channel: Mapped[str] = mapped_column(primary_key=True)
    limits: Mapped[dict[str, Any]]
    read_at: Mapped[datetime]


class Idempotency(Base):
    """The first answer to a creating call, kept for whoever repeats the call."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("ix_idempotency_created_at", "created_at", postgresql_using="brin"),)

    tool: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes]
    status: Mapped[int]
    location: Mapped[str]
    answer: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Person(Base):
    """The person behind a request: the only place that has the name."""

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    expires_at: Mapped[datetime]


class Upload(Base):
    """A file that a caller announced with its rights, and sent."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_sha256", "sha256"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tool: Mapped[str]
    rights: Mapped[dict[str, Any]]
    sha256: Mapped[str | None] = mapped_column(ForeignKey("asset.sha256"))
    expires_at: Mapped[datetime]
    """Until then its bytes may be sent."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Asset(Base):
    """A file in the media store, as it came; its rights are its upload's, or Commons'."""

    __tablename__ = "asset"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    seconds: Mapped[float | None]
    codec: Mapped[str | None]
    rate: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CommonsFile(Base):
    """What a Commons title led to when it was last fetched."""

    __tablename__ = "commons_file"

    title: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("asset.sha256"))
    rights: Mapped[dict[str, Any]]
    fetched_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Fitting(Base):
    """An original in the form that fits one limit."""

    __tablename__ = "fitting"

    original: Mapped[str] = mapped_column(ForeignKey("asset.sha256"), primary_key=True)
    form: Mapped[str] = mapped_column(primary_key=True)
    """Names the limit: two platforms with the same limit share the form."""
    sha256: Mapped[str]
    type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]


class Preparation(Base):
    """A post whose media are still to be fetched or fitted: claim, call, settle."""

    __tablename__ = "preparation"
    __table_args__ = (Index("ix_preparation_due_at", "due_at"),)

    post_id: Mapped[UUID] = mapped_column(ForeignKey("post.id"), primary_key=True)
    revision: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When to try; while somebody is at it, the end of the lease."""
    give_up_at: Mapped[datetime]
    fence: Mapped[int] = mapped_column(server_default=text("0"))
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    traceparent: Mapped[str | None]
