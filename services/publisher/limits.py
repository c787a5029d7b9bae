"""The act: what a channel's account, or its instance, allows is read now and then, and ingest hears it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ARRAY, DateTime, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from services.publisher.accounts import Accounts
from services.publisher.settings import PublisherSettings
from shared.adapter.contract import Connector, Http
from shared.adapter.errors import PlatformError, TryLater, Unauthorized
from shared.adapter.spec import Spec
from shared.channels import Registry, Stance
from shared.database import Session
from shared.events import ChannelLimits, Event

log = structlog.get_logger()

FRESH = timedelta(minutes=10)
"""A worker that starts reads anew what is older than this: workers that start together, or again and again, do not."""

# The pause after a failure is written down before the call: it holds whatever becomes of this process.
CLAIM = text(
    """
    INSERT INTO channel_limits AS l (channel, fence, tries, claimed_at, due_at)
    SELECT c, 1, 1, now(), now() + make_interval(secs => :lease) FROM unnest(:channels) AS c
    WHERE NOT EXISTS (SELECT FROM channel_limits k WHERE k.channel = c AND k.due_at > now() AND k.claimed_at >= :since)
    ORDER BY c LIMIT :most
    ON CONFLICT (channel) DO UPDATE SET fence = l.fence + 1, tries = l.tries + 1, claimed_at = now(),
        due_at = now() + make_interval(secs => least(:every, :lease * 2 ^ least(l.tries, 20)))
    WHERE l.due_at <= now() OR l.claimed_at < :since
    RETURNING l.channel, l.fence, l.limits
    """
).bindparams(bindparam("channels", type_=ARRAY(Text)), bindparam("since", type_=DateTime(timezone=True)))
REST = text(
    "SELECT extract(epoch FROM min(due_at) - now())::float FROM channel_limits WHERE channel = ANY(:channels)"
).bindparams(bindparam("channels", type_=ARRAY(Text)))
LATER = text(
    """
    UPDATE channel_limits SET due_at = greatest(due_at, now() + make_interval(secs => :after))
    WHERE channel = :channel AND fence = :fence
    """
)
KEEP = text(
    """
    UPDATE channel_limits SET
        limits = :limits, read_at = now(), tries = 0, due_at = now() + make_interval(secs => :every)
    WHERE channel = :channel AND fence = :fence RETURNING read_at
    """
).bindparams(bindparam("limits", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Reading:
    """A channel whose limits are being read."""

    channel: str
    fence: int
    last: Mapping[str, int]
    traceparent: None = None

    @property
    def subject(self) -> str:
        """The channel."""
        return self.channel


class ReadLimits:
    """Reads the limits of one platform's channels, each when its time has come; what fails changes nothing."""

    name = "limits"

    def __init__(
        self,
        spec: Spec,
        connector: Connector,
        *,
        accounts: Accounts,
        registry: Callable[[], Registry],
        http: Http,
        settings: PublisherSettings,
    ) -> None:
        self._spec = spec
        self._connector = connector
        self._accounts = accounts
        self._registry = registry
        self._http = http
        self._every = timedelta(hours=settings.limits_hours).total_seconds()
        self._lease = settings.lease_seconds
        self._since = datetime.now(UTC) - FRESH

    async def claim(self, most: int, db: Session) -> Sequence[Reading]:
        """Claim channels that are due, that are new in the registry, or that nobody read since before this start."""
        channels = self._channels()
        values = {"channels": channels, "most": most, "since": self._since, "every": self._every, "lease": self._lease}
        rows = await db.execute(CLAIM, values) if channels else ()
        return [Reading(row.channel, row.fence, row.limits) for row in rows]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next channel is due."""
        seconds: float | None = (await db.execute(REST, {"channels": self._channels()})).scalar()
        return seconds

    async def call(self, claim: Reading) -> Mapping[str, int] | PlatformError:
        """Ask the platform."""
        try:
            return await self._connector.limits(await self._accounts.of(claim.channel), self._http)
        except Unauthorized as error:
            return error  # who has no account, or lost it, is told of elsewhere
        except PlatformError as error:
            log.warning("limits could not be read; the last ones stay", channel=claim.channel, reason=error.reason)
            return error

    async def settle(self, claim: Reading, outcome: Mapping[str, int] | PlatformError, db: Session) -> Sequence[Event]:
        """Keep what was read, and tell it, new or not, so that a lost word heals; nothing is told of no limits."""
        mine = {"channel": claim.channel, "fence": claim.fence}
        if isinstance(outcome, PlatformError):
            if isinstance(outcome, TryLater) and outcome.after:
                await db.execute(LATER, {**mine, "after": outcome.after})
            return ()
        kept = (await db.execute(KEEP, {**mine, "limits": dict(outcome), "every": self._every})).one_or_none()
        if kept is None or not (outcome or claim.last):
            return ()
        return [ChannelLimits(channel=claim.channel, limits=outcome, read_at=kept.read_at)]

    def _channels(self) -> list[str]:
        """Return the platform's channels that are in use."""
        channels = self._registry().channels.values()
        return [one.id for one in channels if one.platform == self._spec.name and one.stance is not Stance.OFF]
