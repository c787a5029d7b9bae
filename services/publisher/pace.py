"""How fast an account may publish: its quotas and its spacing, counted in the database for all workers together.

Each stretch of time is counted by the generic cell rate algorithm (GCRA): a row says when all room is there again.
Half of a quota may go at once, the other half is spread over its time, so no stretch of that length ever holds more
than the quota, wherever it begins. Taken when a post is claimed (`claim.CLAIM`), before anything is called.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, Float, Integer, Text, bindparam, text

from shared.adapter.spec import Spec
from shared.channels import Channel, Registry
from shared.database import Session

SPACING = 0
"""In place of a stretch's seconds: the least time between two posts. What is urgent does not wait for it."""


@dataclass(frozen=True, slots=True)
class Window:
    """One count of one account: `burst` posts at once, then one each `step` seconds."""

    account: str
    """A channel, or a platform where the quota is the app's."""
    seconds: int
    step: float
    burst: int


def windows(spec: Spec, registry: Registry) -> list[Window]:
    """Return all counts of a platform's accounts."""
    channels = [channel for channel in registry.channels.values() if channel.platform == spec.name]
    of_the_app = [_window(spec.name, pace.posts, pace.per) for pace in spec.pace if pace.app]
    return of_the_app + [window for channel in channels for window in _of(channel, spec)]


def _of(channel: Channel, spec: Spec) -> Iterator[Window]:
    for pace in channel.pace or [pace for pace in spec.pace if not pace.app]:
        yield _window(channel.id, pace.posts, pace.per)
    if spacing := channel.spacing.total_seconds():
        yield Window(channel.id, SPACING, spacing, 1)


def _window(account: str, posts: int, per: timedelta) -> Window:
    seconds = per.total_seconds()
    burst = (posts + 1) // 2
    return Window(account, round(seconds), seconds / (posts - burst or 1), burst)


WINDOWS = (
    bindparam("accounts", type_=ARRAY(Text)),
    bindparam("seconds", type_=ARRAY(Integer)),
    bindparam("steps", type_=ARRAY(Float)),
    bindparam("bursts", type_=ARRAY(Integer)),
)


def values(counts: Sequence[Window]) -> dict[str, Any]:
    """Return counts as a statement's parameters."""
    return {
        "accounts": [one.account for one in counts],
        "seconds": [one.seconds for one in counts],
        "steps": [one.step for one in counts],
        "bursts": [one.burst for one in counts],
    }


ROWS = text(
    """
    INSERT INTO pace (account, seconds, full_at)
    SELECT account, seconds, now() FROM unnest(:accounts, :seconds) AS w (account, seconds) ON CONFLICT DO NOTHING
    """
).bindparams(*WINDOWS[:2])


async def ensure(counts: Sequence[Window], db: Session) -> None:
    """Make the rows in which is counted; those that are there stay."""
    await db.execute(ROWS, {name: list_ for name, list_ in values(counts).items() if name in ("accounts", "seconds")})


BLOCK = text(
    """
    INSERT INTO block (account, until, reason) VALUES (:account, now() + make_interval(secs => :seconds), :reason)
    ON CONFLICT (account) DO UPDATE SET until = greatest(block.until, excluded.until), reason = excluded.reason
    """
)


async def block(account: str, seconds: float, reason: str, db: Session) -> None:
    """Leave an account alone for a while: its platform said so, and what it says wins."""
    await db.execute(BLOCK, {"account": account, "seconds": seconds, "reason": reason})
