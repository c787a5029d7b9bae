"""Media are fetched and fitted, then the post is rendered once: claim, call, settle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.ingest.fanout import Channels, Wanted, excesses
from services.ingest.fetch import Larder, UnpreparableError
from services.ingest.requested import requested
from services.ingest.settings import IngestSettings
from services.ingest.standing import INGEST, REQUESTED, UNPREPARABLE
from shared.adapter.errors import TryLater
from shared.adapter.render import render
from shared.content import Content
from shared.database import Session
from shared.events import Event, Trust
from shared.payload import Payload

# Who is at it holds the row until `due_at`; then another may try, and the fence tells the two apart.
CLAIM = text(
    """
    WITH due AS (
        SELECT post_id FROM preparation WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE preparation p SET fence = p.fence + 1, tries = p.tries + 1, due_at = now() + make_interval(secs => :lease)
    FROM due, post, request
    WHERE p.post_id = due.post_id AND post.id = due.post_id AND request.id = post.request_id
    RETURNING p.post_id, p.revision, p.fence, p.tries, p.give_up_at, p.traceparent,
        post.channel, post.content, request.tool, request.trust
    """
)
REST = text("SELECT extract(epoch FROM min(due_at) - now())::float FROM preparation")
# The post before its preparation: whoever changes a post takes the locks in this order too.
LOCK = text("SELECT id FROM post WHERE id = :post FOR UPDATE")
DONE = text("DELETE FROM preparation WHERE post_id = :post AND fence = :fence RETURNING 1")
LATER = text(
    """
    UPDATE preparation SET due_at = now() + make_interval(secs => :after), last_error = :error
    WHERE post_id = :post AND fence = :fence
    """
)
FINISH = text(
    """
    UPDATE post SET version = version + 1, changed_at = now(), payload = coalesce(:payload, payload),
        payload_hash = coalesce(:hash, payload_hash),
        ask_at = coalesce(now() + make_interval(secs => :ask_again), ask_at)
    WHERE id = :post RETURNING *
    """
)
NOTE = text(
    f"""
    INSERT INTO history (subject, emitter, sequence, event_id, type, revision, at, data)
    VALUES (:subject, '{INGEST}', :sequence, gen_random_uuid(), :type, :revision, now(), :data)
    """  # noqa: S608 - a constant
).bindparams(bindparam("data", type_=JSONB))
REQUEST = text("SELECT * FROM request WHERE id = :id")
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 600.0


@dataclass(frozen=True, slots=True)
class Preparing:
    """A post that this process is at."""

    post: UUID
    revision: int
    fence: int
    tries: int
    give_up_at: datetime
    channel: str
    content: Content
    tool: str
    team: bool
    traceparent: str | None

    @property
    def subject(self) -> str:
        """The post's id."""
        return str(self.post)


class Rendered(NamedTuple):
    """The post in its final form."""

    payload: Payload


class Postponed(NamedTuple):
    """Commons cannot now; try again after so many seconds."""

    reason: str
    after: float


class Unpreparable(NamedTuple):
    """It will not work however often it is tried."""

    reason: str
    place: str


Outcome = Rendered | Postponed | Unpreparable


class Prepare:
    """The act: due preparations become rendered posts."""

    name = "prepare"

    def __init__(self, larder: Larder, channels: Channels, settings: IngestSettings) -> None:
        self._larder = larder
        self._channels = channels
        self._settings = settings

    async def claim(self, most: int, db: Session) -> Sequence[Preparing]:
        """Take over due preparations for as long as the lease lasts."""
        rows = await db.execute(CLAIM, {"most": most, "lease": self._settings.prepare_lease_seconds})
        return [
            Preparing(
                post=row.post_id,
                revision=row.revision,
                fence=row.fence,
                tries=row.tries,
                give_up_at=row.give_up_at,
                channel=row.channel,
                content=Content.model_validate(row.content),
                tool=row.tool,
                team=row.trust == Trust.TEAM,
                traceparent=row.traceparent,
            )
            for row in rows
        ]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next preparation is due."""
        seconds: float | None = (await db.execute(REST)).scalar_one()
        return seconds

    async def call(self, claim: Preparing) -> Outcome:
        """Fetch and fit what the post needs, and render it."""
        spec = self._channels.spec(claim.channel)
        if spec is None:
            return Unpreparable(self._channels.why_not(claim.channel)[0], "")
        one = Wanted.of(claim.channel, spec, claim.content)
        try:
            originals, forms = await self._larder.fill(one, claim.tool, team=claim.team)
        except UnpreparableError as error:
            return Unpreparable(str(error), error.place)
        except TryLater as error:
            return Postponed(error.reason, error.after or self._pause(claim.tries))
        # Only now the credit that Commons asks for is known, and it counts.
        for excess in excesses(one, originals):
            return Unpreparable(f"{excess['detail']} {excess['remedy']}", str(excess["pointer"]))
        return Rendered(render(one.content, one.channel, spec, forms))

    async def settle(self, claim: Preparing, outcome: Outcome, db: Session) -> Sequence[Event]:
        """Write down what came of it, unless somebody else is at it by now."""
        await db.execute(LOCK, {"post": claim.post})
        mine = {"post": claim.post, "fence": claim.fence}
        if isinstance(outcome, Postponed) and self._in_time(claim, outcome):
            await db.execute(LATER, {**mine, "after": outcome.after, "error": outcome.reason})
            return ()
        if (await db.execute(DONE, mine)).one_or_none() is None:
            return ()
        return await self._finish(claim, outcome, db)

    async def _finish(self, claim: Preparing, outcome: Outcome, db: Session) -> Sequence[Event]:
        done = outcome.payload if isinstance(outcome, Rendered) else None
        values = {
            "post": claim.post,
            "payload": done.model_dump_json(exclude_defaults=True) if done else None,
            "hash": done.digest() if done else None,
            "ask_again": self._settings.ask_again_seconds if done else None,
        }
        post = (await db.execute(FINISH, values)).one()
        kind, data = _said(outcome, post.payload_hash)
        line = {"subject": post.id, "sequence": post.version, "revision": post.revision, "type": kind, "data": data}
        await db.execute(NOTE, line)
        if done is None:
            return ()
        return [requested(post, (await db.execute(REQUEST, {"id": post.request_id})).one())]

    def _pause(self, tries: int) -> float:
        return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries - 1, 12)))

    def _in_time(self, claim: Preparing, outcome: Postponed) -> bool:
        return datetime.now(UTC) + timedelta(seconds=outcome.after) < claim.give_up_at


def _said(outcome: Outcome, payload_hash: str | None) -> tuple[str, dict[str, Any]]:
    """Return the line of history that tells an outcome."""
    match outcome:
        case Rendered():
            return REQUESTED, {"payload_hash": payload_hash}
        case Unpreparable(reason, place):
            return UNPREPARABLE, {"reason": reason, "place": place}
        case Postponed(reason):
            why = f"The media could not be fetched in time: {reason}."
            return "post.failed", {"remedy": "request_again", "reason": why}
