"""What platforms say of their quotas, and posts that others made on our accounts."""

from alembic import op

revision = "0006"
down_revision = "0005"

UP = (
    # As the platform says, where it does; else the process says it with each claim.
    "ALTER TABLE pace ADD COLUMN posts integer",
    "ALTER TABLE delivery ADD COLUMN external_ids text[] NOT NULL DEFAULT '{}'",
    """
    CREATE TABLE foreign_post (
        channel text NOT NULL,
        external_id text NOT NULL,
        at timestamptz NOT NULL,
        counted boolean NOT NULL DEFAULT false,
        PRIMARY KEY (channel, external_id)
    )
    """,
    "CREATE INDEX ix_foreign_post_at ON foreign_post (channel, at)",
    """
    CREATE TABLE usage (
        channel text PRIMARY KEY,
        fence integer NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL DEFAULT now(),
        failures integer NOT NULL DEFAULT 0
    )
    """,
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE usage")
    op.execute("DROP TABLE foreign_post")
    op.execute("ALTER TABLE delivery DROP COLUMN external_ids")
    op.execute("ALTER TABLE pace DROP COLUMN posts")
