"""Accounts that were connected, sealed, and those that are being connected."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE account (
            channel text PRIMARY KEY,
            state text NOT NULL CONSTRAINT ck_account_state CHECK (state IN ('connected', 'expiring', 'reconnect')),
            sealed bytea,
            key_id text,
            previous bytea,
            account_id text NOT NULL DEFAULT '',
            scopes text[] NOT NULL DEFAULT '{}'::text[],
            expires_at timestamptz,
            refresh_expires_at timestamptz,
            ends_at timestamptz,
            version integer NOT NULL DEFAULT 1,
            fence integer NOT NULL DEFAULT 0,
            lease_until timestamptz,
            due_at timestamptz,
            tries integer NOT NULL DEFAULT 0,
            reason text,
            connected_at timestamptz NOT NULL DEFAULT now(),
            refreshed_at timestamptz NOT NULL DEFAULT now(),
            checked_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX ix_account_due ON account (due_at) WHERE due_at IS NOT NULL")
    op.execute(
        """
        CREATE TABLE connection (
            state_hash text PRIMARY KEY,
            channel text NOT NULL,
            sealed bytea NOT NULL,
            tool text NOT NULL,
            key text NOT NULL,
            body_hash text NOT NULL,
            ends_at timestamptz NOT NULL,
            used_at timestamptz,
            CONSTRAINT uq_connection_tool_key UNIQUE (tool, key)
        )
        """
    )
    op.execute("CREATE INDEX ix_connection_ends_at ON connection (ends_at)")


def downgrade() -> None:
    op.execute("DROP TABLE connection")
    op.execute("DROP TABLE account")
