"""Whom a post is for.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE post ADD audience text NOT NULL DEFAULT 'public'")


def downgrade() -> None:
    op.execute("ALTER TABLE post DROP audience")
