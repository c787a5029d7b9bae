"""Dead letters are kept, with the cause in a word.

Revision ID: 0003
"""

from alembic import op

from shared.mailbox.schema import DEAD_LETTERS, NO_DEAD_LETTERS

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in DEAD_LETTERS:
        op.execute(statement)


def downgrade() -> None:
    for statement in NO_DEAD_LETTERS:
        op.execute(statement)
