"""What publisher hears: a post is asked for, judged, or no longer wanted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast
from uuid import UUID

from services.publisher.facets import facets_of
from services.publisher.life import BEGUN, State, mover
from services.publisher.settings import PublisherSettings
from services.publisher.stance import now_of
from services.publisher.statements import CANCEL, JUDGE, LOOK, REFUSE_FORM, REQUEST, STUB, WAIT, WAITED
from shared.channels import Registry
from shared.content import Priority
from shared.database import Row, Session
from shared.events import (
    Change,
    Envelope,
    Event,
    PostApproved,
    PostCancelled,
    PostChangeSettled,
    PostDue,
    PostEvent,
    PostFailed,
    PostRefused,
    PostRequested,
    PostReviewRequested,
    PostScheduled,
    Settlement,
)
from shared.mailbox import Handlers, Together, envelope_of
from shared.payload import digest_of
from shared.telemetry import current_traceparent

URGENCY = {Priority.NORMAL: 0, Priority.CORRECTION: 1, Priority.CRISIS: 2}
Verdict: TypeAlias = PostApproved | PostRefused | PostReviewRequested
VERDICTS: Mapping[str, type[Verdict]] = {kind.name: kind for kind in (PostApproved, PostRefused, PostReviewRequested)}


class Planner:
    """Brings requests and approvals together, and plans what has both."""

    def __init__(self, settings: PublisherSettings, registry: Callable[[], Registry]) -> None:
        self._settings = settings
        self._registry = registry

    async def receive(self, envelopes: Sequence[Envelope], db: Session) -> Sequence[Sequence[Event]]:
        """A requested post, or a new revision of one, waits for its approval, or is planned if that came first."""
        asked = [(envelope.event, envelope.traceparent) for envelope in envelopes]
        return await self._receive(cast("Sequence[tuple[PostRequested, str | None]]", asked), db)

    async def approve(self, envelopes: Sequence[Envelope], db: Session) -> Sequence[Sequence[Event]]:
        """An approved post is planned; a renewed approval lasts longer."""
        said = [(cast("PostApproved", envelope.event), envelope.sequence) for envelope in envelopes]
        rows = await self._judge(said, db)
        return [_approved(event, row) for (event, _), row in zip(said, rows, strict=True)]

    async def refuse(self, event: PostRefused | PostReviewRequested, db: Session) -> Sequence[Event]:
        """A post that is not approved, or no longer, waits until it is or until its time runs out."""
        await self._judge([(event, envelope_of(db).sequence)], db)
        return []

    async def cancel(self, event: PostCancelled, db: Session) -> Sequence[Event]:
        """A post that nothing has been sent of is cancelled at once; one under way waits for proof."""
        said = {"post": event.post, "reason": event.reason, "by": mover(event.requester.tool, event.requester.person)}
        if (await db.execute(CANCEL, said)).one_or_none():
            return _settled(event, Change.CANCEL, Settlement.APPLIED)
        return await self._too_early_or_late(event, Change.CANCEL, db)

    async def apply_waiting(self, post: UUID, db: Session) -> list[Event]:
        """Handle the changes that waited, in the order they came, now that it is proven what became of the post."""
        changes = (await db.execute(WAITED, {"post": post})).all()
        events: list[Event] = []
        for change in sorted(changes, key=lambda change: change.id):
            if change.type == Change.CANCEL:
                events += await self.cancel(PostCancelled.model_validate(change.event), db)
            elif change.type == Change.REVISION:
                asked = PostRequested.model_validate(change.event), current_traceparent()
                events += (await self._receive([asked], db))[0]
            else:
                event = VERDICTS[change.type].model_validate(change.event)
                (row,) = await self._judge([(event, change.event["sequence"])], db)
                events += _planned(event, row)
        return events

    async def _receive(self, asked: Sequence[tuple[PostRequested, str | None]], db: Session) -> list[Sequence[Event]]:
        """Write requests down, each about another post and with its trace, and return what follows from each."""
        payloads = [event.payload.canonical() for event, _ in asked]
        values = [_request(event, payload, trace) for (event, trace), payload in zip(asked, payloads, strict=True)]
        rows = await db.execute_each(REQUEST, [one | self._ready() for one in values])
        return [
            await self._received(event, payload, rows.get(event.post), db)
            for (event, _), payload in zip(asked, payloads, strict=True)
        ]

    async def _received(self, event: PostRequested, payload: bytes, row: Row | None, db: Session) -> Sequence[Event]:
        if row is None:
            return await self._too_early_or_late(event, Change.REVISION, db)
        if (actual := digest_of(payload)) != event.payload_hash:
            reason = f"the payload is not the one that was named: its hash is {actual[:12]}…"
            await db.execute(REFUSE_FORM, {"post": event.post, "reason": reason})
            return [PostFailed(post=event.post, revision=event.revision, remedy="rejected", reason=reason)]
        settled = _settled(event, Change.REVISION, Settlement.APPLIED) if event.revision > 1 else []
        return [*settled, *_planned(event, row)]

    async def _judge(self, said: Sequence[tuple[Verdict, int]], db: Session) -> list[Row | None]:
        """Write verdicts down, each about another post and with its sequence number, and return the posts' rows."""
        values = [_verdict(event, sequence) | self._ready() for event, sequence in said]
        rows = await db.execute_each(JUDGE, values)
        return [
            rows.get(event.post) or await self._judged_later(event, one, db)
            for (event, _), one in zip(said, values, strict=True)
        ]

    async def _judged_later(self, event: Verdict, values: dict[str, Any], db: Session) -> Row | None:
        """Have a verdict about a newer revision than the one under way wait, as that revision does."""
        known = (await db.execute(LOOK, {"post": event.post})).one()
        if known.state in BEGUN and known.revision < event.revision:
            waiting = event.model_dump(mode="json") | {"sequence": values["sequence"]}
            await db.execute(WAIT, {"post": event.post, "type": event.name, "event": waiting})
            return None
        # The call may have ended between the two looks.
        return (await db.execute_each(JUDGE, [values])).get(event.post)

    async def _too_early_or_late(self, event: PostEvent, change: Change, db: Session) -> Sequence[Event]:
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

    def _ready(self) -> dict[str, Any]:
        return {"ready_channels": now_of(self._registry()).ready, "rewake": self._settings.rewake_seconds}


def _planned(event: PostEvent, row: Row | None) -> list[Event]:
    """Return what a post's new state means: its time has come, or will come."""
    if row is None or row.revision != event.revision:
        return []
    match row.state:
        case State.DUE:
            return [PostDue(post=event.post, revision=event.revision, platform=row.platform)]
        case State.PLANNED:
            return [PostScheduled(post=event.post, revision=event.revision, due_at=row.due_at)]
        case _:
            return []


def _approved(event: PostApproved, row: Row | None) -> list[Event]:
    """Return what follows from an approval; one that is renewed says nothing new, unless somebody waits for it."""
    return [] if event.renewed and row and row.state != State.DUE else _planned(event, row)


def _settled(event: PostEvent, change: Change, settlement: Settlement) -> list[Event]:
    return [PostChangeSettled(post=event.post, revision=event.revision, change=change, settlement=settlement)]


def _verdict(event: Verdict, sequence: int) -> dict[str, Any]:
    return {
        "post": event.post,
        "verdict": event.name.removeprefix("post.").removesuffix("_requested"),
        "revision": event.revision,
        "hash": event.payload_hash,
        "until": event.valid_until if isinstance(event, PostApproved) else None,
        "sequence": sequence,
    }


def _request(event: PostRequested, payload: bytes, traceparent: str | None) -> dict[str, Any]:
    return {
        "post": event.post,
        "revision": event.revision,
        "channel": event.brief.channel,
        "platform": event.brief.platform,
        "payload": payload.decode(),
        "payload_hash": event.payload_hash,
        "brief": event.brief.model_dump_json(),
        "publish_at": event.timing.publish_at,
        "not_after": event.timing.not_after,
        "after": event.after,
        "traceparent": traceparent,
        "facets": facets_of(event.brief),
        "urgency": URGENCY[event.brief.about.priority],
        "cost": len(event.payload.pieces),
    }


def handlers(planner: Planner) -> Handlers:
    """Return who handles what."""
    return {
        PostRequested: Together(planner.receive),
        PostApproved: Together(planner.approve),
        PostRefused: planner.refuse,
        PostReviewRequested: planner.refuse,
        PostCancelled: planner.cancel,
    }
