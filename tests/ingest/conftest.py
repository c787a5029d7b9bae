"""Ingest on a database of its own: its API called over ASGI, its worker's parts called one by one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import text

from deploy.local.databases import own_databases
from services.ingest.__main__ import api
from services.ingest.settings import IngestSettings
from shared import telemetry
from shared.bus.memory import MemoryBus
from shared.events import Envelope, Event, Trust, decode
from shared.http.token import issue, make_key_pair
from shared.process import Runtime, migrate, open_runtime

ROOT = Path(__file__).parents[2]
THREE = [{"channel": "wikipedia/bluesky"}, {"channel": "foundation/bluesky"}, {"channel": "foundation/mastodon"}]


@dataclass
class Caller:
    """A tool that calls ingest."""

    tool: str
    http: httpx.AsyncClient
    token: str

    async def call(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        headers |= {"Idempotency-Key": key} if key else {}
        return await self.http.request(method, path, headers=headers, **more)

    async def ask(self, body: Mapping[str, Any], key: str | None = None) -> httpx.Response:
        return await self.call("POST", "/v1/requests", key or str(uuid4()), json=body)

    async def accepted(self, body: Mapping[str, Any]) -> list[UUID]:
        """Ask, and return the posts' ids."""
        answer = await self.ask(body)
        assert answer.status_code == 202, answer.text
        return [UUID(post["id"]) for post in answer.json()["posts"]]

    async def post(self, post_id: UUID) -> dict[str, Any]:
        answer = await self.call("GET", f"/v1/posts/{post_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def etag(self, post_id: UUID) -> str:
        return str((await self.call("GET", f"/v1/posts/{post_id}")).headers["ETag"])


@dataclass
class House:
    """Ingest, and who may call it."""

    runtime: Runtime
    settings: IngestSettings
    key: Ed25519PrivateKey
    http: httpx.AsyncClient

    def caller(self, *scopes: str, trust: Trust = Trust.GUEST, lasting: timedelta = timedelta(hours=1)) -> Caller:
        tool = f"tool-{uuid4().hex[:12]}"
        return Caller(
            tool,
            self.http,
            issue(self.key, tool, scopes or ("posts:write", "posts:read"), trust=trust, lasting=lasting),
        )

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with self.runtime.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []

    async def sent(self, post: UUID) -> list[Event]:
        """What ingest has said about a post, oldest first: nobody takes it out of the outbox here."""
        return [envelope.event for envelope in await self.envelopes(post)]

    async def envelopes(self, post: UUID) -> list[Envelope]:
        rows = await self.rows(
            "SELECT id, headers, body FROM outbox WHERE headers->>'ce-subject' = :post ORDER BY id", post=str(post)
        )
        return [decode({**row.headers, "ce-sequence": str(row.id)}, row.body) for row in rows]

    async def count(self) -> tuple[int, ...]:
        tables = ("request", "post", "outbox", "preparation", "person", "idempotency", "upload")
        return tuple([(await self.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in tables])


@pytest.fixture(scope="session")
async def house(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("ingest")
    key = make_key_pair(folder / "jwt.pem", folder / "jwt.pub.pem")
    async with own_databases(database_url, f"ingest{uuid4().hex[:8]}") as databases:
        made = urlsplit(await databases("ingest"))
        settings = IngestSettings(
            _env_file=None,
            namespace=made.path[1:].removesuffix("_ingest"),
            database_url=SecretStr(database_url),
            media_url=f"file://{folder / 'media'}",
            config_dir=ROOT / "config",
            jwt_key_file=folder / "jwt.pub.pem",
        )
        telemetry.configure("ingest", "test", settings.model_copy(update={"log_level": "WARNING"}))
        await migrate("ingest", settings)
        runtime = open_runtime("ingest", settings, MemoryBus())
        parts = await api(runtime)
        assert parts.app is not None
        transport = httpx.ASGITransport(parts.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:
            yield House(runtime, settings, key, http)
        await runtime.close()


@pytest.fixture
def tool(house: House) -> Caller:
    """A tool of another team, which no other test uses."""
    return house.caller()


def asking(text: str = "Did you know?", **more: Any) -> dict[str, Any]:
    """A request that all three channels take."""
    return {"content": {"text": text}, "channels": THREE, **more}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that another loop does, half a minute at the most."""
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in the database, which sets no event
            await asyncio.sleep(0.05)
