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
    UniqueConstraint,
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
"""What a service's first migration executes. A later change stands beside it, executed by a later migration."""

DEAD_LETTERS = (
    "ALTER TABLE attempt ADD COLUMN cause text",
    """
    CREATE TABLE dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        queue text NOT NULL,
        fingerprint bytea NOT NULL,
        event_id uuid,
        type text,
        subject text,
        routing_key text NOT NULL,
        headers jsonb NOT NULL,
        body bytea NOT NULL,
        traceparent text,
        cause text NOT NULL,
        reason text NOT NULL,
        attempts integer NOT NULL,
        first_died_at timestamptz NOT NULL,
        died_at timestamptz NOT NULL,
        times integer NOT NULL DEFAULT 1,
        state text NOT NULL DEFAULT 'kept',
        replays integer NOT NULL DEFAULT 0,
        acted_by text,
        acted_at timestamptz,
        history jsonb NOT NULL,
        UNIQUE (queue, fingerprint)
    )
    """,
    "CREATE INDEX ix_dead_letter_event ON dead_letter (queue, event_id)",
    "CREATE INDEX ix_dead_letter_kept ON dead_letter (cause, type) WHERE state = 'kept'",
)
"""Where dead letters are kept until a person decides, and in `attempt` the cause in a word."""

NO_DEAD_LETTERS = ("DROP TABLE dead_letter", "ALTER TABLE attempt DROP COLUMN cause")
"""What takes that back."""


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
        Column("cause", Text),
    )
    _add_dead_letters(metadata, moment)


def _add_dead_letters(metadata: MetaData, moment: DateTime) -> None:
    letter = Table(
        "dead_letter",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("queue", Text, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("event_id", Uuid),
        Column("type", Text),
        Column("subject", Text),
        Column("routing_key", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("traceparent", Text),
        Column("cause", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("first_died_at", moment, nullable=False),
        Column("died_at", moment, nullable=False),
        Column("times", Integer, nullable=False, server_default=text("1")),
        Column("state", Text, nullable=False, server_default=text("'kept'")),
        Column("replays", Integer, nullable=False, server_default=text("0")),
        Column("acted_by", Text),
        Column("acted_at", moment),
        Column("history", JSONB, nullable=False),
        UniqueConstraint("queue", "fingerprint"),
    )
    Index("ix_dead_letter_event", letter.c.queue, letter.c.event_id)
    Index("ix_dead_letter_kept", letter.c.cause, letter.c.type, postgresql_where=text("state = 'kept'"))
