"""What policy remembers: one row a post, and every decision ever taken."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.mailbox import add_mailbox

MOMENT = DateTime(timezone=True)
metadata = MetaData()
add_mailbox(metadata)

post = Table(
    "post",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("revision", Integer, nullable=False),
    # Without a payload it is a post that was cancelled before it was heard of.
    Column("payload", JSONB),
    Column("payload_hash", Text),
    Column("trust", Text),
    Column("intact", Boolean),
    Column("publish_at", MOMENT),
    Column("not_after", MOMENT),
    Column("files", JSONB, comment="what Commons said, by title"),
    Column("looked_up_at", MOMENT),
    Column("verdict", Text),
    Column("decision", Uuid),
    Column("valid_until", MOMENT),
    Column("terminal", Text, comment="cancelled, published, failed or expired: nothing is renewed any more"),
    Column("due_at", MOMENT, comment="when the facts are looked at next; while somebody does, when his lease ends"),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("traceparent", Text),
    Column("received_at", MOMENT, nullable=False, server_default=func.now()),
)
Index("ix_post_due_at", post.c.due_at, postgresql_where=post.c.due_at.is_not(None))

decision = Table(
    "decision",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("post", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("pack", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("objections", JSONB, nullable=False),
    Column("valid_until", MOMENT),
    Column("decided_at", MOMENT, nullable=False, server_default=func.now()),
)
Index("ix_decision_post", decision.c.post, decision.c.number)
