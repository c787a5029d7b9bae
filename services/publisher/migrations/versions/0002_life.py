"""A delivery's life: which state may follow which, who moved it and why; holds, pace, blocks and breakers."""

from alembic import op

revision = "0002"
down_revision = "0001"

MOVES = (
    "awaiting>planned awaiting>due awaiting>expired awaiting>cancelled awaiting>failed awaiting>needs_review "
    "planned>awaiting planned>held planned>due planned>expired planned>cancelled planned>failed planned>needs_review "
    "held>awaiting held>planned held>due held>expired held>cancelled held>failed held>needs_review "
    "due>awaiting due>planned due>held due>attempting due>expired due>cancelled due>failed due>needs_review "
    "attempting>published attempting>pending attempting>planned attempting>failed attempting>uncertain "
    "attempting>needs_review pending>attempting pending>expired pending>needs_review "
    "uncertain>attempting uncertain>needs_review "
    "needs_review>published needs_review>planned needs_review>failed "
    "failed>awaiting failed>planned failed>due"
)

UP = (
    """
    ALTER TABLE delivery
        ADD COLUMN facets text[] NOT NULL DEFAULT '{}',
        ADD COLUMN urgency smallint NOT NULL DEFAULT 0,
        ADD COLUMN cost smallint NOT NULL DEFAULT 1,
        ADD COLUMN touched boolean NOT NULL DEFAULT false,
        ADD COLUMN unproven boolean NOT NULL DEFAULT false,
        ADD COLUMN looks integer NOT NULL DEFAULT 0,
        ADD COLUMN absent smallint NOT NULL DEFAULT 0,
        ADD COLUMN tried_at timestamptz,
        ADD COLUMN claimed_by uuid,
        ADD COLUMN moved_by text
    """,
    """
    UPDATE delivery SET touched = true, unproven = state = 'uncertain'
    WHERE coalesce(resume -> 'parts', '[]') <> '[]' OR state = 'uncertain'
    """,
    # Every change of state makes a new row version and an index entry: what is dead is swept early.
    "ALTER TABLE delivery SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)",
    "CREATE INDEX ix_delivery_urgent ON delivery (platform) WHERE state = 'due' AND urgency > 0",
    "CREATE INDEX ix_delivery_state ON delivery (state, post) WHERE state NOT IN ('published', 'awaiting', 'planned')",
    """
    CREATE TABLE transition (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        post uuid NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        was text NOT NULL,
        became text NOT NULL,
        revision integer NOT NULL,
        fence integer NOT NULL,
        moved_by text,
        reason text
    )
    """,
    "CREATE INDEX ix_transition_post ON transition (post)",
    f"""
    CREATE FUNCTION delivery_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT (OLD.state || '>' || NEW.state) = ANY ('{{{",".join(MOVES.split())}}}'::text[]) THEN
            RAISE EXCEPTION 'a delivery never goes from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
        END IF;
        INSERT INTO transition (post, was, became, revision, fence, moved_by, reason)
            VALUES (NEW.post, OLD.state, NEW.state, NEW.revision, NEW.fence, NEW.moved_by, NEW.reason);
        RETURN NULL;
    END $$
    """,  # noqa: S608 - constants
    """
    CREATE TRIGGER delivery_moves AFTER UPDATE ON delivery FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION delivery_moves()
    """,
    """
    CREATE TABLE hold (
        id uuid PRIMARY KEY,
        scope text[] NOT NULL,
        reason text NOT NULL,
        tool text NOT NULL,
        person uuid,
        placed_at timestamptz NOT NULL DEFAULT now(),
        released_at timestamptz,
        released_by text
    )
    """,
    "CREATE INDEX ix_hold_standing ON hold (id) WHERE released_at IS NULL",
    "CREATE TABLE pace (account text, seconds integer, full_at timestamptz NOT NULL, PRIMARY KEY (account, seconds))",
    "CREATE TABLE block (account text PRIMARY KEY, until timestamptz NOT NULL, reason text NOT NULL)",
    """
    CREATE TABLE breaker (
        platform text PRIMARY KEY,
        failures integer NOT NULL DEFAULT 0,
        opened integer NOT NULL DEFAULT 0,
        until timestamptz,
        probing boolean NOT NULL DEFAULT false,
        reason text
    )
    """,
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER delivery_moves ON delivery")
    op.execute("DROP FUNCTION delivery_moves")
    for table in ("breaker", "block", "pace", "hold", "transition"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP INDEX ix_delivery_state")
    op.execute("DROP INDEX ix_delivery_urgent")
    op.execute("ALTER TABLE delivery RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay)")
    columns = (
        "facets",
        "urgency",
        "cost",
        "touched",
        "unproven",
        "looks",
        "absent",
        "tried_at",
        "claimed_by",
        "moved_by",
    )
    op.execute("ALTER TABLE delivery " + ", ".join(f"DROP COLUMN {column}" for column in columns))
