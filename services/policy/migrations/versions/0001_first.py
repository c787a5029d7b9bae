"""The mailbox, posts, and decisions that nobody can change."""

from alembic import op

from shared.mailbox.schema import V1

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in V1:
        op.execute(statement)
    op.execute(
        """
        CREATE TABLE post (
            id uuid PRIMARY KEY,
            revision integer NOT NULL,
            payload jsonb,
            payload_hash text,
            trust text,
            intact boolean,
            publish_at timestamptz,
            not_after timestamptz,
            files jsonb,
            looked_up_at timestamptz,
            verdict text,
            decision uuid,
            valid_until timestamptz,
            terminal text,
            due_at timestamptz,
            fence integer NOT NULL DEFAULT 0,
            tries integer NOT NULL DEFAULT 0,
            traceparent text,
            received_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX ix_post_due ON post (due_at) WHERE due_at IS NOT NULL")
    op.execute(
        """
        CREATE TABLE decision (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id uuid NOT NULL UNIQUE,
            post uuid NOT NULL,
            revision integer NOT NULL,
            payload_hash text NOT NULL,
            pack text NOT NULL,
            facts jsonb NOT NULL,
            verdict text NOT NULL,
            objections jsonb NOT NULL,
            valid_until timestamptz,
            decided_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX ix_decision_post ON decision (post, number)")
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'decisions are never changed or removed'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER decision_is_append_only BEFORE UPDATE OR DELETE ON decision
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
        """
    )


def downgrade() -> None:
    for table in ("decision", "post", "attempt", "inbox", "outbox"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION refuse_change()")
