"""Metrics on a database of its own, a sandbox over real HTTP, and posts that are public there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.credentials import sandbox_accounts
from deploy.local.databases import DatabaseFactory
from deploy.sandbox import Settings as SandboxSettings
from deploy.sandbox import create_app
from services.metrics.accounts import Accounts
from services.metrics.collect import Collect
from services.metrics.followers import Followers
from services.metrics.handlers import Intake, handlers
from services.metrics.hear import Forget, Hear
from services.metrics.people import People
from services.metrics.rounds import Rounds
from services.metrics.settings import MetricsSettings
from services.metrics.tokens import Tokens
from shared import accounts
from shared.adapter.contract import Account, Http, Measured
from shared.channels import RegistryFile, load
from shared.content import About
from shared.database import begin, engine_for, statements
from shared.events import Brief, Envelope, Event, PostPublished, Requester
from shared.mailbox import follow
from shared.platforms import specs
from shared.process.serving import serving
from shared.settings import Settings
from tests.sandbox.conftest import picture

CONFIG = Path("deploy/samples/config")
COLLECTION = "app.bsky.feed.post"
INSTAGRAM = "/instagram/v26.0/me"


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[str]:
    async with serving(create_app(SandboxSettings()), Settings(_env_file=None)) as address:
        yield address


@pytest.fixture
async def settings(
    migrated: DatabaseFactory, database_url: str, namespace: str, sandbox: str, tmp_path: Path
) -> MetricsSettings:
    await migrated("metrics")
    return MetricsSettings(
        _env_file=None,
        namespace=f"carillon_{namespace}",
        database_url=database_url,
        config_dir=CONFIG,
        accounts_file=tmp_path / "accounts.yaml",
        platform_urls={name: f"{sandbox}/{name}" for name in specs()},
        collect_tries=2,
    )


@pytest.fixture
async def engine(settings: MetricsSettings) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(settings, "metrics")
    yield engine
    await engine.dispose()


class Platforms:
    """Posts on the sandbox, as publisher would."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def on_bluesky(self, number: int = 0) -> str:
        """Publish and return the post's address, `at://…`."""
        key = {"identifier": "wikipedia.org", "password": "sandbox"}
        session = (await self.http.post("/bluesky/xrpc/com.atproto.server.createSession", json=key)).json()
        record = {"$type": COLLECTION, "text": "Hello", "createdAt": datetime.now(UTC).isoformat()}
        body = {"repo": session["did"], "collection": COLLECTION, "rkey": f"3k2akyxy2{number:04d}".translate(TID)}
        answer = await self.http.post(
            "/bluesky/xrpc/com.atproto.repo.putRecord",
            json=body | {"record": record},
            headers={"Authorization": f"Bearer {session['accessJwt']}"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["uri"])

    async def on_mastodon(self) -> str:
        """Publish and return the status's id."""
        answer = await self.http.post(
            "/mastodon/api/v1/statuses",
            json={"status": "Hello"},
            headers={"Authorization": "Bearer sandbox-foundation"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def on_instagram(self) -> str:
        """Publish a picture and return the medium's id."""
        mine = {"Authorization": "Bearer sandbox-wikipedia"}
        files = {"file": ("picture", picture(400, 400, "JPEG"), "image/jpeg")}
        upload = await self.http.post("/mastodon/api/v2/media", files=files, headers=mine)
        assert upload.status_code == 200, upload.text
        about = {"image_url": upload.json()["preview_url"], "caption": "Hello"}
        made = await self.http.post(f"{INSTAGRAM}/media", json=about, headers=mine)
        assert made.status_code == 200, made.text
        answer = await self.http.post(
            f"{INSTAGRAM}/media_publish", json={"creation_id": made.json()["id"]}, headers=mine
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def fault(self, platform: str, kind: str = "refuse_500", times: int = 1) -> None:
        """Let the next calls fail."""
        order = {"platform": platform, "kind": kind, "times": times, "match": {"method": "GET"}}
        assert (await self.http.post("/_faults", json=order)).status_code == 201

    async def say(self, platform: str, account: str, kind: str, text: str, **more: str) -> str:
        """Have somebody say something to an account."""
        order = {"platform": platform, "account": account, "kind": kind, "text": text, "author": "ada"}
        answer = await self.http.post("/_voices", json=order | more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def forget(self) -> None:
        """Take off every platform what was posted and said."""
        assert (await self.http.delete("/_ledger")).status_code == 204

    async def set_followers(self, **counts: dict[str, int]) -> None:
        assert (await self.http.put("/_followers", json=counts)).status_code == 200


class Platform:
    """A platform that tells of posts what it is told to: some figures are none of the sandbox's."""

    def __init__(self, told: Mapping[str, Measured] | None = None) -> None:
        self.told = told or {}

    async def measure(self, external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
        return [self.told[one] for one in external_ids if one in self.told]


TID = str.maketrans("01", "ab")


@pytest.fixture
async def platforms(sandbox: str) -> AsyncIterator[Platforms]:
    async with httpx.AsyncClient(base_url=sandbox, timeout=10) as http:
        yield Platforms(http)
        for what in ("_ledger", "_faults"):
            assert (await http.delete(f"/{what}")).status_code == 204


def published(external_id: str, *, channel: str = "wikipedia/bluesky", age: float = 0, **more: Any) -> PostPublished:
    brief = Brief(
        request=uuid4(),
        channel=channel,
        platform=channel.partition("/")[2],
        about=About(campaign=more.pop("campaign", None)),
        requester=Requester(tool="test"),
    )
    at = datetime.now(UTC) - timedelta(seconds=age)
    return PostPublished(
        post=uuid4(), payload_hash="0" * 64, external_id=external_id, published_at=at, brief=brief, **more
    )


def let_in(settings: MetricsSettings, *channels: str) -> None:
    """Write the sandbox's accounts of all channels into the accounts file, or of those that are named."""
    found = sandbox_accounts(load(CONFIG))
    wanted = {name: secrets for name, secrets in found.items() if not channels or name in channels}
    settings.accounts_file.write_text(yaml.safe_dump(wanted))


class Metrics:
    """Hears events one by one, and measures, as the runner would let it."""

    def __init__(self, engine: AsyncEngine, settings: MetricsSettings) -> None:
        self.engine = engine
        registry = RegistryFile(CONFIG, settings.platform_urls).current
        known = accounts.Accounts(settings.accounts_file, registry)
        self.settings = settings
        self.accounts = Accounts(known, Tokens.of(engine, settings), registry, settings.contact)
        self.collect = Collect(self.accounts, settings)
        self.followers = Followers(self.accounts, settings)
        self.people = People(self.accounts, settings)
        self.hearing = Hear(self.accounts, settings)
        self._handlers = handlers(Intake(settings.ages))

    async def hear(self, *events: Event) -> None:
        """Handle events in one transaction."""
        async with begin(self.engine) as db:
            assert not await follow([Envelope.of(event, "test") for event in events], self._handlers, db, "metrics")

    async def measure(self) -> list[Event]:
        """Measure what is due, once; return what is told."""
        async with begin(self.engine) as db:
            claims = await self.collect.claim(10, db)
        told: list[Event] = []
        for claim in claims:
            outcome = await self.collect.call(claim)
            async with begin(self.engine) as db:
                told += [caused.event for caused in await self.collect.settle(claim, outcome, db)]
        return told

    async def count_followers(self, most: int = 50) -> list[str]:
        """Count the followers of the channels that are due, once; return which."""
        return await self.go_round(self.followers, most)

    async def go_round(self, act: Rounds[Any], most: int = 50) -> list[str]:
        """Ask about the channels that are due, once; return which."""
        async with begin(self.engine) as db:
            claims = await act.claim(most, db)
        for claim in claims:
            outcome = await act.call(claim)
            async with begin(self.engine) as db:
                assert await act.settle(claim, outcome, db) == ()
        return [claim.channel for claim in claims]

    async def forget(self) -> None:
        """Erase what is older than it may be."""
        async with begin(self.engine) as db:
            await Forget(self.settings).tick(db)

    async def round_in(self, act: Rounds[Any], channel: str) -> float:
        query = (
            "SELECT extract(epoch FROM due_at - now())::float AS s FROM round WHERE act = :act AND channel = :channel"
        )
        ((seconds,),) = await self.rows(query, act=act.name, channel=channel)
        return float(seconds)

    async def rows(self, query: str, **values: object) -> Sequence[Any]:
        async with statements(self.engine) as db:
            return (await db.execute(text(query), values)).all()

    async def due_in(self, post: UUID) -> float | None:
        query = "SELECT extract(epoch FROM due_at - now())::float AS s FROM publication WHERE post = :post"
        ((seconds,),) = await self.rows(query, post=post)
        return None if seconds is None else float(seconds)

    async def pass_time(self, seconds: float) -> None:
        """Let all dates lie so much further back."""
        async with begin(self.engine) as db:
            for table, columns in DATES.items():
                changes = ", ".join(f"{name} = {name} - make_interval(secs => :s)" for name in columns)
                await db.execute(text(f"UPDATE {table} SET {changes}"), {"s": seconds})


DATES = {
    "publication": ("published_at", "due_at"),
    "round": ("due_at", "since"),
    "heard": ("at", "heard_at"),
}


@pytest.fixture
async def metrics(engine: AsyncEngine, settings: MetricsSettings) -> AsyncIterator[Metrics]:
    metrics = Metrics(engine, settings)
    async with metrics.accounts:
        yield metrics
