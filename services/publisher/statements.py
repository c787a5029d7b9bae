"""The statements that write what publisher hears into a post's one row."""

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher.gates import HOLDS
from services.publisher.life import BEGUN, UNTOUCHED, State, quoted

CHANNELS = bindparam("ready_channels", type_=ARRAY(Text))
READY = f"""{{0}}.publish_at <= now() AND {{0}}.not_after > now() AND {{0}}.after IS NULL
    AND {{0}}.channel = ANY(:ready_channels) AND NOT {HOLDS}"""
"""In SQL: when it is planned, the post can go out. It is announced at once then; the scheduler announces all others."""
LATER = "now() + make_interval(secs => :rewake)"
"""In SQL: when a post is announced again unless somebody has claimed it."""
AGREED = (
    "d.verdict = 'approved' AND d.approved_hash = excluded.payload_hash AND d.approved_revision = excluded.revision"
)
APPROVED = """excluded.verdict = 'approved' AND d.state = 'awaiting' AND d.payload_hash = excluded.approved_hash
    AND d.revision = excluded.approved_revision"""

# A request and its approval come in any order, perhaps to two replicas at once. Both write the post's one row, so the
# second of them always sees the first, and whichever that is plans the post.
REQUEST = text(
    f"""
    INSERT INTO delivery AS d (
        post, revision, state, due_at, channel, platform, payload, payload_hash, brief, publish_at, not_after, after,
        traceparent, facets, urgency, cost, moved_by
    ) VALUES (
        :post, :revision, 'awaiting', coalesce(:not_after, coalesce(:publish_at, now()) + interval '2 hours'),
        :channel, :platform, :payload, :payload_hash, :brief, coalesce(:publish_at, now()),
        coalesce(:not_after, coalesce(:publish_at, now()) + interval '2 hours'), :after, :traceparent,
        :facets, :urgency, :cost, 'planner'
    )
    ON CONFLICT (post) DO UPDATE SET
        revision = excluded.revision, channel = excluded.channel, platform = excluded.platform,
        payload = excluded.payload, payload_hash = excluded.payload_hash, brief = excluded.brief,
        publish_at = excluded.publish_at, not_after = excluded.not_after, after = excluded.after,
        traceparent = excluded.traceparent, facets = excluded.facets, urgency = excluded.urgency, cost = excluded.cost,
        tries = 0, looks = 0, absent = 0, began_at = NULL, resume = '{{}}'::jsonb, reason = NULL, moved_by = 'planner',
        state = CASE WHEN {AGREED} THEN CASE WHEN {READY.format("excluded")} THEN 'due' ELSE 'planned' END
            ELSE 'awaiting' END,
        due_at = CASE WHEN {AGREED} THEN CASE WHEN {READY.format("excluded")} THEN {LATER} ELSE excluded.publish_at END
            ELSE excluded.not_after END
    WHERE d.revision < excluded.revision
        AND d.state IN ({quoted((*UNTOUCHED, State.FAILED))}) AND NOT d.touched
    RETURNING post, state, revision, due_at, platform
    """  # noqa: S608 - constants
).bindparams(CHANNELS, bindparam("facets", type_=ARRAY(Text)))

JUDGE = text(
    f"""
    INSERT INTO delivery AS d (post, verdict, approved_revision, approved_hash, approved_until, approval_sequence)
    VALUES (:post, :verdict, :revision, :hash, :until, :sequence)
    ON CONFLICT (post) DO UPDATE SET
        verdict = excluded.verdict, approved_revision = excluded.approved_revision,
        approved_hash = excluded.approved_hash, approved_until = excluded.approved_until,
        approval_sequence = excluded.approval_sequence, moved_by = 'planner',
        state = CASE
            WHEN {APPROVED} THEN CASE WHEN {READY.format("d")} THEN 'due' ELSE 'planned' END
            WHEN excluded.verdict <> 'approved' AND d.state IN ({quoted(UNTOUCHED)}) THEN 'awaiting'
            ELSE d.state END,
        due_at = CASE
            WHEN {APPROVED} THEN CASE WHEN {READY.format("d")} THEN {LATER} ELSE d.publish_at END
            WHEN excluded.verdict <> 'approved' AND d.state IN ({quoted(UNTOUCHED)}) THEN d.not_after
            WHEN d.state = 'due' THEN now()  -- whoever was woken may have found the approval before this one ended
            ELSE d.due_at END
    WHERE d.approval_sequence < excluded.approval_sequence AND (d.revision = excluded.approved_revision
        OR d.revision < excluded.approved_revision AND d.state NOT IN ({quoted(BEGUN)}) AND NOT d.touched)
    RETURNING post, state, revision, due_at, platform
    """  # noqa: S608 - constants
).bindparams(CHANNELS)

CANCEL = text(
    f"""
    UPDATE delivery d SET state = 'cancelled', due_at = NULL, reason = :reason, moved_by = :by
    WHERE post = :post AND state IN ({quoted(UNTOUCHED)}) AND NOT touched RETURNING state
    """  # noqa: S608 - constants
)
LOOK = text("SELECT state, revision FROM delivery WHERE post = :post FOR UPDATE")
REFUSE_FORM = text(
    "UPDATE delivery SET state = 'failed', due_at = NULL, reason = :reason, moved_by = 'planner' WHERE post = :post"
)
WAIT = text(
    """
    WITH noted AS (UPDATE delivery SET waiting = true WHERE post = :post)
    INSERT INTO change (post, type, event) VALUES (:post, :type, :event)
    """
).bindparams(bindparam("event", type_=JSONB))
WAITED = text(
    """
    WITH noted AS (UPDATE delivery SET waiting = false WHERE post = :post)
    DELETE FROM change WHERE post = :post RETURNING id, type, event
    """
)
STUB = text(
    "INSERT INTO delivery (post, revision, state) VALUES (:post, :revision, 'cancelled') ON CONFLICT DO NOTHING"
)
