"""How an account is given back: the platform is told, and what was kept is erased. Claim, call, settle."""

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.publisher import grants
from services.publisher.apps import Apps, MissingAppError
from services.publisher.connect import unknown
from services.publisher.refreshed import told
from services.publisher.seal import Keys, SealError
from services.publisher.settings import PublisherSettings
from shared import platforms
from shared.adapter.client import HttpClient
from shared.adapter.errors import PlatformError, Rejected, Unauthorized
from shared.channels import Channel
from shared.http.problems import Problem
from shared.mailbox import Mailbox

log = structlog.get_logger()

BUSY = 15
"""Seconds after which to ask again where a refresher is at it."""

CLAIM = text(
    """
    UPDATE account SET fence = fence + 1, lease_until = now() + make_interval(secs => :lease)
    WHERE channel = :channel AND (lease_until IS NULL OR lease_until <= now())
    RETURNING sealed, account_id, fence
    """
)
THERE = text("SELECT channel FROM account WHERE channel = :channel")
RELEASE = text("UPDATE account SET lease_until = NULL WHERE channel = :channel AND fence = :fence")
ERASE = text(
    """
    UPDATE account SET state = 'reconnect', sealed = NULL, key_id = NULL, previous = NULL, scopes = '{}',
        expires_at = NULL, refresh_expires_at = NULL, ends_at = NULL, due_at = NULL, lease_until = NULL, tries = 0,
        version = version + 1, checked_at = now(), reason = 'it was given back'
    WHERE channel = :channel AND fence = :fence
    """
)


class GiveBack:
    """Gives accounts back."""

    def __init__(
        self,
        mailbox: Mailbox,
        apps: Apps,
        keys: Keys,
        receiver: X25519PublicKey | None,
        settings: PublisherSettings,
    ) -> None:
        self._mailbox = mailbox
        self._apps = apps
        self._keys = keys
        self._receiver = receiver
        self._settings = settings

    async def give_back(self, name: str) -> str | None:
        """Give a channel's account back; return what is left for a person to do. Raises Problem.

        One that was given back already is fine.
        """
        if (channel := self._apps.channel(name)) is None:
            raise unknown(name)
        async with self._mailbox.transaction() as transaction:
            values = {"channel": name, "lease": self._settings.lease_seconds}
            claim = (await transaction.db.execute(CLAIM, values)).one_or_none()
            if claim is None:
                await _nothing_to_claim(transaction.db, name)
                return None
        try:
            by_hand = await self._call(channel, claim.sealed, claim.account_id) if claim.sealed else None
        except BaseException:
            async with self._mailbox.transaction() as transaction:
                await transaction.db.execute(RELEASE, {"channel": name, "fence": claim.fence})
            raise
        async with self._mailbox.transaction() as transaction:
            await transaction.db.execute(ERASE, {"channel": name, "fence": claim.fence})
            transaction.emit(*told(name, None, claim.account_id, self._receiver))
        log.info("an account was given back", channel=name, by_hand=by_hand)
        return by_hand

    async def _call(self, channel: Channel, sealed: bytes, account_id: str) -> str | None:
        """Tell the platform; return what it leaves to a person. Raises Problem: then what was kept stays."""
        connector, spec = platforms.connector_of(channel.platform), platforms.specs()[channel.platform]
        hide: list[str | None] = []
        try:
            app = self._apps.of(channel, account_id)
            grant = grants.read(self._keys.open(sealed, grants.about(channel.id)))
            hide = [app.client_secret, grant.access_token, grant.refresh_token]
            async with HttpClient(spec, contact=self._settings.contact, deadline=self._settings.http_seconds) as http:
                await connector.revoke(app, grant, http)
        except (SealError, MissingAppError) as error:
            return f"the platform was not told, for {error}; take Carillon's access back there by hand"
        except Rejected as error:
            return grants.hidden(error.reason, hide)
        except Unauthorized:
            return None  # it let us in no longer
        except PlatformError as error:
            raise _unanswered(grants.hidden(error.reason, hide)) from None
        return None


async def _nothing_to_claim(db: AsyncSession, name: str) -> None:
    """Raise the Problem of an account that is not there, or that a refresher holds."""
    if (await db.execute(THERE, {"channel": name})).one_or_none() is None:
        detail = f"Nobody has connected {name}, so there is nothing to give back."
        raise Problem(404, "not-connected", detail, remedy="What ACCOUNTS_FILE holds is taken back by hand.")
    raise Problem(
        409,
        "busy",
        f"The account of {name} is being renewed at this moment.",
        remedy=f"Try again in {BUSY} seconds.",
        headers={"Retry-After": str(BUSY)},
    )


def _unanswered(reason: str) -> Problem:
    detail, remedy = f"The platform could not be told: {reason}. Nothing was given back.", "Try again in some minutes."
    return Problem(503, "platform-unavailable", detail, remedy=remedy, headers={"Retry-After": "60"})
