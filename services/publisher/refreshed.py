"""What came of a look at an account, and what follows: written down where nobody else has written since.

A new grant is written over the one that it was asked for with (`version`), whoever holds the lease by then: where
refresh tokens are good once, it is the only one that is worth anything. The old one stays beside it until the new one
has let us in once.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeAlias

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from prometheus_client import Counter
from sqlalchemy import text

from services.publisher import grants
from services.publisher.seal import Keys
from services.publisher.settings import PublisherSettings
from shared import box, platforms
from shared.adapter.contract import Grant
from shared.database import Session
from shared.events import AccountRefreshed, Event

log = structlog.get_logger()

REFRESHES = Counter(
    "carillon_account_refreshes_total", "Looks at an account, by what came of them", ["platform", "outcome"]
)

KEEP = text(
    """
    UPDATE account SET
        previous = CASE WHEN :by_previous THEN previous ELSE sealed END, sealed = :sealed, key_id = :key_id,
        account_id = :account_id, scopes = :scopes, expires_at = :expires_at, refresh_expires_at = :refresh_expires_at,
        ends_at = :ends_at, state = CASE WHEN CAST(:ends_at AS timestamptz) <= now() + make_interval(days => 1) * :soon
            THEN 'expiring' ELSE 'connected' END,
        version = version + 1, tries = 0, reason = NULL, lease_until = NULL,
        due_at = now(), refreshed_at = now(), checked_at = now()
    WHERE channel = :channel AND version = :version RETURNING channel
    """
)
WORKS = text(
    """
    UPDATE account SET previous = NULL, tries = 0, reason = NULL, lease_until = NULL, due_at = :due_at,
        checked_at = now(), state = CASE WHEN ends_at <= now() + make_interval(days => 1) * :soon
            THEN 'expiring' ELSE 'connected' END
    WHERE channel = :channel AND version = :version AND fence = :fence RETURNING channel
    """
)
DEAD = text(
    """
    UPDATE account SET state = 'reconnect', reason = :reason, due_at = NULL, lease_until = NULL, checked_at = now()
    WHERE channel = :channel AND version = :version AND fence = :fence RETURNING channel
    """
)
LATER = text(
    """
    UPDATE account SET reason = :reason, lease_until = NULL, due_at = now() + make_interval(secs => :after),
        state = CASE WHEN expires_at <= now() AND state = 'connected' THEN 'expiring' ELSE state END
    WHERE channel = :channel AND version = :version AND fence = :fence RETURNING channel
    """
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An account that this refresher may look at until its lease ends."""

    channel: str
    sealed: bytes = field(repr=False)
    previous: bytes | None = field(repr=False)
    account_id: str
    version: int
    fence: int
    tries: int
    refreshed_at: datetime
    connected_at: datetime
    trusted_until: float
    """By this machine's monotonic clock: later than this, no call begins."""
    traceparent: None = None

    @property
    def subject(self) -> str:
        """The channel."""
        return self.channel

    @property
    def platform(self) -> str:
        """The channel's platform."""
        return self.channel.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Renewed:
    """There is a new grant."""

    word: ClassVar[str] = "renewed"
    grant: Grant
    by_previous: bool = False
    """Whether it was asked for with the grant before the last one."""


@dataclass(frozen=True, slots=True)
class Works:
    """The grant lets us in."""

    word: ClassVar[str] = "works"
    grant: Grant


@dataclass(frozen=True, slots=True)
class Dead:
    """Only the account's owner can help."""

    word: ClassVar[str] = "reconnect"
    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody knows yet; `after` says in how many seconds to ask again, if the platform said that much."""

    word: ClassVar[str] = "later"
    reason: str
    after: float | None = None


Outcome: TypeAlias = Renewed | Works | Dead | Later


class Writer:
    """Writes outcomes down; `receiver`: whom metrics' tokens are sealed to, None where it is told of none."""

    def __init__(self, keys: Keys, receiver: X25519PublicKey | None, settings: PublisherSettings) -> None:
        self._keys = keys
        self._receiver = receiver
        self._soon = settings.expiring_days

    async def settle(self, claim: Claimed, outcome: Outcome, db: Session) -> Sequence[Event]:
        """Write down what came of a look, and tell metrics of a token that is new, or was looked at by itself."""
        statement, values = self._statement(claim, outcome)
        held = (await db.execute(statement, values)).one_or_none()
        REFRESHES.labels(claim.platform, outcome.word if held else "orphan").inc()
        if held is None:
            return []
        match outcome:
            case Dead(reason):
                log.error("an account must be connected again", channel=claim.channel, reason=reason)
            case Later(reason):
                log.warning("an account was not renewed", channel=claim.channel, reason=reason)
            case Renewed(grant):
                return told(claim.channel, grant, grant.account_id or claim.account_id, self._receiver)
            case Works(grant) if claim.previous is None:
                return told(claim.channel, grant, claim.account_id, self._receiver)
        return []

    def _statement(self, claim: Claimed, outcome: Outcome) -> tuple[Any, dict[str, Any]]:
        mine = {"channel": claim.channel, "version": claim.version}
        fenced = mine | {"fence": claim.fence}
        match outcome:
            case Renewed(grant, by_previous):
                row = row_of(grant, claim.channel, claim.connected_at, self._keys)
                row |= {"account_id": grant.account_id or claim.account_id, "by_previous": by_previous}
                return KEEP, mine | row | {"soon": self._soon}
            case Works(grant):
                model = platforms.specs()[claim.platform].grants
                due_at = grants.look_at(grant, model, datetime.now(UTC))
                return WORKS, fenced | {"due_at": due_at, "soon": self._soon}
            case Dead(reason):
                return DEAD, fenced | {"reason": reason}
            case Later(reason, after):
                return LATER, fenced | {"reason": reason, "after": after or _pause(claim.tries)}


def row_of(grant: Grant, channel: str, since: datetime, keys: Keys) -> dict[str, Any]:
    """Return a grant as its columns; raises SealError. `since`: when the owner let us in."""
    model = platforms.specs()[channel.partition("/")[2]].grants
    sealed = keys.seal(grants.written(grant), grants.about(channel))
    return {
        "sealed": sealed.bytes,
        "key_id": sealed.key_id,
        "account_id": grant.account_id,
        "scopes": sorted(grant.scopes),
        "expires_at": grant.expires_at,
        "refresh_expires_at": grant.refresh_expires_at,
        "ends_at": grants.ends_at(grant, model, since),
    }


def told(channel: str, grant: Grant | None, account_id: str, receiver: X25519PublicKey | None) -> list[Event]:
    """Return what metrics is told of an account: its access token, sealed to metrics; None: there is none any more."""
    if receiver is None:
        return []
    sealed = box.close(grant.access_token, receiver, channel) if grant else ""
    expires_at = grant.expires_at if grant else None
    return [AccountRefreshed(channel=channel, sealed_token=sealed, expires_at=expires_at, account_id=account_id)]


def _pause(tries: int) -> float:
    """Return the seconds until the next look: doubling from half a minute, jittered, never more than ten minutes."""
    return float(min(600.0, 30.0 * 2.0 ** min(tries - 1, 10)) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
