"""What metrics remembers: public posts, every sample of them, followers by day, and how often what happened."""

import datetime as time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.mailbox import add_mailbox


class Base(DeclarativeBase):
    """The tables of metrics."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it off the class
        time.datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        str: Text,
        UUID: Uuid,
    }


class Publication(Base):
    """A post that is public: where it is, what it was for, when it is measured next."""

    __tablename__ = "publication"

    post: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    channel: Mapped[str]
    platform: Mapped[str]
    external_id: Mapped[str]
    permalink: Mapped[str | None]
    parts: Mapped[list[str]]
    """The ids of a thread's posts; the opening one, `external_id`, is what is measured."""
    published_at: Mapped[time.datetime]
    brief: Mapped[dict[str, Any]]
    campaign: Mapped[str | None]
    latest: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    """The last value of each metric, so that sums need not search the samples."""
    measured_at: Mapped[time.datetime | None]
    due_at: Mapped[time.datetime | None]
    """When it is measured next; while it is being measured, when the lease ends."""
    fence: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    traceparent: Mapped[str | None]

    __table_args__ = (
        Index("ix_publication_due", "channel", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_publication_campaign", "campaign", postgresql_where=text("campaign IS NOT NULL")),
    )


class Sample(Base):
    """One metric of one post at one moment; what the platform did not say has no row."""

    __tablename__ = "sample"

    post: Mapped[UUID] = mapped_column(primary_key=True)
    taken_at: Mapped[time.datetime] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    """Paid and unpaid together."""
    organic: Mapped[int | None] = mapped_column(BigInteger)
    """The unpaid share; null where the platform does not tell it apart."""
    age_seconds: Mapped[int] = mapped_column(BigInteger)


class Awaited(Base):
    """One metric that the platform has for a post, but had not yet at that moment; asked for again at the next age."""

    __tablename__ = "awaited"

    post: Mapped[UUID] = mapped_column(primary_key=True)
    taken_at: Mapped[time.datetime] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    age_seconds: Mapped[int] = mapped_column(BigInteger)


class Round(Base):
    """When a question about a channel is asked next: its followers, who they are, what was said to it."""

    __tablename__ = "round"

    act: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[time.datetime] = mapped_column(server_default=func.now())
    """While it is being asked, when the lease ends."""
    fence: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    since: Mapped[time.datetime | None]
    """When the last round began that was answered."""


class Audience(Base):
    """What `round` was before there was more than one question; read by the version before only, and dropped next."""

    __tablename__ = "audience"

    channel: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[time.datetime] = mapped_column(server_default=func.now())
    fence: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")


class FollowerCount(Base):
    """How many followed a channel on a day of its zone; the day's last count."""

    __tablename__ = "follower_count"

    channel: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[time.date] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    taken_at: Mapped[time.datetime] = mapped_column(server_default=func.now())


class People(Base):
    """Who followed a channel on a day of its zone, as far as its platform said."""

    __tablename__ = "people"

    channel: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[time.date] = mapped_column(primary_key=True)
    countries: Mapped[dict[str, Any]]
    ages: Mapped[dict[str, Any]]
    taken_at: Mapped[time.datetime] = mapped_column(server_default=func.now())


class Heard(Base):
    """A reply, mention or quote; after `HEARD_DAYS` its text, author, address and id are erased, and it only counts."""

    __tablename__ = "heard"

    platform: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    """The platform's; once erased, its hash."""
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    """Rises in the order in which they are committed."""
    channels: Mapped[list[str]]
    """Those of ours that it was said to."""
    kind: Mapped[str]
    text: Mapped[str | None]
    author: Mapped[str | None]
    at: Mapped[time.datetime]
    permalink: Mapped[str | None]
    to_id: Mapped[str | None]
    """Our post that it is about, where the platform says which."""
    heard_at: Mapped[time.datetime] = mapped_column(server_default=func.now())
    erased_at: Mapped[time.datetime | None]


Index("ix_heard_erase", Heard.heard_at, postgresql_where=Heard.erased_at.is_(None))


class Tally(Base):
    """How many events of a kind a day (UTC) brought."""

    __tablename__ = "tally"

    day: Mapped[time.date] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class Token(Base):
    """A channel's access token as publisher told it: sealed, and opened in memory only."""

    __tablename__ = "token"

    channel: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[str]
    """Empty once the account was given back."""
    account_id: Mapped[str] = mapped_column(server_default="")
    expires_at: Mapped[time.datetime | None]
    sequence: Mapped[int] = mapped_column(BigInteger)
    """Publisher's sequence number of what it told last."""
    received_at: Mapped[time.datetime] = mapped_column(server_default=func.now())


add_mailbox(Base.metadata)
