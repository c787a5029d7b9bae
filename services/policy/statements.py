"""The statements that change a post's row; few, for every event pays for each.

Until when an approval is valid, and when the facts are looked at next:

- a post that is due later than the lead: until `publish_at`, looked at again the lead before; without that look it does
  not go out
- a post that is due: for the time of an approval from now, looked at again the lead before it ends
- never beyond `not_after`, and no more looks once it reaches that far
"""

from sqlalchemy import text

UNTIL = """
    least(CASE WHEN publish_at - CAST(:lead AS interval) > now() THEN publish_at
          ELSE now() + CAST(:approval AS interval) END, not_after)
"""
RECEIVE = text(
    f"""
    WITH asked AS (
        SELECT *, CASE WHEN CAST(:verdict AS text) = 'approved' THEN {UNTIL} END AS until
        FROM (SELECT CAST(:publish_at AS timestamptz) AS publish_at, CAST(:not_after AS timestamptz) AS not_after) AS t
    ), stored AS (
        INSERT INTO post AS p (id, revision, payload, payload_hash, trust, audience, intact, traceparent, verdict,
                               decision, publish_at, not_after, valid_until, due_at)
        SELECT :post, :revision, CAST(:payload AS jsonb), :hash, :trust, :audience, :intact, :traceparent, :verdict,
               :decision, publish_at, not_after, until,
               CASE WHEN CAST(:verdict AS text) IS NULL THEN now()
                    WHEN not_after IS NULL OR until < not_after THEN until - CAST(:lead AS interval) END
        FROM asked
        ON CONFLICT (id) DO UPDATE SET
            revision = excluded.revision, payload = excluded.payload, payload_hash = excluded.payload_hash,
            trust = excluded.trust, audience = excluded.audience, intact = excluded.intact,
            traceparent = excluded.traceparent,
            verdict = excluded.verdict, decision = excluded.decision, publish_at = excluded.publish_at,
            not_after = excluded.not_after, valid_until = excluded.valid_until, due_at = excluded.due_at,
            files = NULL, looked_up_at = NULL, terminal = NULL, tries = 0, fence = p.fence + 1
        WHERE p.revision < excluded.revision AND coalesce(p.terminal, '') NOT IN ('cancelled', 'published')
        RETURNING id, valid_until
    ), logged AS (
        INSERT INTO decision (id, post, revision, payload_hash, pack, facts, verdict, objections, valid_until)
        SELECT :decision, :post, :revision, :hash, :pack, CAST(:facts AS jsonb), :verdict, CAST(:objections AS jsonb),
               valid_until
        FROM stored WHERE CAST(:decision AS uuid) IS NOT NULL
    )
    SELECT id AS post, valid_until FROM stored
    """  # noqa: S608 - put together from constants; every value is bound
)
# Locked, so that an answer told again never overtakes a newer one: whoever decides next waits, and is numbered later.
ANSWERED = text(
    """
    SELECT d.id, d.revision, d.payload_hash, d.pack, d.verdict, d.objections::text AS objections, p.valid_until
    FROM post AS p JOIN decision AS d ON d.id = p.decision
    WHERE p.id = :post AND p.revision = :revision AND p.terminal IS NULL FOR UPDATE OF p
    """
)
CLAIM = text(
    """
    WITH due AS (
        SELECT id FROM post WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE post AS p SET fence = fence + 1, due_at = now() + CAST(:lease AS interval)
    FROM due WHERE p.id = due.id
    RETURNING p.id, p.revision, p.payload::text AS payload, p.payload_hash, p.trust, p.audience, p.intact,
              p.files::text AS files,
              extract(epoch FROM now() - p.looked_up_at)::float AS age, p.verdict, p.fence, p.tries, p.traceparent
    """
)
NEXT = text("SELECT extract(epoch FROM min(due_at) - now())::float FROM post WHERE due_at IS NOT NULL")
JUDGED = text(
    f"""
    WITH asked AS (
        SELECT id, not_after, CASE WHEN :verdict = 'approved' THEN {UNTIL} END AS until
        FROM post WHERE id = :post AND fence = :fence FOR UPDATE
    ), kept AS (
        UPDATE post AS p SET verdict = :verdict, decision = :decision, tries = 0,
            files = CAST(:files AS jsonb),
            looked_up_at = CASE WHEN :fresh THEN now() ELSE looked_up_at END, valid_until = until,
            due_at = CASE WHEN a.not_after IS NULL OR until < a.not_after THEN until - CAST(:lead AS interval) END
        FROM asked AS a WHERE p.id = a.id
        RETURNING p.revision, p.payload_hash, p.valid_until
    ), logged AS (
        INSERT INTO decision (id, post, revision, payload_hash, pack, facts, verdict, objections, valid_until)
        SELECT :decision, :post, revision, payload_hash, :pack, CAST(:facts AS jsonb), :verdict,
               CAST(:objections AS jsonb), valid_until
        FROM kept
    )
    SELECT valid_until FROM kept
    """  # noqa: S608 - put together from constants; every value is bound
)
POSTPONE = text(
    """
    UPDATE post SET due_at = now() + CAST(:after AS interval), tries = tries + 1 WHERE id = :post AND fence = :fence
    """
)
END = text(
    """
    INSERT INTO post AS p (id, revision, terminal) VALUES (:post, :revision, :terminal)
    ON CONFLICT (id) DO UPDATE SET terminal = excluded.terminal, due_at = NULL, fence = p.fence + 1
    WHERE excluded.terminal IN ('cancelled', 'published') AND p.terminal IS DISTINCT FROM 'published'
       OR p.revision <= excluded.revision AND p.terminal IS NULL
    """
)
OVERDUE = text(
    """
    UPDATE post SET due_at = now()
    WHERE terminal IS NULL AND verdict = 'approved' AND coalesce(publish_at, now()) <= now() AND due_at > now()
    """
)
