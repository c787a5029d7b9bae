"""Who waits for an answer asks again: a lost message heals, and a duplicate is harmless."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.requested import cancelled, requested
from services.ingest.settings import IngestSettings
from services.ingest.standing import FINAL, cancel_asked, is_answered, is_cancelling, is_changing, standing
from services.ingest.tables import History, Post, Request
from shared.events import Event, Requester

MOST = 100
"""Posts looked at in one transaction."""


class AskAgain:
    """A tick of the clock: posts that nobody answered for in time are asked for once more."""

    def __init__(self, settings: IngestSettings) -> None:
        self._pause = timedelta(seconds=settings.ask_again_seconds)

    async def __call__(self, db: AsyncSession) -> tuple[Sequence[Event], float | None]:
        """Look at due posts; return what is asked again, and the seconds until the next is due."""
        query = select(Post, Request).join(Request, Request.id == Post.request_id).where(Post.ask_at <= func.now())
        query = query.order_by(Post.ask_at).limit(MOST).with_for_update(of=Post, skip_locked=True)
        found = (await db.execute(query)).all()
        ids = [post.id for post, _ in found]
        lines = (await db.execute(select(History).where(History.subject.in_(ids)))).scalars().all() if ids else []
        events: list[Event] = []
        for post, request in found:
            again = unanswered(post, request, [line for line in lines if line.subject == post.id])
            post.ask_at = datetime.now(UTC) + self._pause if again else None
            events += again
        return events, 0.0 if len(found) == MOST else await self._rest(db)

    async def _rest(self, db: AsyncSession) -> float | None:
        await db.flush()
        due = select(func.extract("epoch", func.min(Post.ask_at) - func.now())).where(Post.ask_at.is_not(None))
        seconds: float | None = (await db.execute(due)).scalar()
        return None if seconds is None else max(0.0, float(seconds))


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
