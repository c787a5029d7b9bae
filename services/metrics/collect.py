"""Collect: measure the public posts that are due, those of one channel together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.metrics.accounts import Accounts, Closed
from services.metrics.cadence import next_age, pause
from services.metrics.settings import MetricsSettings
from services.metrics.statements import CLAIM, NEXT, NOW, SETTLE
from shared.adapter.contract import Measured
from shared.adapter.errors import PlatformError, Rejected, TryLater
from shared.database import Session
from shared.events import PostMeasured
from shared.mailbox import Caused

log = structlog.get_logger()

TOGETHER = 25
"""Posts in one batch: what Bluesky tells about in one call."""

MEASURED = Counter("carillon_metrics_measured_total", "Measurements of posts", ["platform", "outcome"])


@dataclass(frozen=True, slots=True)
class Public:
    """A public post that is being measured."""

    post: UUID
    revision: int
    channel: str
    platform: str
    external_id: str
    published_at: datetime
    fence: int
    tries: int
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Posts of one channel, measured together."""

    posts: tuple[Public, ...]
    traceparent: None = None

    @property
    def subject(self) -> str:
        """The channel."""
        return self.posts[0].channel


@dataclass(frozen=True, slots=True)
class Failed:
    """The platform did not tell; `after` says in how many seconds to ask again, if it said that much."""

    reason: str
    after: float | None = None
    closed: bool = False
    """Whether there is no account to ask with: nothing was sent, and asking again soon would not help."""


Outcome = Mapping[str, Measured] | Failed
"""The figures by external id, without the posts that the platform does not know; or why there are none."""


class Collect:
    """Claim posts that are due, ask their platform, keep what it says."""

    name = "collect"

    def __init__(self, accounts: Accounts, settings: MetricsSettings) -> None:
        self._accounts = accounts
        self._settings = settings

    async def claim(self, most: int, db: Session) -> Sequence[Batch]:
        """Claim due posts, at most one batch a channel."""
        lease = timedelta(seconds=self._settings.collect_lease_seconds)
        rows = await db.execute(CLAIM, {"most": most, "together": TOGETHER, "lease": lease})
        found = sorted((Public(*row) for row in rows), key=lambda public: public.channel)
        return [Batch(tuple(some)) for _, some in groupby(found, key=lambda public: public.channel)]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next post is due."""
        seconds: float | None = (await db.execute(NEXT)).scalar()
        return seconds

    async def call(self, claim: Batch) -> Outcome:
        """Ask the platform about all posts of the batch."""
        try:
            return await self._measure(claim.subject, [public.external_id for public in claim.posts])
        except Closed as error:
            return Failed(error.reason, closed=True)
        except PlatformError as error:
            log.warning("a measurement failed", channel=claim.subject, posts=len(claim.posts), reason=error.reason)
            return Failed(error.reason, error.after if isinstance(error, TryLater) else None)

    async def settle(self, claim: Batch, outcome: Outcome, db: Session) -> Sequence[Caused]:
        """Keep the samples, tell what was measured, and say when to measure again."""
        now: datetime = (await db.execute(NOW)).scalar_one()
        plans = [self._plan(public, outcome, now) for public in claim.posts]
        columns = {
            "posts": [plan.public.post for plan in plans],
            "fences": [plan.public.fence for plan in plans],
            "nexts": [plan.due_at for plan in plans],
            "tries": [plan.tries for plan in plans],
            "values": [plan.told and json.dumps(dict(plan.told.values)) for plan in plans],
            "organics": [plan.told and json.dumps(dict(plan.told.organic)) for plan in plans],
            "awaiteds": [plan.told and json.dumps(sorted(plan.told.awaited)) for plan in plans],
        }
        kept = set((await db.execute(SETTLE, columns | {"taken_at": now})).scalars())
        done = [plan for plan in plans if plan.public.post in kept]
        for plan in done:
            MEASURED.labels(plan.public.platform, plan.outcome).inc()
        return [plan.event(plan.told, now) for plan in done if plan.told and plan.told.values]

    async def _measure(self, channel: str, ids: Sequence[str]) -> Mapping[str, Measured]:
        """Ask about all at once; when the platform takes offence, find out at which: the others are not to suffer."""
        try:
            told = await self._accounts.ask(
                channel, "figures", lambda measurer, account, http: measurer.measure(ids, account, http)
            )
            return {one.external_id: one for one in told}
        except Rejected as error:
            if len(ids) == 1:
                log.warning("a post cannot be measured", channel=channel, external_id=ids[0], reason=error.reason)
                return {}
        half = len(ids) // 2
        return {**await self._measure(channel, ids[:half]), **await self._measure(channel, ids[half:])}

    def _plan(self, public: Public, outcome: Outcome, now: datetime) -> "Plan":
        """Return what is kept of a post, and when it is measured again."""
        if isinstance(outcome, Failed) and not outcome.closed and public.tries + 1 < self._settings.collect_tries:
            return Plan(public, None, now + pause(public.tries, outcome.after), public.tries + 1, "failed")
        later = next_age(now - public.published_at, self._settings.ages)
        due_at = public.published_at + later if later else None
        if isinstance(outcome, Failed):
            return Plan(public, None, due_at, 0, "without account" if outcome.closed else "failed")
        told = outcome.get(public.external_id)
        return Plan(public, told, due_at, 0, "missing" if told is None else "measured" if told.values else "awaited")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a measurement changes about a post."""

    public: Public
    told: Measured | None
    due_at: datetime | None
    tries: int
    outcome: str

    def event(self, told: Measured, now: datetime) -> Caused:
        """Return the event that tells the values."""
        age = max(0, int((now - self.public.published_at).total_seconds()))
        event = PostMeasured(
            post=self.public.post,
            revision=self.public.revision,
            measured_at=now,
            age_seconds=age,
            values=told.values,
        )
        return Caused(event, self.public.traceparent)
