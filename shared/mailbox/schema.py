"""The mailbox's tables, which every service's database has: as DDL for migrations, and as metadata for comparison."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

V1 = (
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        routing_key text NOT NULL,
        headers jsonb NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        retry_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id uuid NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """,
    "CREATE INDEX ix_inbox_received_at ON inbox USING brin (received_at)",
    """
    CREATE TABLE attempt (
        consumer text NOT NULL,
        event_id uuid NOT NULL,
        tries integer NOT NULL,
        last_error text,
        last_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """,
)
"""What a service's first migration executes. A later change is a V2 beside it, executed by a later migration."""


def add_mailbox(metadata: MetaData) -> None:
    """Describe the same tables in a service's metadata, so that a test can compare history and metadata."""
    moment = DateTime(timezone=True)
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("routing_key", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", moment, nullable=False, server_default=func.now()),
        Column("retry_at", moment, nullable=False, server_default=func.now()),
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column("received_at", moment, nullable=False, server_default=func.now()),
    )
    Index("ix_inbox_received_at", inbox.c.received_at, postgresql_using="brin")
    Table(
        "attempt",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column("tries", Integer, nullable=False),
        Column("last_error", Text),
        Column("last_at", moment, nullable=False, server_default=text("now()")),
    )
