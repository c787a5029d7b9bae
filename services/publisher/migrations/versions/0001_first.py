"""The mailbox, deliveries, tries and waiting changes."""

from alembic import op

from shared.mailbox.schema import V1

revision = "0001"
down_revision = None

OPEN = "('awaiting', 'planned', 'held', 'due', 'pending', 'uncertain')"
STATES = (
    "('awaiting', 'planned', 'held', 'due', 'attempting', 'pending', 'uncertain', 'needs_review', "
    "'published', 'failed', 'expired', 'cancelled')"
)


def upgrade() -> None:
    for statement in V1:
        op.execute(statement)
    op.execute(
        f"""
        CREATE TABLE delivery (
            post uuid PRIMARY KEY,
            state text NOT NULL DEFAULT 'awaiting' CONSTRAINT ck_delivery_state CHECK (state IN {STATES}),
            due_at timestamptz,
            revision integer NOT NULL DEFAULT 0,
            channel text,
            platform text,
            payload jsonb,
            payload_hash text,
            brief jsonb,
            publish_at timestamptz,
            not_after timestamptz,
            after uuid,
            traceparent text,
            verdict text,
            approved_revision integer,
            approved_hash text,
            approved_until timestamptz,
            approval_sequence bigint NOT NULL DEFAULT 0,
            fence integer NOT NULL DEFAULT 0,
            lease_until timestamptz,
            tries integer NOT NULL DEFAULT 0,
            began_at timestamptz,
            resume jsonb NOT NULL DEFAULT '{{}}'::jsonb,
            waiting boolean NOT NULL DEFAULT false,
            reason text,
            external_id text,
            permalink text,
            published_at timestamptz
        )
        """
    )
    op.execute(f"CREATE INDEX ix_delivery_due ON delivery (due_at) WHERE state IN {OPEN}")
    op.execute("CREATE INDEX ix_delivery_lease ON delivery (lease_until) WHERE state = 'attempting'")
    op.execute("CREATE INDEX ix_delivery_published ON delivery (channel, published_at) WHERE state = 'published'")
    op.execute(
        """
        CREATE TABLE try (
            post uuid NOT NULL,
            fence integer NOT NULL,
            revision integer NOT NULL,
            payload_hash text NOT NULL,
            began_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,
            outcome text,
            reason text,
            PRIMARY KEY (post, fence)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE change (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            post uuid NOT NULL,
            type text NOT NULL,
            event jsonb NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_change_post ON change (post)")


def downgrade() -> None:
    for table in ("change", "try", "delivery", "attempt", "inbox", "outbox"):
        op.execute(f"DROP TABLE {table}")
