"""Publisher on a database of its own, and events as others would send them."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.databases import DatabaseFactory
from services.publisher.api import make_app
from services.publisher.handlers import Planner, handlers
from services.publisher.settings import PublisherSettings
from shared.bus.memory import MemoryBus
from shared.channels import RegistryFile, load
from shared.content import Kind, Timing
from shared.database import begin, engine_for, statements
from shared.events import (
    Brief,
    Envelope,
    Event,
    PostApproved,
    PostCancelled,
    PostRefused,
    PostRequested,
    Requester,
    decode,
)
from shared.http.token import issue, make_key_pair
from shared.mailbox import follow
from shared.payload import Payload, Piece
from shared.process import open_runtime
from shared.process.serving import serving

CONFIG = load(Path("deploy/samples/config"))
PACED = replace(CONFIG, channels={key: one.model_copy(update={"pace": ()}) for key, one in CONFIG.channels.items()})
"""The same with each platform's own quotas, which a rehearsal is spared."""
REQUESTER = Requester(tool="test")


@pytest.fixture
async def settings(migrated: DatabaseFactory, database_url: str, namespace: str) -> PublisherSettings:
    await migrated("publisher")
    return PublisherSettings(_env_file=None, namespace=f"carillon_{namespace}", database_url=database_url)


@pytest.fixture
async def engine(settings: PublisherSettings) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(settings, "publisher")
    yield engine
    await engine.dispose()


class Publisher:
    """Hears events one by one, as the runner would let it, and remembers what it said."""

    def __init__(self, engine: AsyncEngine, planner: Planner) -> None:
        self.engine = engine
        self._handlers = handlers(planner)
        self.said: list[Event] = []
        self._sequence = count(1)

    async def hear(self, *events: Event, sequence: int | None = None) -> list[str]:
        """Handle events in one transaction; return the names of those that follow."""
        envelopes = [Envelope.of(one, "test")._replace(sequence=sequence or next(self._sequence)) for one in events]
        async with begin(self.engine) as db:
            caused = await follow(envelopes, self._handlers, db, "publisher")
        following = [one.event for one in caused]
        self.said += following
        return [event.name for event in following]

    async def row(self, post: UUID) -> Any:
        async with statements(self.engine) as db:
            return (await db.execute(text("SELECT * FROM delivery WHERE post = :post"), {"post": post})).one_or_none()

    async def force(self, change: str, post: UUID | None = None) -> None:
        """Change rows, whatever the life of a delivery allows."""
        async with begin(self.engine) as db:
            await db.execute(text("SET LOCAL session_replication_role = replica"))
            await db.execute(text(f"UPDATE delivery SET {change} WHERE coalesce(:post, post) = post"), {"post": post})

    async def stored(self) -> list[Event]:
        """Return the events that wait in the outbox, in their order."""
        async with statements(self.engine) as db:
            rows = await db.execute(text("SELECT headers::text AS headers, body FROM outbox ORDER BY id"))
        return [decode(json.loads(row.headers), row.body).event for row in rows]

    async def state(self, post: UUID) -> str:
        return str((await self.row(post)).state)


@pytest.fixture
def planner(settings: PublisherSettings) -> Planner:
    """A planner of channels that are all switched off: what it plans waits for the scheduler."""
    return Planner(settings, lambda: replace(CONFIG, channels={}))


@pytest.fixture
def publisher(engine: AsyncEngine, planner: Planner) -> Publisher:
    return Publisher(engine, planner)


@pytest.fixture
async def http(settings: PublisherSettings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    key = make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")
    told = {"jwt_key_file": tmp_path / "jwt.pub.pem", "config_dir": Path("deploy/samples/config")}
    settings = settings.model_copy(update=told)
    runtime = open_runtime("publisher", settings, MemoryBus())
    headers = {"Authorization": f"Bearer {issue(key, 'test', ['posts:read', 'ops:write'])}"}
    async with (
        serving(make_app(runtime, settings, RegistryFile(settings.config_dir).current), settings) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        yield client
    await runtime.close()


def requested(words: str = "Hello", *, post: UUID | None = None, revision: int = 1, **more: Any) -> PostRequested:
    channel = more.pop("channel", "wikipedia/bluesky")
    platform = channel.partition("/")[2]
    payload = Payload(channel=channel, platform=platform, kind=Kind.POST, pieces=(Piece(text=words),))
    accepted_at = more.pop("accepted_at", None)
    brief = Brief(request=uuid4(), channel=channel, platform=platform, requester=REQUESTER, accepted_at=accepted_at)
    more.setdefault("timing", Timing())
    more.setdefault("payload_hash", payload.digest())
    return PostRequested(post=post or uuid4(), revision=revision, payload=payload, brief=brief, **more)


def approved(request: PostRequested, minutes: float = 30, **more: Any) -> PostApproved:
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    more.setdefault("payload_hash", request.payload_hash)
    more.setdefault("revision", request.revision)
    return PostApproved(post=request.post, valid_until=until, pack="p", decision=uuid4(), **more)


def refused(request: PostRequested) -> PostRefused:
    return PostRefused(
        post=request.post,
        revision=request.revision,
        payload_hash=request.payload_hash,
        pack="p",
        decision=uuid4(),
        objections=(),
    )


def cancelled(request: PostRequested) -> PostCancelled:
    return PostCancelled(post=request.post, revision=request.revision, requester=REQUESTER)
