"""What a video is.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE asset ADD seconds double precision, ADD codec text, ADD rate double precision")


def downgrade() -> None:
    op.execute("ALTER TABLE asset DROP seconds, DROP codec, DROP rate")
