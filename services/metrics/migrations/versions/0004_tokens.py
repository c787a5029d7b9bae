"""Access tokens that publisher tells, sealed."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE token (
            channel text PRIMARY KEY,
            sealed text NOT NULL,
            account_id text NOT NULL DEFAULT '',
            expires_at timestamptz,
            sequence bigint NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE token")
