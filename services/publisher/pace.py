"""How fast an account may publish: its quotas and its spacing, counted in the database for all workers together.

Each stretch of time is counted by the generic cell rate algorithm (GCRA): a row says when all room is there again.
Half of a quota may go at once, the other half is spread over its time, so no stretch of that length ever holds more
than the quota, wherever it begins. Taken when a post is claimed (`claim.CLAIM`), before anything is called;
given back where certainly nothing came of it. What a platform itself says of a quota, and what others post on our
accounts, moves the same rows (`usage.py`).
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
    # Where each channel has a pace of its own, whoever wrote it down has thought of the app as well.
    everybody = all(channel.pace for channel in channels)
    of_the_app = [window(spec.name, pace.posts, pace.per) for pace in spec.pace if pace.app and not everybody]
    return of_the_app + [window for channel in channels for window in _of(channel, spec)]


def _of(channel: Channel, spec: Spec) -> Iterator[Window]:
    for pace in channel.pace or [pace for pace in spec.pace if not pace.app]:
        yield window(channel.id, pace.posts, pace.per)
    if spacing := channel.spacing.total_seconds():
        yield Window(channel.id, SPACING, spacing, 1)


def window(account: str, posts: int, per: timedelta) -> Window:
    """Return the count of a quota."""
    seconds = per.total_seconds()
    burst = (posts + 1) // 2
    return Window(account, round(seconds), seconds / (posts - burst or 1), burst)


STEP = "CASE WHEN posts IS NULL THEN w.step ELSE seconds::float / greatest(posts / 2, 1) END"
"""In SQL: the seconds from one post to the next, as the platform's own word makes them, else as `w` says."""
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
    SELECT account, seconds, now() FROM unnest(:accounts, :seconds) AS w (account, seconds) ORDER BY 1, 2
    ON CONFLICT (account, seconds) DO UPDATE SET posts = NULL
    """
).bindparams(*WINDOWS[:2])


async def ensure(counts: Sequence[Window], db: Session) -> None:
    """Make the rows in which is counted; what is used stays so, what a platform said of its quota is asked again."""
    await db.execute(ROWS, {name: list_ for name, list_ in values(counts).items() if name in ("accounts", "seconds")})


# What was leaked since it was taken is not given back: so no stretch ever holds more than its quota. Of a distance to
# the post before, only that which this very post set.
GIVE_BACK = text(
    f"""
    WITH counted AS (
        SELECT account, seconds, {STEP} AS step FROM pace
        JOIN unnest(:accounts, :seconds, :steps) AS w (account, seconds, step) USING (account, seconds)
        WHERE account IN (:channel, :platform) ORDER BY account, seconds FOR UPDATE OF pace
    )
    UPDATE pace p SET full_at = p.full_at - make_interval(secs => greatest(0,
        c.step * CASE WHEN p.seconds = 0 THEN 1 ELSE :posts END - :elapsed))
    FROM counted c WHERE p.account = c.account AND p.seconds = c.seconds
        AND (p.seconds > 0 OR p.full_at < now() + make_interval(secs => c.step - :elapsed + 1))
    """  # noqa: S608 - constants
).bindparams(*WINDOWS[:3])


async def give_back(
    channel: str, platform: str, posts: int, elapsed: float, counts: Sequence[Window], db: Session
) -> None:
    """Return what a claim took `elapsed` seconds ago: the platform certainly made nothing of it."""
    what = {"channel": channel, "platform": platform, "posts": posts, "elapsed": elapsed}
    await db.execute(GIVE_BACK, what | {name: list_ for name, list_ in values(counts).items() if name != "bursts"})


BLOCK = text(
    """
    INSERT INTO block (account, until, reason) VALUES (:account, now() + make_interval(secs => :seconds), :reason)
    ON CONFLICT (account) DO UPDATE SET until = greatest(block.until, excluded.until), reason = excluded.reason
    """
)


async def block(account: str, seconds: float, reason: str, db: Session) -> None:
    """Leave an account alone for a while: its platform said so, and what it says wins."""
    await db.execute(BLOCK, {"account": account, "seconds": seconds, "reason": reason})
