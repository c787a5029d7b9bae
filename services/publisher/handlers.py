"""What publisher hears: a post is asked for, judged, or no longer wanted."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher.tables import BEGUN, PARTLY_PUBLIC, UNTOUCHED, State, quoted
from shared.database import Row, Session
from shared.events import (
    Change,
    Event,
    PostApproved,
    PostCancelled,
    PostChangeSettled,
    PostEvent,
    PostFailed,
    PostRefused,
    PostRequested,
    PostReviewRequested,
    PostScheduled,
    Settlement,
)
from shared.mailbox import Handler, envelope_of
from shared.telemetry import current_traceparent

# A request and its approval come in any order, perhaps to two replicas at once. Both write the post's one row, so the
# second of them always sees the first, and whichever that is plans the post.
REQUEST = text(
    f"""
    INSERT INTO delivery AS d (
        post, revision, state, due_at, channel, platform, payload, payload_hash, brief, publish_at, not_after, after,
        traceparent
    ) VALUES (
        :post, :revision, 'awaiting', coalesce(:not_after, coalesce(:publish_at, now()) + interval '2 hours'),
        :channel, :platform, :payload, :payload_hash, :brief, coalesce(:publish_at, now()),
        coalesce(:not_after, coalesce(:publish_at, now()) + interval '2 hours'), :after, :traceparent
    )
    ON CONFLICT (post) DO UPDATE SET
        revision = excluded.revision, channel = excluded.channel, platform = excluded.platform,
        payload = excluded.payload, payload_hash = excluded.payload_hash, brief = excluded.brief,
        publish_at = excluded.publish_at, not_after = excluded.not_after, after = excluded.after,
        traceparent = excluded.traceparent,
        tries = 0, began_at = NULL, resume = '{{}}'::jsonb, reason = NULL,
        state = CASE WHEN d.verdict = 'approved' AND d.approved_hash = excluded.payload_hash
                      AND d.approved_revision = excluded.revision THEN 'planned' ELSE 'awaiting' END,
        due_at = CASE WHEN d.verdict = 'approved' AND d.approved_hash = excluded.payload_hash
                      AND d.approved_revision = excluded.revision THEN excluded.publish_at ELSE excluded.not_after END
    WHERE d.revision < excluded.revision
        AND d.state IN ({quoted((*UNTOUCHED, State.FAILED))}) AND NOT {PARTLY_PUBLIC}
    RETURNING state, revision, due_at
    """  # noqa: S608 - constants
).bindparams(bindparam("payload", type_=JSONB), bindparam("brief", type_=JSONB))

JUDGE = text(
    f"""
    INSERT INTO delivery AS d (post, verdict, approved_revision, approved_hash, approved_until, approval_sequence)
    VALUES (:post, :verdict, :revision, :hash, :until, :sequence)
    ON CONFLICT (post) DO UPDATE SET
        verdict = excluded.verdict, approved_revision = excluded.approved_revision,
        approved_hash = excluded.approved_hash, approved_until = excluded.approved_until,
        approval_sequence = excluded.approval_sequence,
        state = CASE
            WHEN excluded.verdict = 'approved' AND d.state = 'awaiting' AND d.payload_hash = excluded.approved_hash
                AND d.revision = excluded.approved_revision THEN 'planned'
            WHEN excluded.verdict <> 'approved' AND d.state IN ({quoted(UNTOUCHED)}) THEN 'awaiting'
            ELSE d.state END,
        due_at = CASE
            WHEN excluded.verdict = 'approved' AND d.state = 'awaiting' AND d.payload_hash = excluded.approved_hash
                AND d.revision = excluded.approved_revision THEN d.publish_at
            WHEN excluded.verdict <> 'approved' AND d.state IN ({quoted(UNTOUCHED)}) THEN d.not_after
            WHEN d.state = 'due' THEN now()  -- whoever was woken may have found the approval before this one ended
            ELSE d.due_at END
    WHERE d.approval_sequence < excluded.approval_sequence AND (d.revision = excluded.approved_revision
        OR d.revision < excluded.approved_revision AND d.state NOT IN ({quoted(BEGUN)}) AND NOT {PARTLY_PUBLIC})
    RETURNING state, revision, due_at
    """  # noqa: S608 - constants
)

CANCEL = text(
    f"""
    UPDATE delivery d SET state = 'cancelled', due_at = NULL, reason = :reason
    WHERE post = :post AND state IN ({quoted(UNTOUCHED)}) AND NOT {PARTLY_PUBLIC} RETURNING state
    """  # noqa: S608 - constants
)
LOOK = text("SELECT state, revision FROM delivery WHERE post = :post FOR UPDATE")
REFUSE_FORM = text("UPDATE delivery SET state = 'failed', due_at = NULL, reason = :reason WHERE post = :post")
WAIT = text(
    """
    WITH noted AS (UPDATE delivery SET waiting = true WHERE post = :post)
    INSERT INTO change (post, type, event) VALUES (:post, :type, :event)
    """
).bindparams(bindparam("event", type_=JSONB))
STUB = text(
    "INSERT INTO delivery (post, revision, state) VALUES (:post, :revision, 'cancelled') ON CONFLICT DO NOTHING"
)


Verdict: TypeAlias = PostApproved | PostRefused | PostReviewRequested
VERDICTS: Mapping[str, type[Verdict]] = {kind.name: kind for kind in (PostApproved, PostRefused, PostReviewRequested)}


async def receive(event: PostRequested, db: Session) -> Sequence[Event]:
    """A requested post, or a new revision of one, waits for its approval, or is planned if that came first."""
    row = (await db.execute(REQUEST, _request(event))).one_or_none()
    if row is None:
        return await _too_early_or_late(event, Change.REVISION, db)
    if (actual := event.payload.digest()) != event.payload_hash:
        reason = f"the payload is not the one that was named: its hash is {actual[:12]}…"
        await db.execute(REFUSE_FORM, {"post": event.post, "reason": reason})
        return [PostFailed(post=event.post, revision=event.revision, remedy="rejected", reason=reason)]
    settled = _settled(event, Change.REVISION, Settlement.APPLIED) if event.revision > 1 else []
    return [*settled, *_scheduled(event, row)]


async def approve(event: PostApproved, db: Session) -> Sequence[Event]:
    """An approved post is planned; a renewed approval lasts longer."""
    row = await _judge(event, envelope_of(db).sequence, db)
    return [] if event.renewed else _scheduled(event, row)


async def refuse(event: PostRefused | PostReviewRequested, db: Session) -> Sequence[Event]:
    """A post that is not approved, or no longer, waits until it is or until its time runs out."""
    await _judge(event, envelope_of(db).sequence, db)
    return []


async def cancel(event: PostCancelled, db: Session) -> Sequence[Event]:
    """A post that nothing has been sent of is cancelled at once; one under way waits for proof."""
    if (await db.execute(CANCEL, {"post": event.post, "reason": event.reason})).one_or_none():
        return _settled(event, Change.CANCEL, Settlement.APPLIED)
    return await _too_early_or_late(event, Change.CANCEL, db)


async def apply_waiting(db: Session, changes: Sequence[Row]) -> list[Event]:
    """Handle the changes that waited, now that it is proven what became of the post."""
    events: list[Event] = []
    for change in changes:
        if change.type == Change.CANCEL:
            events += await cancel(PostCancelled.model_validate(change.event), db)
        elif change.type == Change.REVISION:
            events += await receive(PostRequested.model_validate(change.event), db)
        else:
            event = VERDICTS[change.type].model_validate(change.event)
            events += _scheduled(event, await _judge(event, change.event["sequence"], db))
    return events


async def _judge(event: Verdict, sequence: int, db: Session) -> Row | None:
    """Write a verdict down; one about a newer revision than the one under way waits, as that revision does."""
    values = {
        "post": event.post,
        "verdict": event.name.removeprefix("post.").removesuffix("_requested"),
        "revision": event.revision,
        "hash": event.payload_hash,
        "until": event.valid_until if isinstance(event, PostApproved) else None,
        "sequence": sequence,
    }
    if row := await _judged(values, db):
        return row
    known = (await db.execute(LOOK, {"post": event.post})).one()
    if known.state in BEGUN and known.revision < event.revision:
        waiting = event.model_dump(mode="json") | {"sequence": sequence}
        await db.execute(WAIT, {"post": event.post, "type": event.name, "event": waiting})
        return None
    return await _judged(values, db)  # the call may have ended between the two looks


async def _judged(values: Mapping[str, Any], db: Session) -> Row | None:
    row: Row | None = (await db.execute(JUDGE, values)).one_or_none()
    return row


async def _too_early_or_late(event: PostEvent, change: Change, db: Session) -> Sequence[Event]:
    """Answer a change that could not be made: it waits, it is too late, or it was made before."""
    row = (await db.execute(LOOK, {"post": event.post})).one_or_none()
    if row is None:  # a cancel that overtook its request: the request will find it cancelled
        await db.execute(STUB, {"post": event.post, "revision": event.revision})
        return _settled(event, change, Settlement.APPLIED)
    if change is Change.REVISION and row.revision >= event.revision:
        return []
    if row.state in BEGUN:
        waiting = {"post": event.post, "type": change, "event": event.model_dump(mode="json")}
        await db.execute(WAIT, waiting)
        return []
    cancelled = change is Change.CANCEL and row.state == State.CANCELLED
    return _settled(event, change, Settlement.APPLIED if cancelled else Settlement.TOO_LATE)


def _scheduled(event: PostEvent, row: Row | None) -> list[Event]:
    if row is None or row.state != State.PLANNED or row.revision != event.revision:
        return []
    return [PostScheduled(post=event.post, revision=event.revision, due_at=row.due_at)]


def _settled(event: PostEvent, change: Change, settlement: Settlement) -> list[Event]:
    return [PostChangeSettled(post=event.post, revision=event.revision, change=change, settlement=settlement)]


def _request(event: PostRequested) -> dict[str, Any]:
    return {
        "post": event.post,
        "revision": event.revision,
        "channel": event.brief.channel,
        "platform": event.brief.platform,
        "payload": event.payload.model_dump(mode="json", exclude_defaults=True),
        "payload_hash": event.payload_hash,
        "brief": event.brief.model_dump(mode="json"),
        "publish_at": event.timing.publish_at,
        "not_after": event.timing.not_after,
        "after": event.after,
        "traceparent": current_traceparent(),
    }


HANDLERS: Mapping[type[Event], Handler] = {
    PostRequested: receive,
    PostApproved: approve,
    PostRefused: refuse,
    PostReviewRequested: refuse,
    PostCancelled: cancel,
}
