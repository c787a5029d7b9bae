"""What the accounts and instances of channels allow, as publisher read it: kept when it is told, held by the door."""

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.adapter.spec import ADJUSTABLE
from shared.database import Session
from shared.events import ChannelLimits, Event

log = structlog.get_logger()

EVERY = 3.0
"""Seconds between two looks at what was told."""
HIGHEST = 10**12
"""A limit beyond this is a mistake, and as a number of seconds no clock could add it up."""

KEEP = text(
    """
    INSERT INTO channel_limits AS l (channel, limits, read_at) VALUES (:channel, :limits, :read_at)
    ON CONFLICT (channel) DO UPDATE SET limits = excluded.limits, read_at = excluded.read_at
    WHERE l.read_at < excluded.read_at
    """
).bindparams(bindparam("limits", type_=JSONB))
ALL = text("SELECT channel, limits FROM channel_limits")


async def keep(event: ChannelLimits, db: Session) -> Sequence[Event]:
    """What was read last replaces what was read before."""
    db.add(KEEP, {"channel": event.channel, "limits": dict(event.limits), "read_at": event.read_at})
    return ()


class OwnLimits:
    """What every channel allows by its own account, as known some seconds ago at the most."""

    def __init__(self) -> None:
        self.now: Mapping[str, Mapping[str, int]] = {}
        """By channel, then by the keys of `Spec.adjusted`; the same object until something changes."""
        self._told: Mapping[str, Mapping[str, int]] = {}

    async def look(self, db: Session) -> tuple[Sequence[Event], None]:
        """Look what was told; a tick of a clock."""
        told = {row.channel: row.limits for row in await db.execute(ALL)}
        if told != self._told:
            self._told = told
            self.now = {channel: _usable(channel, limits) for channel, limits in told.items()}
        return (), None


def _usable(channel: str, limits: Mapping[str, int]) -> Mapping[str, int]:
    """Return the limits that the door knows how to hold; the others are logged, and change nothing."""
    known = {key: most for key, most in limits.items() if key in ADJUSTABLE and 0 < most <= HIGHEST}
    if ignored := {key: most for key, most in limits.items() if key not in known}:
        log.warning("limits of an account are ignored", channel=channel, ignored=ignored)
    return known
