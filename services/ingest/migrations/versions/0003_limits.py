"""What the accounts and instances of channels allow, as publisher read it.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE channel_limits (channel text PRIMARY KEY, limits jsonb NOT NULL, read_at timestamptz NOT NULL)"
    )


def downgrade() -> None:
    op.execute("DROP TABLE channel_limits")
