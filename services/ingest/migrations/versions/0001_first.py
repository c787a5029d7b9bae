"""The mailbox, requests, posts and their history, media, people.

Revision ID: 0001
"""

from alembic import op

from shared.mailbox.schema import V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE request (
        id uuid PRIMARY KEY,
        tool text NOT NULL,
        trust text NOT NULL,
        person uuid,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE post (
        id uuid PRIMARY KEY,
        request_id uuid NOT NULL,
        ordinal integer NOT NULL,
        channel text NOT NULL,
        platform text NOT NULL,
        language text NOT NULL,
        revision integer NOT NULL DEFAULT 1,
        version integer NOT NULL DEFAULT 1,
        content jsonb NOT NULL,
        about jsonb NOT NULL,
        payload jsonb,
        payload_hash text,
        publish_at timestamptz,
        zone text,
        not_after timestamptz,
        after uuid,
        ask_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        changed_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_post_request_id ON post (request_id)",
    "CREATE INDEX ix_post_ask_at ON post (ask_at) WHERE ask_at IS NOT NULL",
    """
    CREATE TABLE history (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subject uuid NOT NULL,
        emitter text NOT NULL,
        sequence bigint NOT NULL,
        event_id uuid NOT NULL,
        type text NOT NULL,
        revision integer NOT NULL,
        at timestamptz NOT NULL,
        data jsonb NOT NULL
    )
    """,
    "CREATE INDEX ix_history_subject ON history (subject)",
    """
    CREATE TABLE idempotency (
        tool text NOT NULL,
        key text NOT NULL,
        body_hash bytea NOT NULL,
        status integer NOT NULL,
        location text NOT NULL,
        answer bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tool, key)
    )
    """,
    "CREATE INDEX ix_idempotency_created_at ON idempotency USING brin (created_at)",
    """
    CREATE TABLE person (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_person_expires_at ON person (expires_at)",
    """
    CREATE TABLE asset (
        sha256 text PRIMARY KEY,
        type text NOT NULL,
        size bigint NOT NULL,
        width integer,
        height integer,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE upload (
        id uuid PRIMARY KEY,
        tool text NOT NULL,
        rights jsonb NOT NULL,
        sha256 text REFERENCES asset (sha256),
        expires_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_upload_sha256 ON upload (sha256)",
    """
    CREATE TABLE commons_file (
        title text PRIMARY KEY,
        sha256 text NOT NULL REFERENCES asset (sha256),
        rights jsonb NOT NULL,
        fetched_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE fitting (
        original text NOT NULL REFERENCES asset (sha256),
        form text NOT NULL,
        sha256 text NOT NULL,
        type text NOT NULL,
        size bigint NOT NULL,
        width integer NOT NULL,
        height integer NOT NULL,
        PRIMARY KEY (original, form)
    )
    """,
    """
    CREATE TABLE preparation (
        post_id uuid PRIMARY KEY REFERENCES post (id),
        revision integer NOT NULL,
        due_at timestamptz NOT NULL DEFAULT now(),
        give_up_at timestamptz NOT NULL,
        fence integer NOT NULL DEFAULT 0,
        tries integer NOT NULL DEFAULT 0,
        last_error text,
        traceparent text
    )
    """,
    "CREATE INDEX ix_preparation_due_at ON preparation (due_at)",
)
DROPPED = (
    "preparation",
    "fitting",
    "commons_file",
    "upload",
    "asset",
    "person",
    "idempotency",
    "history",
    "post",
    "request",
    "attempt",
    "inbox",
    "outbox",
)


def upgrade() -> None:
    for statement in (*V1, *TABLES):
        op.execute(statement)


def downgrade() -> None:
    for table in DROPPED:
        op.execute(f"DROP TABLE {table}")
