"""Organic and awaited figures, rounds of several kinds, who follows, what others say."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE sample ADD COLUMN organic bigint")
    op.execute(
        """
        CREATE TABLE awaited (
            post uuid NOT NULL,
            taken_at timestamptz NOT NULL,
            metric text NOT NULL,
            age_seconds bigint NOT NULL,
            PRIMARY KEY (post, taken_at, metric)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE round (
            act text NOT NULL,
            channel text NOT NULL,
            due_at timestamptz NOT NULL DEFAULT now(),
            fence integer NOT NULL DEFAULT 0,
            tries integer NOT NULL DEFAULT 0,
            since timestamptz,
            PRIMARY KEY (act, channel)
        )
        """
    )
    # The version before goes on counting by `audience`; a day counted by both has the later count.
    op.execute("INSERT INTO round (act, channel, due_at) SELECT 'followers', channel, due_at FROM audience")
    op.execute(
        """
        CREATE TABLE people (
            channel text NOT NULL,
            day date NOT NULL,
            countries jsonb NOT NULL,
            ages jsonb NOT NULL,
            taken_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (channel, day)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE heard (
            platform text NOT NULL,
            id text NOT NULL,
            seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            channels text[] NOT NULL,
            kind text NOT NULL,
            text text,
            author text,
            at timestamptz NOT NULL,
            permalink text,
            to_id text,
            heard_at timestamptz NOT NULL DEFAULT now(),
            erased_at timestamptz,
            PRIMARY KEY (platform, id)
        )
        """
    )
    op.execute("CREATE INDEX ix_heard_erase ON heard (heard_at) WHERE erased_at IS NULL")


def downgrade() -> None:
    for table in ("heard", "people", "round", "awaited"):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE sample DROP COLUMN organic")
