"""How an account's owner lets us in: sent to the platform, awaited back once and soon, checked, and kept sealed."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.publisher import grants
from services.publisher.apps import Apps, MissingAppError
from services.publisher.refreshed import row_of, told
from services.publisher.seal import Keys, SealError
from services.publisher.settings import PublisherSettings
from shared import accounts, platforms
from shared.adapter.client import HttpClient
from shared.adapter.contract import Account, App, Grant
from shared.adapter.errors import PlatformError, TryLater
from shared.channels import Channel
from shared.http.problems import Problem
from shared.mailbox import Mailbox

log = structlog.get_logger()

MINUTES = 10
"""How long the owner may take."""

BEGIN = text(
    f"""
    INSERT INTO connection (state_hash, channel, sealed, tool, key, body_hash, ends_at)
    VALUES (:state_hash, :channel, :sealed, :tool, :key, :body_hash, now() + interval '{MINUTES} minutes')
    ON CONFLICT ON CONSTRAINT uq_connection_tool_key DO NOTHING RETURNING ends_at
    """  # noqa: S608 - constants
)
BEGUN = text("SELECT state_hash, sealed, body_hash, ends_at FROM connection WHERE tool = :tool AND key = :key")
OVER = text("DELETE FROM connection WHERE tool = :tool AND key = :key AND ends_at <= now()")
TAKE = text(
    """
    UPDATE connection SET used_at = now() WHERE state_hash = :state_hash AND used_at IS NULL AND ends_at > now()
    RETURNING channel, sealed
    """
)
KEEP = text(
    """
    INSERT INTO account AS a (
        channel, state, sealed, key_id, account_id, scopes, expires_at, refresh_expires_at, ends_at, due_at
    ) VALUES (
        :channel, 'connected', :sealed, :key_id, :account_id, :scopes, :expires_at, :refresh_expires_at, :ends_at,
        :due_at
    )
    ON CONFLICT (channel) DO UPDATE SET
        state = excluded.state, sealed = excluded.sealed, key_id = excluded.key_id, previous = NULL,
        account_id = excluded.account_id, scopes = excluded.scopes, expires_at = excluded.expires_at,
        refresh_expires_at = excluded.refresh_expires_at, ends_at = excluded.ends_at, due_at = excluded.due_at,
        version = a.version + 1, fence = a.fence + 1, lease_until = NULL, tries = 0, reason = NULL,
        connected_at = now(), refreshed_at = now(), checked_at = now()
    """
)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the owner is to go, and until when they are awaited back."""

    address: str = field(repr=False)
    state: str = field(repr=False)
    ends_at: datetime
    replayed: bool = False


class Connecting:
    """The two halves of letting us in; `file`: what ACCOUNTS_FILE says of ids and versions."""

    def __init__(
        self,
        mailbox: Mailbox,
        apps: Apps,
        keys: Keys,
        file: accounts.Accounts,
        receiver: X25519PublicKey | None,
        settings: PublisherSettings,
    ) -> None:
        self._mailbox = mailbox
        self._apps = apps
        self._keys = keys
        self._file = file
        self._receiver = receiver
        self._settings = settings

    async def begin(self, name: str, account: str, tool: str, key: str) -> Begun:
        """Return where to send a channel's owner; the same again for the same Idempotency-Key. Raises Problem."""
        channel, app = self._app(name, account)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        row = {"state_hash": _hash(state), "channel": name, "tool": tool, "key": key}
        row["body_hash"] = _hash(f"{name} {account}")
        try:
            sealed = self._keys.seal(json.dumps([state, verifier, account]).encode(), _about(row["state_hash"]))
        except SealError as error:
            raise _unable(str(error), "Set ACCOUNT_KEYS; `openssl rand -hex 32` makes a key.") from None
        async with self._mailbox.transaction() as transaction:
            ends_at = await _begun(transaction.db, row | {"sealed": sealed.bytes})
            if ends_at is None:
                return await self._again(transaction.db, row, channel)
        log.info("an account is being connected", channel=name, tool=tool)
        return Begun(platforms.connector_of(channel.platform).start(app, state, verifier), state, ends_at)

    async def finish(self, state: str, code: str) -> str:
        """Take back the owner whom the platform sends, keep what they granted, and return the channel; raises Problem.

        A state is good once: whatever happens then, connecting begins anew.
        """
        async with self._mailbox.transaction() as transaction:
            row = (await transaction.db.execute(TAKE, {"state_hash": _hash(state)})).one_or_none()
        if row is None:
            raise _over()
        _, verifier, asked = self._opened(row.sealed, _hash(state))
        channel, app = self._app(row.channel, asked)
        grant, account = await self._granted(channel, app, code, verifier)
        model, now = platforms.specs()[channel.platform].grants, datetime.now(UTC)
        values = row_of(grant, channel.id, now, self._keys) | {"channel": channel.id, "account_id": account.id}
        async with self._mailbox.transaction() as transaction:
            await transaction.db.execute(KEEP, values | {"due_at": grants.look_at(grant, model, now)})
            transaction.emit(*told(channel.id, grant, account.id, self._receiver))
        log.info("an account is connected", channel=channel.id, scopes=sorted(grant.scopes))
        return channel.id

    async def _granted(self, channel: Channel, app: App, code: str, verifier: str) -> tuple[Grant, Account]:
        """Exchange the code, and see that it opens the channel's own account; raises Problem."""
        connector, spec = platforms.connector_of(channel.platform), platforms.specs()[channel.platform]
        hide: list[str | None] = [code, verifier, app.client_secret]
        try:
            async with HttpClient(spec, contact=self._settings.contact, deadline=self._settings.http_seconds) as http:
                grant = await connector.exchange(app, code, verifier, http)
                hide += [grant.access_token, grant.refresh_token]
                account = self._account(channel, app, grant)
                handle = await connector.verify(account, http)
        except PlatformError as error:
            raise _refused(error, grants.hidden(error.reason, hide)) from None
        if handle.casefold() != channel.handle.casefold():
            log.warning("another account was let in; nothing is kept", channel=channel.id, handle=handle)
            raise Problem(
                409,
                "another-account",
                f"Whoever signed in opened @{handle}, but {channel.id} is @{channel.handle}. Nothing was kept.",
                remedy=f"Begin again, and sign in as @{channel.handle}.",
            )
        return grant, account

    def _account(self, channel: Channel, app: App, grant: Grant) -> Account:
        known = self._file.open(channel.id)
        found = grant.account_id or app.account or (known.id if known else "")
        version = known.version if known else ""
        secret = {"access_token": grant.access_token}
        return Account(channel.id, channel.handle, channel.base_url, secret, id=found, version=version)

    def _app(self, name: str, account: str) -> tuple[Channel, App]:
        if (channel := self._apps.channel(name)) is None:
            raise unknown(name)
        try:
            return channel, self._apps.of(channel, account or self._id_of(name))
        except MissingAppError as error:
            raise _unable(str(error), "Register Carillon in the platform's developer console.") from None

    def _id_of(self, name: str) -> str:
        known = self._file.open(name)
        return known.id if known else ""

    async def _again(self, db: AsyncSession, row: dict[str, Any], channel: Channel) -> Begun:
        """Return the first answer again."""
        first = (await db.execute(BEGUN, {"tool": row["tool"], "key": row["key"]})).one()
        if first.body_hash != row["body_hash"]:
            raise Problem(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key was used before, for another channel or account.",
                remedy="Use a new key for a new call.",
                errors=[
                    {"pointer": "header/Idempotency-Key", "detail": "It was used before.", "remedy": "Use a new one."}
                ],
            )
        state, verifier, account = self._opened(first.sealed, first.state_hash)
        _, app = self._app(channel.id, account)
        return Begun(platforms.connector_of(channel.platform).start(app, state, verifier), state, first.ends_at, True)

    def _opened(self, sealed: bytes, state_hash: str) -> list[str]:
        try:
            told: list[str] = json.loads(self._keys.open(sealed, _about(state_hash)))
        except SealError:
            raise _over() from None
        return told


async def _begun(db: AsyncSession, row: dict[str, Any]) -> datetime | None:
    """Write down that an owner is awaited; None where this key was used before."""
    await db.execute(OVER, {"tool": row["tool"], "key": row["key"]})
    ends_at: datetime | None = (await db.execute(BEGIN, row)).scalar_one_or_none()
    return ends_at


def unknown(name: str) -> Problem:
    """Return what is said of a channel that is none of ours."""
    return Problem(404, "not-found", f"There is no channel {name[:100]}.", remedy="See config/channels.yaml.")


def _refused(error: PlatformError, reason: str) -> Problem:
    if isinstance(error, TryLater):
        detail, remedy = f"The platform could not be asked: {reason}. Nothing was kept.", "Begin again in some minutes."
        return Problem(503, "platform-unavailable", detail, remedy=remedy, headers={"Retry-After": "60"})
    detail = f"The platform did not let us in: {reason}. Nothing was kept."
    return Problem(409, "not-let-in", detail, remedy="Do as the reason says, and begin again.")


def _unable(detail: str, remedy: str) -> Problem:
    return Problem(409, "not-configured", detail[:1].upper() + detail[1:] + ".", remedy=remedy)


def _over() -> Problem:
    return Problem(
        410,
        "connection-over",
        f"Nobody is awaited here: it was begun more than {MINUTES} minutes ago, was finished before, or never begun.",
        remedy="Begin again with POST /v1/accounts/{brand}/{platform}/connect.",
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _about(state_hash: str) -> str:
    return f"connection {state_hash}"
