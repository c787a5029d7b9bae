"""What the platform reports wins: its own count of a quota, and the posts that others made on our accounts (C8).

Asked for a channel about to publish, every some minutes, where its platform can be asked or others post there too.
What is found moves the rows that a claim counts in, forward only: our own count is never less than what we did.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import ARRAY, DateTime, Text, bindparam, text

from services.publisher import pace
from services.publisher.accounts import Accounts
from services.publisher.settings import PublisherSettings
from shared.adapter.contract import Account, Connector, Http, Listed, Publisher, Reported
from shared.adapter.errors import PlatformError, TryLater
from shared.adapter.spec import Spec
from shared.channels import Channel, Registry
from shared.database import Session
from shared.events import Event

log = structlog.get_logger()

FAILED = Counter(
    "carillon_usage_failed_total", "Questions about quotas and others' posts without an answer", ["channel"]
)

LONGEST_PAUSE = 3_600.0
BACK = timedelta(days=1)
"""How far back others' posts are read, and what we did is counted."""
_FLYING = "('attempting', 'pending', 'uncertain', 'needs_review')"
CHANNELS = bindparam("channels", type_=ARRAY(Text))

NEW = text("INSERT INTO usage (channel) SELECT unnest(:channels) ON CONFLICT DO NOTHING").bindparams(CHANNELS)
CLAIM = text(
    """
    WITH due AS (
        SELECT channel FROM usage w
        WHERE channel = ANY(:channels) AND due_at <= now() AND EXISTS (
            SELECT FROM delivery d WHERE d.channel = w.channel AND d.state IN ('planned', 'held', 'due')
                AND d.due_at < now() + make_interval(secs => 2 * :period))
        LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE usage w SET fence = fence + 1, due_at = now() + make_interval(secs => :lease)
    FROM due WHERE w.channel = due.channel RETURNING w.channel, w.fence, w.failures
    """
).bindparams(CHANNELS)
SETTLE = text(
    """
    UPDATE usage SET due_at = now() + make_interval(secs => :after), failures = :failures
    WHERE channel = :channel AND fence = :fence RETURNING channel
    """
)
LOCK = text("SELECT FROM pace WHERE account = :channel ORDER BY seconds FOR UPDATE")
# A listed post is another's unless it is one of ours, or may be: made since a try began that is not settled yet.
FOUND = text(
    f"""
    INSERT INTO foreign_post (channel, external_id, at)
    SELECT :channel, l.id, l.at FROM unnest(:ids, :ats) AS l (id, at)
    WHERE NOT EXISTS (
        SELECT FROM delivery d WHERE d.channel = :channel AND d.state = 'published'
            AND d.published_at > l.at - interval '1 hour' AND (d.external_id = l.id OR l.id = ANY(d.external_ids)))
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.channel = :channel AND d.state IN {_FLYING}
            AND d.began_at <= l.at + interval '5 minutes')
    ON CONFLICT DO NOTHING RETURNING 1
    """  # noqa: S608 - constants
).bindparams(bindparam("ids", type_=ARRAY(Text)), bindparam("ats", type_=ARRAY(DateTime(timezone=True))))
KNOWN = f"""
    SELECT published_at AS at, cost, false AS foreign_one FROM delivery
    WHERE channel = :channel AND state = 'published' AND published_at > now() - make_interval(secs => :stretch)
    UNION ALL
    SELECT tried_at, cost, false FROM delivery
    WHERE channel = :channel AND state IN {_FLYING} AND tried_at > now() - make_interval(secs => :stretch)
    UNION ALL
    SELECT at, 1, NOT counted FROM foreign_post
    WHERE channel = :channel AND at > now() - make_interval(secs => :stretch)
    """  # noqa: S608 - constants
# What is used beyond what we know of was done by somebody, some time before now.
MORE = text(
    f"""
    INSERT INTO foreign_post (channel, external_id, at, counted)
    SELECT :channel, gen_random_uuid()::text, now(), true
    FROM generate_series(1, :used - (SELECT coalesce(sum(cost), 0)::int FROM ({KNOWN}) AS known))
    """  # noqa: S608 - constants
)
SAID = text("UPDATE pace SET posts = :posts WHERE account = :channel AND seconds = :stretch")
# All that is known, replayed: the row is where it would be if each post had been counted when it was made.
MOVED = text(
    f"""
    WITH known AS ({KNOWN}
    ), line AS (
        SELECT at, foreign_one, sum(cost) OVER (ORDER BY at DESC ROWS UNBOUNDED PRECEDING)::float AS since FROM known
    )
    UPDATE pace SET full_at = greatest(full_at, CASE
        WHEN seconds = 0 THEN (SELECT max(at) FROM line WHERE foreign_one) + make_interval(secs => w.step)
        ELSE (SELECT max(at + make_interval(
                secs => since * {pace.STEP}))
            FROM line WHERE at > now() - make_interval(secs => seconds)) END)
    FROM unnest(:accounts, :seconds, :steps) AS w (account, of_seconds, step)
    WHERE pace.account = :channel AND w.account = :channel AND w.of_seconds = pace.seconds
    """  # noqa: S608 - constants
).bindparams(*pace.WINDOWS[:3])
FORGET = text("DELETE FROM foreign_post WHERE channel = :channel AND at < now() - interval '7 days'")


@dataclass(frozen=True, slots=True)
class Round:
    """A channel whose platform is being asked."""

    channel: str
    fence: int
    failures: int
    traceparent: None = None

    @property
    def subject(self) -> str:
        """The channel."""
        return self.channel


@dataclass(frozen=True, slots=True)
class Seen:
    """What a platform said of one account."""

    reported: Sequence[Reported] = ()
    listed: Sequence[Listed] = ()


class Usage:
    """Asks one platform, claim, call, settle."""

    name = "usage"

    def __init__(
        self,
        spec: Spec,
        publisher: Publisher,
        connector: Connector,
        *,
        accounts: Accounts,
        registry: Callable[[], Registry],
        http: Http,
        settings: PublisherSettings,
    ) -> None:
        self._spec = spec
        self._publisher = publisher
        self._connector = connector
        self._accounts = accounts
        self._registry = registry
        self._http = http
        self._settings = settings
        self._known: list[str] = []

    async def claim(self, most: int, db: Session) -> Sequence[Round]:
        """Claim channels that are about to publish and were not asked about of late."""
        channels = [channel.id for channel in self._channels()]
        if channels != self._known:
            await db.execute(NEW, {"channels": channels})
            await pace.ensure(pace.windows(self._spec, self._registry()), db)
            self._known = channels
        if not channels:
            return ()
        period, lease = self._settings.usage_seconds, 2 * self._settings.http_seconds
        rows = await db.execute(CLAIM, {"channels": channels, "period": period, "lease": lease, "most": most})
        return [Round(row.channel, row.fence, row.failures) for row in rows]

    async def rest(self, db: Session) -> float | None:
        """Return nothing: a channel may be about to publish at any moment."""
        return None

    async def call(self, claim: Round) -> Seen | PlatformError:
        """Ask; what the platform does not say moves nothing."""
        try:
            account = await self._accounts.of(claim.channel)
            reported = await self._connector.quota(account, self._http) if self._spec.quotas else ()
            return Seen(reported, await self._others(account))
        except PlatformError as error:
            FAILED.labels(claim.channel).inc()
            log.warning("a platform did not say what is used", channel=claim.channel, reason=error.reason)
            return error

    async def settle(self, claim: Round, outcome: Seen | PlatformError, db: Session) -> Sequence[Event]:
        """Count what was said, where the channel is still ours."""
        failed = isinstance(outcome, PlatformError)
        who = {"channel": claim.channel, "fence": claim.fence}
        failures = claim.failures + 1 if failed else 0
        then = {"after": self._after(outcome, failures), "failures": failures}
        if (await db.execute(SETTLE, who | then)).first() and isinstance(outcome, Seen):
            await self._count(claim.channel, outcome, db)
        return ()

    async def _others(self, account: Account) -> Sequence[Listed]:
        if not self._registry().channels[account.channel].shared_with:
            return ()
        return await self._publisher.recent(account, datetime.now(UTC) - BACK, self._http)

    async def _count(self, channel: str, seen: Seen, db: Session) -> None:
        who: dict[str, Any] = {"channel": channel}
        await db.execute(LOCK, who)  # whoever claims waits until it is counted
        if seen.listed:
            listed = {"ids": [one.id for one in seen.listed], "ats": [one.at for one in seen.listed]}
            if found := len(await db.execute(FOUND, who | listed)):
                log.info("others posted", channel=channel, posts=found)
        for reported in seen.reported:
            await self._reported(channel, reported, db)
        counts = [one for one in pace.windows(self._spec, self._registry()) if one.account == channel]
        values = {name: list_ for name, list_ in pace.values(counts).items() if name != "bursts"}
        await db.execute(MOVED, who | values | {"stretch": BACK.total_seconds()})
        await db.execute(FORGET, who)

    async def _reported(self, channel: str, reported: Reported, db: Session) -> None:
        """Count what is used beyond what we know, and take the platform's word for how much there is."""
        about = {"channel": channel, "stretch": round(reported.per.total_seconds())}
        await db.execute(MORE, about | {"used": reported.used})
        ours = self._registry().channels[channel].pace
        posts = min([reported.posts, *(one.posts for one in ours if one.per == reported.per)])
        await db.execute(SAID, about | {"posts": posts})
        if reported.used >= reported.posts:
            reason = f"its platform says that all of its {reported.posts} posts are used"
            await pace.block(channel, self._settings.usage_seconds, reason, db)

    def _after(self, outcome: Seen | PlatformError, failures: int) -> float:
        """Return the seconds until the next question."""
        if isinstance(outcome, Seen):
            return self._settings.usage_seconds
        asked = outcome.after or 0.0 if isinstance(outcome, TryLater) else 0.0
        return max(asked, min(LONGEST_PAUSE, self._settings.usage_seconds * 2.0 ** min(failures - 1, 10)))

    def _channels(self) -> list[Channel]:
        channels = [one for one in self._registry().channels.values() if one.platform == self._spec.name]
        return [one for one in channels if self._spec.quotas or one.shared_with]
