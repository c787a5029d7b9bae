"""What the accounts and instances of channels allow, as they said last."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE channel_limits (
            channel text PRIMARY KEY,
            limits jsonb NOT NULL DEFAULT '{}',
            read_at timestamptz,
            claimed_at timestamptz NOT NULL,
            due_at timestamptz NOT NULL,
            fence integer NOT NULL,
            tries integer NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE channel_limits")
