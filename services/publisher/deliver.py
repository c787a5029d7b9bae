"""The act: an approved post is published once. Claim, call, settle."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from services.publisher.accounts import Accounts
from services.publisher.outcome import Outcome, Unresolved, settle
from services.publisher.settings import PublisherSettings
from shared.adapter.contract import Absence, Attempt, Http, Media, Published, Publisher, Safe, Spec
from shared.adapter.errors import PlatformError, Rejected, TryLater, Uncertain
from shared.channels import Registry
from shared.database import Sessions
from shared.events import Brief, Event, PostDue
from shared.payload import Payload

# Everything that must hold for a post to go out is tested here, in the statement that also writes down that we are
# about to try. A post whose outcome is unknown is claimed in any case: to look what became of it needs no approval.
CLAIM = text(
    """
    WITH ready AS (
        SELECT post FROM delivery
        WHERE post = ANY(:posts) AND platform = :platform AND (
            state = 'uncertain' AND due_at IS NOT NULL
            OR state IN ('due', 'pending') AND channel = ANY(:open_channels) AND not_after > now()
                AND verdict = 'approved' AND approved_hash = payload_hash AND approved_revision = revision
                AND approved_until > now())
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE delivery d SET
            state = 'attempting', fence = d.fence + 1, tries = d.tries + 1, began_at = coalesce(d.began_at, now()),
            lease_until = now() + make_interval(secs => :lease)
        FROM ready r JOIN delivery o ON o.post = r.post WHERE d.post = r.post
        RETURNING d.post, d.revision, d.fence, d.tries, d.channel, d.payload, d.payload_hash, d.brief, d.began_at,
            d.resume, d.publish_at, d.traceparent, o.state = 'uncertain' AS uncertain,
            coalesce(d.channel = ANY(:open_channels) AND d.verdict = 'approved' AND d.approved_hash = d.payload_hash
                AND d.approved_revision = d.revision AND d.approved_until > now(), false) AS allowed
    ), written AS (
        INSERT INTO try (post, fence, revision, payload_hash) SELECT post, fence, revision, payload_hash FROM claimed
    )
    SELECT * FROM claimed
    """
).bindparams(bindparam("posts", type_=ARRAY(Uuid)), bindparam("open_channels", type_=ARRAY(Text)))

# Asked before each further call that makes something public. No row: the lease, the approval or the stance is gone.
STILL = text(
    """
    UPDATE delivery SET resume = :resume, lease_until = now() + make_interval(secs => :lease)
    WHERE post = :post AND fence = :fence AND state = 'attempting' AND lease_until > now()
        AND verdict = 'approved' AND approved_hash = payload_hash AND approved_revision = revision
        AND approved_until > now() AND channel = ANY(:open_channels)
    RETURNING 1
    """
).bindparams(bindparam("resume", type_=JSONB), bindparam("open_channels", type_=ARRAY(Text)))
KEEP = text("UPDATE delivery SET resume = :resume WHERE post = :post AND fence = :fence").bindparams(
    bindparam("resume", type_=JSONB)
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A post that this worker may publish, until its lease ends or somebody takes the approval back."""

    post: UUID
    fence: int
    tries: int
    channel: str
    payload: Payload
    payload_hash: str
    brief: Brief
    publish_at: datetime
    attempt: Attempt
    traceparent: str | None
    uncertain: bool
    allowed: bool
    trusted_until: float
    """By this machine's monotonic clock: later than this, no call begins."""

    @property
    def subject(self) -> str:
        """The post."""
        return str(self.post)


class Deliver:
    """Publishes what is due on one platform."""

    name = "deliver"

    def __init__(
        self,
        spec: Spec,
        publisher: Publisher,
        *,
        sessions: Sessions,
        accounts: Accounts,
        registry: Callable[[], Registry],
        http: Http,
        media: Media,
        settings: PublisherSettings,
    ) -> None:
        self._spec = spec
        self._publisher = publisher
        self._sessions = sessions
        self._accounts = accounts
        self._registry = registry
        self._http = http
        self._media = media
        self._settings = settings

    async def claim(self, events: Sequence[PostDue], db: AsyncSession) -> Sequence[Claimed]:
        """Claim the posts that may be tried now; the others wait for their next look."""
        started = monotonic()
        values = {
            "posts": [event.post for event in events],
            "platform": self._spec.name,
            "lease": self._settings.lease_seconds,
            "open_channels": self._open_channels(),
        }
        rows = (await db.execute(CLAIM, values)).all()
        return [_claimed(row, started + self._settings.trust_seconds) for row in rows]

    async def call(self, claim: Claimed) -> Outcome:
        """Publish, or find out what became of an earlier try; whatever happens is an outcome."""
        left = claim.trusted_until - monotonic()
        try:
            async with asyncio.timeout(left):
                return await self._try(claim)
        except PlatformError as error:
            return error
        except TimeoutError:
            return Uncertain(f"no answer within {self._settings.trust_seconds:.0f} seconds")

    async def settle(self, claim: Claimed, outcome: Outcome, db: AsyncSession) -> Sequence[Event]:
        """Write down what became of it."""
        return await settle(claim, outcome, db, self._settings)

    async def _try(self, claim: Claimed) -> Outcome:
        if claim.payload.digest() != claim.payload_hash:
            raise Rejected("the stored payload is not the one that was approved")
        account = self._accounts.of(claim.channel)
        if claim.uncertain and not (claim.allowed and self._repeatable(claim)):
            found = await self._publisher.find(claim.payload, account, claim.attempt, self._http)
            if isinstance(found, Published):
                return found
            if self._spec.absence is not Absence.PROVES:
                return Unresolved("nothing was found, which on this platform proves nothing")
            if not claim.allowed:
                return TryLater("it was not published, and its approval is no longer valid")
        progress = partial(self._progress, claim)
        return await self._publisher.publish(claim.payload, account, claim.attempt, self._http, self._media, progress)

    async def _progress(self, claim: Claimed, resume: Mapping[str, Any]) -> None:
        """Write down what is done so far; raises TryLater when nothing more may be made public now."""
        values = {"post": claim.post, "fence": claim.fence, "resume": dict(resume)}
        still = values | {"lease": self._settings.lease_seconds, "open_channels": self._open_channels()}
        async with self._sessions.begin() as db:
            if monotonic() < claim.trusted_until and (await db.execute(STILL, still)).one_or_none():
                return
            await db.execute(KEEP, values)
        raise TryLater("the lease, the approval or the channel's stance ended on the way")

    def _repeatable(self, claim: Claimed) -> bool:
        """Say whether the platform itself makes the same call harmless, still."""
        repeat = self._spec.repeat
        if not isinstance(repeat, Safe):
            return False
        return repeat.within is None or datetime.now(UTC) - claim.attempt.created_at < repeat.within * 0.9

    def _open_channels(self) -> list[str]:
        return [channel.id for channel in self._registry().channels.values() if channel.stance != "off"]


def _claimed(row: Row[Any], trusted_until: float) -> Claimed:
    return Claimed(
        post=row.post,
        fence=row.fence,
        tries=row.tries,
        channel=row.channel,
        payload=Payload.model_validate(row.payload),
        payload_hash=row.payload_hash,
        brief=Brief.model_validate(row.brief),
        publish_at=row.publish_at,
        attempt=Attempt(
            post=row.post,
            revision=row.revision,
            created_at=row.began_at,
            key=f"{row.post}:{row.revision}",
            resume=row.resume,
        ),
        traceparent=row.traceparent,
        uncertain=row.uncertain,
        allowed=row.allowed,
        trusted_until=trusted_until,
    )
