"""The first beat: what must hold for a post to go out, and that we are about to try, in one committed statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher.settings import PublisherSettings
from shared.adapter.contract import Attempt
from shared.database import Row, Session
from shared.events import Brief
from shared.payload import Payload

# Everything that must hold for a post to go out is tested here, in the statement that also writes down that we are
# about to try. A post whose outcome is unknown is claimed in any case: to look what became of it needs no approval.
# Asking again what the platform is still at is no other try: its time ends at `not_after`.
CLAIM = text(
    """
    WITH ready AS (
        SELECT post, state AS was FROM delivery
        WHERE post = ANY(:posts) AND platform = :platform AND (
            state = 'uncertain' AND due_at IS NOT NULL
            OR state IN ('due', 'pending') AND channel = ANY(:open_channels) AND not_after > now()
                AND verdict = 'approved' AND approved_hash = payload_hash AND approved_revision = revision
                AND approved_until > now())
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE delivery d SET
            state = 'attempting', fence = d.fence + 1,
            tries = d.tries + CASE WHEN r.was = 'pending' THEN 0 ELSE 1 END, began_at = coalesce(d.began_at, now()),
            lease_until = now() + make_interval(secs => :lease)
        FROM ready r WHERE d.post = r.post
        RETURNING d.post, d.revision, d.fence, d.tries, d.channel, d.payload::text AS payload, d.payload_hash,
            d.brief::text AS brief, d.began_at, d.resume, d.publish_at, d.traceparent, r.was = 'uncertain' AS uncertain,
            coalesce(d.channel = ANY(:open_channels) AND d.verdict = 'approved' AND d.approved_hash = d.payload_hash
                AND d.approved_revision = d.revision AND d.approved_until > now(), false) AS allowed
    ), written AS (
        INSERT INTO try (post, fence, revision, payload_hash) SELECT post, fence, revision, payload_hash FROM claimed
    )
    SELECT * FROM claimed
    """
).bindparams(bindparam("posts", type_=ARRAY(Uuid)), bindparam("open_channels", type_=ARRAY(Text)))

# Asked before each further call that makes something public. No row: the lease, the approval or the stance is gone.
STILL = text(
    """
    UPDATE delivery SET resume = :resume, lease_until = now() + make_interval(secs => :lease)
    WHERE post = :post AND fence = :fence AND state = 'attempting' AND lease_until > now()
        AND verdict = 'approved' AND approved_hash = payload_hash AND approved_revision = revision
        AND approved_until > now() AND channel = ANY(:open_channels)
    RETURNING 1
    """
).bindparams(bindparam("resume", type_=JSONB), bindparam("open_channels", type_=ARRAY(Text)))
KEEP = text("UPDATE delivery SET resume = :resume WHERE post = :post AND fence = :fence").bindparams(
    bindparam("resume", type_=JSONB)
)
OTHERS = text("SELECT external_id FROM delivery WHERE channel = :channel AND post <> :post AND published_at >= :since")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A post that this worker may publish, until its lease ends or somebody takes the approval back."""

    post: UUID
    fence: int
    tries: int
    channel: str
    payload: Payload
    payload_hash: str
    brief: Brief
    publish_at: datetime
    attempt: Attempt
    traceparent: str | None
    uncertain: bool
    allowed: bool
    trusted_until: float
    """By this machine's monotonic clock: later than this, no call begins."""

    @property
    def subject(self) -> str:
        """The post."""
        return str(self.post)


async def claim(
    posts: Sequence[UUID], platform: str, channels: Sequence[str], db: Session, settings: PublisherSettings
) -> list[Claimed]:
    """Claim those of the posts that may be tried now; `channels` are those that may publish."""
    started = monotonic()
    values = {"posts": posts, "platform": platform, "lease": settings.lease_seconds, "open_channels": channels}
    rows = (await db.execute(CLAIM, values)).all()
    return [_claimed(row, started + settings.trust_seconds) for row in rows]


async def keep(
    claimed: Claimed, resume: Mapping[str, Any], channels: Sequence[str], db: Session, settings: PublisherSettings
) -> bool:
    """Write down what is done so far; return whether more may be made public."""
    values = {"post": claimed.post, "fence": claimed.fence, "resume": dict(resume)}
    still = values | {"lease": settings.lease_seconds, "open_channels": channels}
    if monotonic() < claimed.trusted_until and (await db.execute(STILL, still)).one_or_none():
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
        uncertain=row.uncertain,
        allowed=row.allowed,
        trusted_until=trusted_until,
    )
