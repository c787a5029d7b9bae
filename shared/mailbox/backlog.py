"""What is still in the outbox, seen by nobody's round: how much there is, and how long the oldest of it has waited."""

from collections.abc import Sequence

from prometheus_client import Gauge
from sqlalchemy import text

from shared.database import Session
from shared.events import Event

OLDEST = Gauge("carillon_outbox_oldest_seconds", "Age of the oldest event that was not sent", ["service"])
EVENTS = Gauge("carillon_outbox_events", "Events that were not sent; at most 10,000 are counted", ["service"])

EVERY = 15.0
"""Seconds between two looks."""
MOST = 10_000

# What a relay has in hand is locked, but not hidden: it counts until the broker has it.
LOOK = text(
    f"""
    SELECT (SELECT count(*) FROM (SELECT FROM outbox ORDER BY id LIMIT {MOST}) AS counted) AS events,
        (SELECT extract(epoch FROM now() - created_at) FROM outbox ORDER BY id LIMIT 1)::float AS oldest
    """  # noqa: S608 - a constant
)


class Backlog:
    """Looks into a service's outbox; every process of the service sees the same."""

    def __init__(self, service: str) -> None:
        self._oldest, self._events = OLDEST.labels(service), EVENTS.labels(service)

    async def tick(self, db: Session) -> tuple[Sequence[Event], float | None]:
        """Look, and let Prometheus see it."""
        row = (await db.execute(LOOK)).one()
        self._events.set(row.events)
        self._oldest.set(max(0.0, row.oldest or 0.0))
        return (), EVERY
