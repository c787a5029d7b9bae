"""Publisher and metrics on databases of their own, the sandbox, and a registry of accounts that no other test has."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import yaml
from pydantic import SecretStr
from sqlalchemy import text

import shared.accounts
from deploy.local.databases import DatabaseFactory, own_databases
from deploy.sandbox.people import number_of
from services.metrics.accounts import Accounts as Readers
from services.metrics.handlers import Intake
from services.metrics.handlers import handlers as metrics_handlers
from services.metrics.settings import MetricsSettings
from services.metrics.tokens import Tokens
from services.publisher.__main__ import api
from services.publisher.accounts import Accounts
from services.publisher.apps import Apps
from services.publisher.deliver import Deliver
from services.publisher.grants import about, read
from services.publisher.refresh import Refresh
from services.publisher.refreshed import Claimed, Outcome, Writer
from services.publisher.resumes import Resumes
from services.publisher.seal import Keys, receiver_of
from services.publisher.settings import PublisherSettings
from services.publisher.watch import Watch
from shared import platforms
from shared.adapter.client import HttpClient
from shared.adapter.contract import Grant, Media
from shared.box import new_pair
from shared.bus.memory import MemoryBus
from shared.channels import RegistryFile
from shared.database import begin, engine_for
from shared.events import Envelope, decode
from shared.http.token import issue, make_key_pair
from shared.mailbox import follow
from shared.process import Runtime, open_runtime
from tests.platforms.sandbox import Sandbox

SAMPLES = Path("deploy/samples/config").resolve()
CHANNELS = {name: "foundation/mastodon" if name == "mastodon" else f"wikipedia/{name}" for name in platforms.specs()}
CLIENT_SECRET = f"client-{token_hex(8)}"


@dataclass
class House:
    """Everything that has to do with accounts, driven beat by beat."""

    settings: PublisherSettings
    runtime: Runtime
    http: httpx.AsyncClient
    https: Mapping[str, HttpClient]
    readers: Readers
    tokens: Tokens
    reading: Any
    """Metrics' engine."""
    sandbox: Sandbox
    answers: list[str] = field(default_factory=list)
    """The bodies of all that the API answered."""

    def __post_init__(self) -> None:
        self.registry = RegistryFile(self.settings.config_dir, self.settings.platform_urls)
        self.keys = Keys.of(self.settings)
        self.file = shared.accounts.Accounts(self.settings.accounts_file, self.registry.current)
        self.accounts = self.accounts_with(self.keys)

    def accounts_with(self, keys: Keys) -> Accounts:
        """The accounts as another process sees them."""
        return Accounts(self.file, self.runtime.engine, keys)

    def handle(self, channel: str) -> str:
        return self.registry.current().channels[channel].handle

    # ---- over HTTP ----

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = await self.http.request(method, f"/v1/accounts{path}", **more)
        self.answers.append(answer.text)
        return answer

    async def begin(self, channel: str, key: str | None = None, **body: str) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self.call("POST", f"/{channel}/connect", json=body, headers=headers)

    async def state_of(self, channel: str, **body: str) -> str:
        """Begin, and return what the owner brings back."""
        answer = await self.begin(channel, **body)
        assert answer.status_code == 200, answer.text
        state = str(answer.json()["state"])
        if not channel.endswith("bluesky"):
            asked = parse_qs(urlsplit(answer.json()["address"]).query)
            assert asked["state"] == [state]
        return state

    async def back(self, state: str, code: str) -> httpx.Response:
        """Come back from the platform, as its redirect sends a browser: without a token of ours."""
        params = {"state": state, "code": code}
        return await self.call("GET", "/callback", params=params, headers={"Authorization": ""})

    async def connect(self, channel: str, *, again: bool = False) -> dict[str, Any]:
        """Connect a channel from the beginning to the end; return how it stands."""
        name, platform = self.handle(channel), channel.partition("/")[2]
        name = name.upper() if again else name  # the sandbox takes each code once
        state = await self.state_of(channel, **({"account_id": number_of(name)} if platform == "linkedin" else {}))
        if platform == "bluesky":
            answer = await self.call("POST", "/callback", json={"state": state, "code": f"{name}:sandbox"})
        else:
            answer = await self.back(state, f"code-{name}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    # ---- the refresher ----

    def refresh(self, keys: Keys | None = None) -> Refresh:
        keys = keys or self.keys
        writer = Writer(keys, receiver_of(self.settings), self.settings)
        apps = Apps(self.settings.apps_file, self.registry.current)
        return Refresh(apps, keys, self.https, writer, self.settings)

    async def claim(self, refresh: Refresh | None = None) -> list[Claimed]:
        async with begin(self.runtime.engine) as db:
            return list(await (refresh or self.refresh()).claim(10, db))

    async def settle(self, claim: Claimed, outcome: Outcome, refresh: Refresh | None = None) -> None:
        async with begin(self.runtime.engine) as db:
            events = await (refresh or self.refresh()).settle(claim, outcome, db)
        async with self.runtime.mailbox.transaction() as transaction:
            transaction.emit(*events)

    async def look(self, refresh: Refresh | None = None) -> list[Outcome]:
        """Look at what is due, once."""
        refresh, outcomes = refresh or self.refresh(), []
        for claim in await self.claim(refresh):
            outcome = await refresh.call(claim)
            await self.settle(claim, outcome, refresh)
            outcomes.append(outcome)
        return outcomes

    async def watch(self, keys: Keys | None = None) -> None:
        async with begin(self.runtime.engine) as db:
            await Watch(keys or self.keys, self.settings).tick(db)

    # ---- what is kept ----

    async def row(self, channel: str) -> Any:
        return (await self.rows("SELECT * FROM account WHERE channel = :c", c=channel))[0]

    async def rows(self, query: str, **values: Any) -> Sequence[Any]:
        async with self.runtime.engine.begin() as connection:
            result = await connection.execute(text(query), values)
            return list(result.all()) if result.returns_rows else []

    async def set(self, channel: str, change: str) -> None:
        await self.rows(f"UPDATE account SET {change} WHERE channel = :c", c=channel)

    async def grow_old(self, channel: str, days: float = 2) -> None:
        """Let a grant be so many days old, also to the platform, and due."""
        self.sandbox.pass_by(86_400 * days)
        past = f"now() - interval '{days} days'"
        await self.set(channel, f"due_at = now(), refreshed_at = {past}, checked_at = {past}")

    async def grant(self, channel: str) -> Grant:
        """The grant that is kept."""
        return read(self.keys.open((await self.row(channel)).sealed, about(channel)))

    # ---- the others ----

    def deliver(self, platform: str, media: Media, publisher: Any = None) -> Deliver:
        return Deliver(
            platforms.specs()[platform],
            publisher or platforms.publisher_of(platform),
            engine=self.runtime.engine,
            accounts=self.accounts,
            registry=self.registry.current,
            http=self.https[platform],
            media=media,
            resumes=Resumes(Keys.of(self.settings)),
            settings=self.settings,
        )

    async def said(self) -> list[Envelope]:
        """What publisher has said: nobody takes it out of the outbox here."""
        rows = await self.rows("SELECT id, headers, body FROM outbox ORDER BY id")
        return [decode({**row.headers, "ce-sequence": str(row.id)}, row.body) for row in rows]

    async def hear(self, *said: Envelope) -> None:
        """Let metrics hear some of what publisher said, or all that it said of accounts."""
        for one in said or [one for one in await self.said() if one.event.name == "account.refreshed"]:
            async with begin(self.reading) as db:
                await follow([one], metrics_handlers(Intake(())), db, "metrics")
            self.tokens.forget(one.event.subject)

    async def followers(self, channel: str) -> int:
        """Ask as metrics does."""
        return await self.readers.ask(
            channel, "followers", lambda measurer, account, http: measurer.followers(account, http)
        )


@asynccontextmanager
async def own_services(server: str, like: DatabaseFactory) -> AsyncIterator[str]:
    """Make a database for publisher and for metrics, with their tables; gives the namespace."""
    async with own_databases(server, f"accounts{token_hex(4)}", like) as databases:
        addresses = [await databases(service) for service in ("publisher", "metrics")]
        yield urlsplit(addresses[0]).path[1:].removesuffix("_publisher")


@asynccontextmanager
async def house_of(namespace: str, server: str, sandbox: Sandbox, folder: Path) -> AsyncIterator[House]:
    """Give a house in which every channel has a handle that was never there, and nobody is let in anywhere."""
    private, public = new_pair()
    common = _settings(namespace, server, sandbox, folder)
    settings = PublisherSettings(
        **common,
        apps_file=folder / "apps.yaml",
        account_keys=SecretStr(token_hex(32)),
        metrics_public_key=public,
        http_seconds=20,
    )
    measuring = MetricsSettings(**common, metrics_private_key=SecretStr(private))
    runtime, reading = open_runtime("publisher", settings, MemoryBus()), engine_for(measuring, "metrics")
    headers = {"Authorization": f"Bearer {_token(folder)}"}
    parts = await api(runtime)
    assert parts.app is not None
    registry = RegistryFile(settings.config_dir, settings.platform_urls).current
    known = shared.accounts.Accounts(measuring.accounts_file, registry)
    tokens = Tokens.of(reading, measuring)
    https = {
        name: HttpClient(spec, contact="https://carillon.example", deadline=20)
        for name, spec in platforms.specs().items()
    }
    transport = httpx.ASGITransport(parts.app, raise_app_exceptions=False)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://publisher", headers=headers) as http,
        Readers(known, tokens, registry, "https://carillon.example") as readers,
    ):
        house = House(settings, runtime, http, https, readers, tokens, reading, sandbox)
        await house.rows("TRUNCATE account, connection, outbox, delivery, try")
        async with reading.begin() as connection:
            await connection.execute(text("TRUNCATE token, inbox"))
        yield house
    for client in https.values():
        await client.aclose()
    await runtime.close()
    await reading.dispose()
    sandbox.disarm()
    sandbox.advance(0)


def _settings(namespace: str, server: str, sandbox: Sandbox, folder: Path) -> dict[str, Any]:
    """Write the files, and return what both services are told."""
    name = f"t{token_hex(5)}"
    handles = {channel: f"{name}.example.org" if p == "bluesky" else name for p, channel in CHANNELS.items()}
    channels = {channel: {"handle": handle} for channel, handle in handles.items()}
    config = folder / "config"
    config.mkdir()
    (config / "channels.yaml").write_text(json.dumps({"based_on": str(SAMPLES), "channels": channels}))
    app = {"client_id": "client", "client_secret": CLIENT_SECRET, "redirect_uri": "https://carillon.example/back"}
    (folder / "apps.yaml").write_text(yaml.safe_dump({p: app for p in CHANNELS if p != "bluesky"}))
    make_key_pair(folder / "jwt.pem", folder / "jwt.pub.pem")
    return {
        "_env_file": None,
        "namespace": namespace,
        "database_url": SecretStr(server),
        "config_dir": config,
        "accounts_file": folder / "none.yaml",
        "platform_urls": {p: f"{sandbox.url}/{p}" for p in CHANNELS},
        "jwt_key_file": folder / "jwt.pub.pem",
    }


def _token(folder: Path) -> str:
    return issue(make_key_pair(folder / "jwt.pem", folder / "jwt.pub.pem"), "test", ["ops:write", "posts:read"])
