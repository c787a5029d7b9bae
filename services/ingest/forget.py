"""What is not kept for ever: people's names, first answers, announced uploads that never came."""

from collections.abc import Sequence

from sqlalchemy import text

from services.ingest.settings import IngestSettings
from shared.database import Session
from shared.events import Event

PEOPLE = text("DELETE FROM person WHERE expires_at <= now()")
ANSWERS = text("DELETE FROM idempotency WHERE created_at < now() - make_interval(days => :days)")
UPLOADS = text("DELETE FROM upload WHERE sha256 IS NULL AND expires_at <= now()")


class Forget:
    """A tick of the clock: what is past its time is erased."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings

    async def __call__(self, db: Session) -> tuple[Sequence[Event], float | None]:
        """Erase; nothing follows from it."""
        await db.execute(PEOPLE)
        await db.execute(ANSWERS, {"days": self._settings.idempotency_days})
        await db.execute(UPLOADS)
        return (), None
