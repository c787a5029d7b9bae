"""What stands in the way of publishing, as figures: room that is left, accounts and platforms that are left alone."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from prometheus_client import Gauge
from sqlalchemy import text

from services.publisher import pace
from services.publisher.pace import SPACING, Window
from shared import platforms
from shared.channels import Registry
from shared.database import Row, Session
from shared.events import Event

LEFT = Gauge("carillon_quota_left", "Posts that may go out at once, by the quotas of channel and app", ["channel"])
OPEN = Gauge("carillon_breaker_open", "1 while a platform is left alone because it is out of order", ["platform"])
BLOCKED = Gauge(
    "carillon_blocked_seconds", "For how long an account is left alone still, as its platform told", ["channel"]
)

USED = text(
    """
    SELECT account, seconds, posts, greatest(0, extract(epoch FROM full_at - clock_timestamp()))::float AS used
    FROM pace
    """
)
BLOCKS = text("SELECT account, extract(epoch FROM until - now())::float AS seconds FROM block WHERE until > now()")
BREAKERS = text("SELECT platform FROM breaker WHERE until IS NOT NULL")


class Figures:
    """Reads what all workers count, and shows it."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry

    async def tick(self, db: Session) -> tuple[Sequence[Event], None]:
        """Look once."""
        channels = self._registry().channels
        used = {(row.account, row.seconds): row for row in await db.execute(USED)}
        blocked = {row.account: row.seconds for row in await db.execute(BLOCKS)}
        broken = set((await db.execute(BREAKERS)).scalars())
        for platform, spec in platforms.specs().items():
            OPEN.labels(platform).set(platform in broken)
            counts = [one for one in pace.windows(spec, self._registry()) if one.seconds != SPACING]
            for channel in (one.id for one in channels.values() if one.platform == platform):
                whose = (channel, platform)
                left = [_left(one, used.get((one.account, one.seconds))) for one in counts if one.account in whose]
                LEFT.labels(channel).set(min(left))
                BLOCKED.labels(channel).set(max(blocked.get(account, 0) for account in whose))
        return (), None


def _left(count: Window, row: Row | None) -> int:
    """Return how many posts a count lets through at once; `row` is None before anything was counted."""
    if row is None:
        return count.burst
    if row.posts is not None:
        count = pace.window(count.account, row.posts, timedelta(seconds=count.seconds))
    return max(0, int(count.burst - row.used / count.step + 1e-6))
