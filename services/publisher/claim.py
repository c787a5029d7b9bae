"""The first beat: what must hold for a post to go out, and that we are about to try, in one committed statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher.gates import MAY_GO, OPEN_CHANNELS
from services.publisher.pace import STEP, WINDOWS
from services.publisher.settings import PublisherSettings
from shared.adapter.contract import Attempt
from shared.database import Row, Session
from shared.events import Brief
from shared.payload import Payload

# Everything that must hold for a post to go out is tested here, in the statement that also writes down that we are
# about to try. A post whose outcome is unknown is claimed in any case: to look what became of it needs no approval, and
# neither does asking what the platform is still at, once something of it may be public.
#
#   ready      what the messages point at, what is urgent on this platform, and what this worker holds without knowing
#              it: the answer to an earlier claim's commit was lost
#   queue      who goes first, and how many posts that makes for the account and for the app
#   room       how far each count is used up; locked, so that all who claim for an account take turns
#   full_or_blocked   what finds no room, or whose account is left alone, with the seconds until that is over
#   probe      the one post that may be tried on a platform whose breaker has opened, when its time is over
#   waiting    all that waits
#
# What is urgent and waits stays due: so it is part of every later claim, and whatever room there is again is its own.
CLAIM = text(
    f"""
    WITH ready AS (
        SELECT d.post, d.state AS was, d.channel, d.platform, d.urgency, d.cost, d.publish_at,
            d.state = 'due' AS fresh, d.unproven AS look
        FROM delivery d
        WHERE d.platform = :platform AND (d.post = ANY(:posts) OR d.state = 'due' AND d.urgency > 0) AND (
            d.state = 'uncertain' AND d.due_at IS NOT NULL
            OR d.state = 'pending' AND d.touched
            OR d.state IN ('due', 'pending') AND {MAY_GO}
            OR d.state = 'attempting' AND d.claimed_by = :worker AND NOT d.post = ANY(:running))
        FOR UPDATE SKIP LOCKED
    ), queue AS (
        SELECT r.*, row_number() OVER line AS place, count(*) FILTER (WHERE fresh AND urgency = 0) OVER own AS calm,
            sum(cost) FILTER (WHERE fresh) OVER own AS of_account, sum(cost) FILTER (WHERE fresh) OVER line AS of_app
        FROM ready r
        WINDOW line AS (ORDER BY urgency DESC, publish_at, post),
            own AS (PARTITION BY channel ORDER BY urgency DESC, publish_at, post)
    ), counted AS (
        SELECT account, seconds, full_at, posts FROM pace
        WHERE account = ANY(:accounts)
            AND account IN (SELECT unnest(ARRAY[channel, platform]) FROM ready WHERE fresh)
        ORDER BY account, seconds FOR UPDATE
    ), room AS (
        SELECT account, seconds, step, burst * step AS size,
            greatest(0, extract(epoch FROM full_at - clock_timestamp()))::float AS used
        FROM (
            SELECT account, seconds, full_at, {STEP} AS step,
                coalesce((posts + 1) / 2, w.burst) AS burst
            FROM unnest(:accounts, :seconds, :steps, :bursts) AS w (account, seconds, step, burst)
            JOIN counted USING (account, seconds)) AS one
    ), full_or_blocked AS (
        SELECT q.post, extract(epoch FROM b.until - clock_timestamp())::float AS seconds,
            'its account is left alone: ' || b.reason AS why
        FROM queue q JOIN block b ON b.account IN (q.channel, q.platform)
        WHERE b.until > clock_timestamp() AND NOT q.look
        UNION ALL
        SELECT q.post, used + asked * step - size, CASE WHEN r.seconds = 0
            THEN 'its channel keeps a distance between posts' ELSE 'the quota of ' || r.account || ' is used up' END
        FROM queue q JOIN room r ON r.account IN (q.channel, q.platform), LATERAL (
            SELECT CASE WHEN r.seconds = 0 THEN q.calm WHEN r.account = q.channel THEN q.of_account ELSE q.of_app END
                AS asked) a
        WHERE q.fresh AND used + asked * step > size AND NOT (used = 0 AND asked = q.cost)
            AND NOT (r.seconds = 0 AND q.urgency > 0)
    ), probe AS (
        UPDATE breaker SET until = clock_timestamp() + make_interval(secs => :lease), probing = true
        WHERE platform = :platform AND until <= clock_timestamp()
            AND EXISTS (SELECT FROM queue WHERE post NOT IN (SELECT post FROM full_or_blocked))
        RETURNING 1
    ), waiting AS (
        SELECT DISTINCT ON (post) post, seconds, why FROM (
            SELECT post, seconds, why FROM full_or_blocked
            UNION ALL
            SELECT q.post, CASE WHEN b.probing OR b.until <= clock_timestamp() THEN 5
                ELSE extract(epoch FROM b.until - clock_timestamp())::float END,
                'its platform is out of order: ' || coalesce(b.reason, '')
            FROM queue q JOIN breaker b USING (platform)
            WHERE b.until IS NOT NULL AND NOT (EXISTS (SELECT FROM probe) AND q.place = (
                SELECT min(place) FROM queue WHERE post NOT IN (SELECT post FROM full_or_blocked)))
        ) AS reasons ORDER BY post, seconds DESC
    ), deferred AS (
        UPDATE delivery d SET state = CASE WHEN d.state = 'due' AND d.urgency = 0 THEN 'planned' ELSE d.state END,
            due_at = CASE WHEN d.state = 'due' THEN least(d.not_after, t.due_at) ELSE t.due_at END,
            reason = CASE WHEN d.unproven THEN d.reason ELSE w.why END, moved_by = 'worker'
        FROM waiting w, LATERAL (SELECT clock_timestamp() + make_interval(secs => w.seconds + 0.01) AS due_at) t
        WHERE d.post = w.post
            AND (d.state <> 'due' OR d.urgency = 0 OR abs(extract(epoch FROM t.due_at - d.due_at)) > 1)
    ), going AS (SELECT q.* FROM queue q WHERE NOT EXISTS (SELECT FROM waiting w WHERE w.post = q.post)
    ), taken AS (
        UPDATE pace p SET full_at = CASE WHEN r.seconds = 0 THEN clock_timestamp() + make_interval(secs => r.step)
            ELSE greatest(p.full_at, clock_timestamp()) + make_interval(secs => r.step * n.posts) END
        FROM room r, LATERAL (
            SELECT sum(cost) AS posts FROM going g WHERE g.fresh AND r.account IN (g.channel, g.platform)) n
        WHERE p.account = r.account AND p.seconds = r.seconds AND n.posts > 0
    ), claimed AS (
        UPDATE delivery d SET
            state = 'attempting', fence = d.fence + 1, claimed_by = :worker, moved_by = 'worker', reason = NULL,
            tries = d.tries + CASE WHEN g.was = 'due' THEN 1 ELSE 0 END, began_at = coalesce(d.began_at, now()),
            looks = d.looks + CASE WHEN g.look THEN 1 ELSE 0 END,
            tried_at = CASE WHEN g.look THEN d.tried_at ELSE now() END,
            lease_until = now() + make_interval(secs => :lease)
        FROM going g WHERE d.post = g.post
        RETURNING d.post, d.revision, d.fence, d.tries, d.looks, d.absent, d.channel, d.payload::text AS payload,
            d.payload_hash, d.brief::text AS brief, d.began_at, d.resume, d.publish_at, d.traceparent, d.touched,
            d.unproven AS uncertain, extract(epoch FROM now() - d.tried_at)::float AS since, {MAY_GO} AS allowed,
            CASE WHEN g.fresh THEN d.cost ELSE 0 END AS took, EXISTS (SELECT FROM probe) AS probe
    ), written AS (
        INSERT INTO try (post, fence, revision, payload_hash) SELECT post, fence, revision, payload_hash FROM claimed
    )
    SELECT * FROM claimed
    """  # noqa: S608 - constants
).bindparams(bindparam("posts", type_=ARRAY(Uuid)), bindparam("running", type_=ARRAY(Uuid)), OPEN_CHANNELS, *WINDOWS)

# Asked before each further call that makes something public. No row: the lease, the approval, the stance is gone, or a
# hold has come.
KEEP_ON = text(
    f"""
    UPDATE delivery d SET resume = :resume, touched = d.touched OR :touched,
        lease_until = now() + make_interval(secs => :lease)
    WHERE d.post = :post AND d.fence = :fence AND d.state = 'attempting' AND d.lease_until > now() AND {MAY_GO}
    RETURNING 1
    """  # noqa: S608 - constants
).bindparams(bindparam("resume", type_=JSONB), OPEN_CHANNELS)
STILL = text(
    f"""
    SELECT 1 FROM delivery d
    WHERE d.post = :post AND d.fence = :fence AND d.state = 'attempting' AND d.lease_until > now() AND {MAY_GO}
    """  # noqa: S608 - constants
).bindparams(OPEN_CHANNELS)
KEEP = text(
    """
    UPDATE delivery SET resume = :resume, touched = touched OR :touched WHERE post = :post AND fence = :fence
    """
).bindparams(bindparam("resume", type_=JSONB))
OTHERS = text(
    """
    SELECT unnest(array_append(external_ids, external_id)) FROM delivery
    WHERE channel = :channel AND post <> :post AND published_at >= :since
    """
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A post that this worker may publish, until its lease ends or somebody takes the approval back."""

    post: UUID
    fence: int
    tries: int
    looks: int
    absent: int
    """How many looks in a row found nothing."""
    since: float
    """Seconds since the latest try began that may have made it public."""
    channel: str
    payload: Payload
    payload_hash: str
    brief: Brief
    publish_at: datetime
    attempt: Attempt
    traceparent: str | None
    touched: bool
    """Whether something of it may be public already."""
    uncertain: bool
    """Whether the outcome of an earlier try is unknown."""
    allowed: bool
    took: int
    """How many posts this claim counts for the account's quotas."""
    probe: bool
    """Whether it asks for all whether its platform is in order again."""
    trusted_until: float
    """By this machine's monotonic clock: later than this, no call begins."""

    @property
    def subject(self) -> str:
        """The post."""
        return str(self.post)


async def claim(
    posts: Sequence[UUID],
    platform: str,
    *,
    worker: UUID,
    running: Collection[UUID],
    channels: Sequence[str],
    counts: Mapping[str, Any],
    db: Session,
    settings: PublisherSettings,
) -> list[Claimed]:
    """Claim those of the posts that may be tried now.

    `running` are those that this worker has under way; `channels` are those that may publish; `counts` are the
    platform's as `pace.values` returns them.
    """
    started = monotonic()
    who = {"worker": worker, "running": list(running)}
    what = {"posts": posts, "platform": platform, "lease": settings.lease_seconds, "open_channels": channels}
    rows = (await db.execute(CLAIM, {**what, **who, **counts})).all()
    return [_claimed(row, started + settings.trust_seconds) for row in rows]


async def still(claimed: Claimed, channels: Sequence[str], db: Session) -> bool:
    """Say whether the post may go out, still."""
    if monotonic() >= claimed.trusted_until:
        return False
    values = {"post": claimed.post, "fence": claimed.fence, "open_channels": channels}
    return (await db.execute(STILL, values)).one_or_none() is not None


async def keep(
    claimed: Claimed,
    resume: Mapping[str, Any],
    *,
    touched: bool,
    channels: Sequence[str],
    db: Session,
    settings: PublisherSettings,
) -> bool:
    """Write down what is done so far; return whether more may be made public."""
    values = {"post": claimed.post, "fence": claimed.fence, "resume": dict(resume), "touched": touched}
    going_on = values | {"lease": settings.lease_seconds, "open_channels": channels}
    if monotonic() < claimed.trusted_until and (await db.execute(KEEP_ON, going_on)).one_or_none():
        return True
    await db.execute(KEEP, values)
    return False


async def others(claimed: Claimed, db: Session) -> frozenset[str]:
    """Return what the channel published since this post's first try, of other posts."""
    values = {"channel": claimed.channel, "post": claimed.post, "since": claimed.attempt.created_at}
    return frozenset((await db.execute(OTHERS, values)).scalars())


def _claimed(row: Row, trusted_until: float) -> Claimed:
    return Claimed(
        post=row.post,
        fence=row.fence,
        tries=row.tries,
        looks=row.looks,
        absent=row.absent,
        since=row.since,
        channel=row.channel,
        payload=Payload.model_validate_json(row.payload),
        payload_hash=row.payload_hash,
        brief=Brief.model_validate_json(row.brief),
        publish_at=row.publish_at,
        attempt=Attempt(
            post=row.post,
            revision=row.revision,
            created_at=row.began_at,
            key=f"{row.post}:{row.revision}",
            resume=row.resume,
        ),
        traceparent=row.traceparent,
        touched=row.touched,
        uncertain=row.uncertain,
        allowed=row.allowed,
        took=row.took,
        probe=row.probe,
        trusted_until=trusted_until,
    )
