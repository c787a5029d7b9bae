"""Who waits for an answer asks again: a lost message heals, and a duplicate is harmless."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from services.ingest.requested import cancelled, requested
from services.ingest.settings import IngestSettings
from services.ingest.standing import FINAL, cancel_asked, is_answered, is_cancelling, is_changing, standing
from services.ingest.tables import History, Post, Request
from shared.database import Session
from shared.events import Event, Requester

MOST = 100
"""Posts looked at in one transaction."""


DUE = text("SELECT * FROM post WHERE ask_at <= now() ORDER BY ask_at LIMIT :most FOR UPDATE SKIP LOCKED")
REQUESTS = text("SELECT * FROM request WHERE id = ANY(:ids)")
LINES = text("SELECT * FROM history WHERE subject = ANY(:ids)")
NEXT = text("UPDATE post SET ask_at = :ask_at WHERE id = :post")
REST = text("SELECT extract(epoch FROM min(ask_at) - now())::float FROM post WHERE ask_at IS NOT NULL")


class AskAgain:
    """A tick of the clock: posts that nobody answered for in time are asked for once more."""

    def __init__(self, settings: IngestSettings) -> None:
        self._pause = timedelta(seconds=settings.ask_again_seconds)

    async def __call__(self, db: Session) -> tuple[Sequence[Event], float | None]:
        """Look at due posts; return what is asked again, and the seconds until the next is due."""
        posts = await db.execute(DUE, {"most": MOST})
        requests = {row.id: row for row in await db.execute(REQUESTS, {"ids": [post.request_id for post in posts]})}
        lines = await db.execute(LINES, {"ids": [post.id for post in posts]})
        events: list[Event] = []
        for post in posts:
            again = unanswered(post, requests[post.request_id], [line for line in lines if line.subject == post.id])
            await db.execute(NEXT, {"post": post.id, "ask_at": datetime.now(UTC) + self._pause if again else None})
            events += again
        return events, 0.0 if len(posts) == MOST else await self._rest(db)

    async def _rest(self, db: Session) -> float | None:
        seconds: float | None = (await db.execute(REST)).scalar()
        return None if seconds is None else max(0.0, seconds)


def unanswered(post: Post, request: Request, history: Sequence[History]) -> list[Event]:
    """Return what is to be said again: a cancel or a revision without publisher's answer, a post without policy's."""
    prepared = post.payload is not None
    if standing(post.revision, prepared, history) in FINAL:
        return []
    if is_cancelling(history) and (asked := cancel_asked(history)):
        by = asked.data["by"]
        return [cancelled(post, Requester(tool=by["tool"], trust=by["trust"]), asked.data.get("reason") or "")]
    waiting = is_changing(post.revision, history) or not is_answered(post.revision, history)
    return [requested(post, request)] if prepared and waiting else []
