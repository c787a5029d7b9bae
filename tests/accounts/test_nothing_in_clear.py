"""What lets us in is planted wherever it comes in, and searched for wherever anything comes out."""

import base64
import json
from collections.abc import Iterator, Sequence
from secrets import token_hex
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.grants import about, read
from shared import telemetry
from shared.adapter.contract import Account, Published
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.settings import Settings
from tests.accounts.house import CHANNELS, CLIENT_SECRET, House
from tests.accounts.posting import publish

COLUMNS = text(
    """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    """
)
LEAST_ROWS = ("account", "connection", "delivery", "try", "outbox")


CODE = f"a-code-that-is-wrong:{token_hex(8)}-"


class Talkative:
    """A platform that repeats what it was sent in all that it answers."""

    def __init__(self, outcome: type[Exception] | None) -> None:
        self.outcome = outcome

    async def publish(self, payload: Any, account: Account, *_: Any) -> Published:
        said = f"you came with {account.secrets['access_token']}"
        if self.outcome:
            raise self.outcome(said)
        return Published("1", unsaid=said)


@pytest.mark.parametrize("platform", sorted(CHANNELS))
async def test_no_secret_is_found_anywhere_in_clear(
    house: House, platform: str, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure("publisher", "test", Settings(_env_file=None, log_level="DEBUG"))
    channel, found = CHANNELS[platform], Secrets(house)
    await house.connect(channel)
    await found.keep(channel)
    assert await publish(house, platform, "Hello") == "published"
    for number, outcome in enumerate((Rejected, Unauthorized, TryLater, None), 1):
        await publish(house, platform, f"Hello {outcome}", number, Talkative(outcome))
    await refused(house, channel)
    await house.grow_old(channel)
    house.sandbox.arm(platform, "refuse_500")
    await house.look()
    house.sandbox.disarm()
    await house.set(channel, "due_at = now()")
    await house.look()
    await found.keep(channel)
    await house.watch()
    await house.hear()
    await house.followers(channel)
    wrong = await house.back(await house.state_of(channel), CODE)
    assert wrong.status_code == 409
    await house.call("GET", "")
    # The address that is answered to who connects holds the state, and nothing else does.
    outputs = {
        "logs": capsys.readouterr().out,
        "metrics": generate_latest(REGISTRY).decode(),
        "answers": "\n".join(one for one in house.answers if '"address"' not in one),
        "repr": repr([await house.claim(), await house.accounts.of(channel), house.settings, house.keys]),
    }
    for engine in (house.runtime.engine, house.reading):
        outputs |= await everything(engine)
    assert "request" in outputs["logs"]
    assert "carillon_account_refreshes_total" in outputs["metrics"]
    for table in LEAST_ROWS:
        assert any(f"_publisher.{table}." in name and said for name, said in outputs.items()), table
    leaks = {
        (name, found.names[secret])
        for secret in found.names
        for name, said in outputs.items()
        if any(form in said for form in forms(secret))
    }
    assert not leaks
    await house.call("POST", f"/{channel}/revoke")
    assert not [one for one in found.names if one in house.answers[-1] + capsys.readouterr().out]


async def refused(house: House, channel: str) -> None:
    """Let the platform refuse a worker with all that it knows."""
    account = await house.accounts.of(channel)
    error = await house.accounts.heard(channel, Unauthorized(str(dict(account.secrets))))
    assert account.secrets["access_token"] not in error.reason


class Secrets:
    """All that is secret about a house, by what it is."""

    def __init__(self, house: House) -> None:
        self._house = house
        keys = house.settings.account_keys
        assert keys
        self.names = {CLIENT_SECRET: "client secret", CODE: "code", keys.get_secret_value(): "account key"}

    async def keep(self, channel: str) -> None:
        """Open what is kept of a channel, and remember it."""
        row = await self._house.row(channel)
        for sealed in filter(None, (row.sealed, row.previous)):
            grant = read(self._house.keys.open(sealed, about(channel)))
            self.names[grant.access_token] = "access token"
            if grant.refresh_token:
                self.names[grant.refresh_token] = "refresh token"
        for waiting in await self._house.rows("SELECT state_hash, sealed FROM connection"):
            told = self._house.keys.open(waiting.sealed, f"connection {waiting.state_hash}").decode()
            state, verifier, _ = json.loads(told)
            self.names |= {state: "state", verifier: "verifier"}


def forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may stand somewhere: as it is, as bytes, and in base64 wherever it begins."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw).decode()[4 if shift else 0 : -4]


async def everything(engine: AsyncEngine) -> dict[str, str]:
    """Return every column of every table of a database as text."""
    async with engine.connect() as connection:
        columns: Sequence[Any] = (await connection.execute(COLUMNS)).all()
        said = {}
        for table, column in columns:
            rows = await connection.execute(
                text(f'SELECT "{column}"::text FROM "{table}" WHERE "{column}" IS NOT NULL')
            )
            said[f"{engine.url.database}.{table}.{column}"] = "\n".join(rows.scalars())
    return said


def test_the_search_finds_what_is_there() -> None:
    secret = "granted-name~1-and-more"
    for planted in (
        secret,
        secret.encode().hex(),
        *(base64.b64encode(b"a" * n + secret.encode() + b"b" * n).decode() for n in range(3)),
    ):
        assert any(form in planted for form in forms(secret)), planted
