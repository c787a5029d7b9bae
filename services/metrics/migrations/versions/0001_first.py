"""The mailbox, publications, samples, followers and tallies."""

from alembic import op

from shared.mailbox.schema import V1

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in V1:
        op.execute(statement)
    op.execute(
        """
        CREATE TABLE publication (
            post uuid PRIMARY KEY,
            revision integer NOT NULL,
            channel text NOT NULL,
            platform text NOT NULL,
            external_id text NOT NULL,
            permalink text,
            parts text[] NOT NULL,
            published_at timestamptz NOT NULL,
            brief jsonb NOT NULL,
            campaign text,
            latest jsonb NOT NULL DEFAULT '{}'::jsonb,
            measured_at timestamptz,
            due_at timestamptz,
            fence integer NOT NULL DEFAULT 0,
            tries integer NOT NULL DEFAULT 0,
            traceparent text
        )
        """
    )
    op.execute("CREATE INDEX ix_publication_due ON publication (channel, due_at) WHERE due_at IS NOT NULL")
    op.execute("CREATE INDEX ix_publication_campaign ON publication (campaign) WHERE campaign IS NOT NULL")
    op.execute(
        """
        CREATE TABLE sample (
            post uuid NOT NULL,
            taken_at timestamptz NOT NULL,
            metric text NOT NULL,
            value bigint NOT NULL,
            age_seconds bigint NOT NULL,
            PRIMARY KEY (post, taken_at, metric)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE audience (
            channel text PRIMARY KEY,
            due_at timestamptz NOT NULL DEFAULT now(),
            fence integer NOT NULL DEFAULT 0,
            tries integer NOT NULL DEFAULT 0
        )
        """
    )
    op.execute(
        """
        CREATE TABLE follower_count (
            channel text NOT NULL,
            day date NOT NULL,
            count bigint NOT NULL,
            taken_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (channel, day)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE tally (
            day date NOT NULL,
            event text NOT NULL,
            count bigint NOT NULL,
            PRIMARY KEY (day, event)
        )
        """
    )


def downgrade() -> None:
    for table in ("tally", "follower_count", "audience", "sample", "publication", "attempt", "inbox", "outbox"):
        op.execute(f"DROP TABLE {table}")
