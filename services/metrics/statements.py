"""The statements that claim public posts for a measurement and keep what it says, a batch in each."""

from sqlalchemy import ARRAY, BigInteger, DateTime, Text, Uuid, bindparam, text

CLAIM = text(
    """
    WITH channels AS (
        SELECT channel FROM publication WHERE due_at <= now() GROUP BY channel ORDER BY min(due_at) LIMIT :most
    ), due AS (
        SELECT p.post FROM channels AS c CROSS JOIN LATERAL (
            SELECT post FROM publication WHERE channel = c.channel AND due_at <= now()
            ORDER BY due_at LIMIT :together FOR UPDATE SKIP LOCKED
        ) AS p
    )
    UPDATE publication AS p SET fence = fence + 1, due_at = now() + CAST(:lease AS interval)
    FROM due WHERE p.post = due.post
    RETURNING p.post, p.revision, p.channel, p.platform, p.external_id, p.published_at, p.fence, p.tries, p.traceparent
    """
)
NEXT = text("SELECT extract(epoch FROM min(due_at) - now())::float FROM publication WHERE due_at IS NOT NULL")
# One statement for the batch: what is still ours gets its next date, samples, latest values and what is awaited.
SETTLE = text(
    """
    WITH told AS (
        SELECT * FROM unnest(:posts, :fences, :nexts, :tries, :values, :organics, :awaiteds)
                      AS t (post, fence, next, tries, said, organic, awaited)
    ), kept AS (
        UPDATE publication AS p SET due_at = t.next, tries = t.tries,
            latest = p.latest || coalesce(CAST(t.said AS jsonb), '{}'::jsonb),
            measured_at = CASE WHEN coalesce(t.said, '{}') = '{}' THEN p.measured_at ELSE :taken_at END
        FROM told AS t WHERE p.post = t.post AND p.fence = t.fence
        RETURNING p.post, t.said, t.organic, t.awaited,
                  greatest(0, extract(epoch FROM :taken_at - p.published_at))::bigint AS age
    ), sampled AS (
        INSERT INTO sample (post, taken_at, metric, value, organic, age_seconds)
        SELECT post, :taken_at, s.key, s.value::bigint, (CAST(organic AS jsonb) ->> s.key)::bigint, age
        FROM kept, jsonb_each_text(CAST(said AS jsonb)) AS s WHERE said IS NOT NULL
        ON CONFLICT DO NOTHING
    ), expected AS (
        INSERT INTO awaited (post, taken_at, metric, age_seconds)
        SELECT post, :taken_at, a.metric, age
        FROM kept, jsonb_array_elements_text(CAST(awaited AS jsonb)) AS a (metric) WHERE awaited IS NOT NULL
        ON CONFLICT DO NOTHING
    )
    SELECT post FROM kept
    """
).bindparams(
    bindparam("posts", type_=ARRAY(Uuid)),
    bindparam("fences", type_=ARRAY(BigInteger)),
    bindparam("nexts", type_=ARRAY(DateTime(timezone=True))),
    bindparam("tries", type_=ARRAY(BigInteger)),
    bindparam("values", type_=ARRAY(Text)),
    bindparam("organics", type_=ARRAY(Text)),
    bindparam("awaiteds", type_=ARRAY(Text)),
    bindparam("taken_at", type_=DateTime(timezone=True)),
)
NOW = text("SELECT clock_timestamp()")
