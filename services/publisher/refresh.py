"""The act: a grant is renewed before it ends, and looked at once more when it is new. Claim, call, settle."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import structlog
from sqlalchemy import text

from services.publisher import grants
from services.publisher.apps import Apps, MissingAppError
from services.publisher.refreshed import Claimed, Dead, Later, Outcome, Renewed, Works, Writer
from services.publisher.seal import Keys, SealError
from services.publisher.settings import PublisherSettings
from shared import platforms
from shared.adapter.contract import Account, App, Connector, Grant, Http
from shared.adapter.errors import PlatformError, TryLater, Unauthorized
from shared.channels import Channel
from shared.database import Session
from shared.events import Event

log = structlog.get_logger()

AN_HOUR, A_DAY = 3_600.0, 86_400.0

CLAIM = text(
    """
    UPDATE account SET fence = fence + 1, tries = tries + 1, lease_until = now() + make_interval(secs => :lease)
    WHERE channel IN (
        SELECT channel FROM account
        WHERE due_at <= now() AND sealed IS NOT NULL AND (lease_until IS NULL OR lease_until <= now())
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    )
    RETURNING channel, sealed, previous, account_id, version, fence, tries, refreshed_at, connected_at
    """
)
REST = text(
    """
    SELECT extract(epoch FROM min(greatest(due_at, lease_until)) - now())::float
    FROM account WHERE due_at IS NOT NULL AND sealed IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class _Visit:
    """All that one look at an account needs."""

    channel: Channel
    account_id: str
    app: App
    connector: Connector
    http: Http

    async def opens(self, grant: Grant) -> None:
        """Ask who is let in with a grant; raises PlatformError."""
        channel, secrets = self.channel, {"access_token": grant.access_token}
        account = Account(channel.id, channel.handle, channel.base_url, secrets, id=self.account_id)
        await self.connector.verify(account, self.http)


class Refresh:
    """Looks at accounts that are due, and renews their grants; as many refreshers as you like."""

    name = "refresh"

    def __init__(
        self, apps: Apps, keys: Keys, https: Mapping[str, Http], writer: Writer, settings: PublisherSettings
    ) -> None:
        self._apps = apps
        self._keys = keys
        self._https = https
        self._writer = writer
        self._settings = settings

    async def claim(self, most: int, db: Session) -> Sequence[Claimed]:
        """Claim accounts that are due and that no other refresher holds."""
        began = monotonic()
        rows = await db.execute(CLAIM, {"most": most, "lease": self._settings.lease_seconds})
        return [Claimed(**dict(row), trusted_until=began + self._settings.trust_seconds) for row in rows]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next account is due."""
        seconds: float | None = (await db.execute(REST)).scalar()
        return seconds

    async def call(self, claim: Claimed) -> Outcome:
        """Look at one account; whatever happens is an outcome, and no secret is in it but in a grant."""
        kept: list[Grant] = []
        try:
            kept += self._opened(claim)
            async with asyncio.timeout(claim.trusted_until - monotonic()):
                return await self._look(claim, kept)
        except (SealError, MissingAppError) as error:
            log.error("an account cannot be looked after", channel=claim.channel, reason=str(error))
            return Later(str(error))
        except Unauthorized as error:
            lost = "; the answer to an earlier try may have been lost" if claim.tries > 1 else ""
            return Dead(_hidden(error.reason, kept) + lost)
        except PlatformError as error:
            after = error.after if isinstance(error, TryLater) else None
            return Later(_hidden(error.reason, kept), after and min(after, AN_HOUR))
        except TimeoutError:
            return Later(f"no answer within {self._settings.trust_seconds:.0f} seconds")

    async def settle(self, claim: Claimed, outcome: Outcome, db: Session) -> Sequence[Event]:
        """Write down what came of it."""
        return await self._writer.settle(claim, outcome, db)

    def _opened(self, claim: Claimed) -> list[Grant]:
        """Return the grant, and the one before it where the new one has not yet let us in."""
        kept = [self._read(claim.sealed, claim.channel)]
        if claim.previous:
            with suppress(SealError):  # its key may be gone: then the new one has to do by itself
                kept.append(self._read(claim.previous, claim.channel))
        return kept

    def _read(self, sealed: bytes, channel: str) -> Grant:
        return grants.read(self._keys.open(sealed, grants.about(channel)))

    async def _look(self, claim: Claimed, kept: Sequence[Grant]) -> Outcome:
        if (channel := self._apps.channel(claim.channel)) is None:
            return Later(f"{claim.channel} is not in the channel registry", A_DAY)
        connector, app = platforms.connector_of(claim.platform), self._apps.of(channel, claim.account_id)
        visit = _Visit(channel, claim.account_id, app, connector, self._https[claim.platform])
        grant, model = kept[0], platforms.specs()[claim.platform].grants
        if len(kept) > 1:
            return await _proven(visit, kept, grants.renewable(grant, model))
        if not grants.renewable(grant, model) or grants.young(grant, model, claim.refreshed_at):
            await visit.opens(grant)
            return Works(grant)
        return await _renewed(visit, grant)


async def _renewed(visit: _Visit, grant: Grant, *, by_previous: bool = False) -> Outcome:
    """Renew a grant; one that names no end comes back as it was."""
    new = await visit.connector.refresh(visit.app, grant, visit.http)
    if not new.access_token:
        return Later("the platform answered without an access token")
    return Works(new) if new == grant and not by_previous else Renewed(new, by_previous)


async def _proven(visit: _Visit, kept: Sequence[Grant], renewable: bool) -> Outcome:
    """See whether a new grant lets us in; where it does not, ask again with it, then with the one before it."""
    try:
        await visit.opens(kept[0])
        return Works(kept[0])
    except Unauthorized:
        if not renewable:
            raise
    try:
        return await _renewed(visit, kept[0])
    except Unauthorized:
        return await _renewed(visit, kept[1], by_previous=True)


def _hidden(reason: str, kept: Sequence[Grant]) -> str:
    return grants.hidden(reason, [token for one in kept for token in (one.access_token, one.refresh_token)])
