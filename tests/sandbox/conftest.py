"""A sandbox of its own on a random port, served by uvicorn, asked over real HTTP."""

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from PIL import Image

from deploy.sandbox import Settings, create_app

RKEY = "3k2akyxy2tk2s"


@dataclass
class Bluesky:
    """A logged-in account."""

    http: httpx.AsyncClient
    did: str
    session: dict[str, Any]

    async def call(self, method: str, body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.session['accessJwt']}"}
        return await self.http.post(f"/bluesky/xrpc/com.atproto.{method}", json=body, headers=headers)

    async def put(self, text: str = "Hello", rkey: str = RKEY, **more: Any) -> httpx.Response:
        body = {"repo": self.did, "collection": "app.bsky.feed.post", "rkey": rkey, "record": record(text), **more}
        return await self.call("repo.putRecord", body)

    async def upload(self, data: bytes, kind: str = "image/png") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.session['accessJwt']}", "Content-Type": kind}
        return await self.http.post("/bluesky/xrpc/com.atproto.repo.uploadBlob", content=data, headers=headers)


def record(text: str, **more: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-11-22T10:00:00Z", **more}


def picture(width: int = 4, height: int = 3, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (width % 256, height % 256, 90)).save(out, kind)
    return out.getvalue()


async def login(http: httpx.AsyncClient, handle: str = "wikipedia.org") -> Bluesky:
    answer = await http.post(
        "/bluesky/xrpc/com.atproto.server.createSession", json={"identifier": handle, "password": "sandbox"}
    )
    assert answer.status_code == 200, answer.text
    return Bluesky(http, answer.json()["did"], answer.json())


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    (folder / "commons").mkdir()
    (folder / "media").mkdir()
    (folder / "media" / "small.png").write_bytes(picture(40, 30))
    for number, (name, licence) in enumerate({"Alpha": "cc-by-sa-4.0", "Beta": ""}.items(), 1):
        info = {
            "url": f"https://upload.wikimedia.org/{name}.png",
            "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{name}.png",
            "sha1": "0" * 40,
            "mime": "image/png",
            "width": 40,
            "height": 30,
            "size": 123,
            "timestamp": "2026-01-01T00:00:00Z",
            "extmetadata": {"License": {"value": licence}, "Artist": {"value": "<b>A</b>"}},
        }
        page = {
            "title": f"File:{name} one.png",
            "pageid": number,
            "imageinfo": [info],
            "categories": [{"ns": 14, "title": "Category:Tests"}],
            "bytes": "small.png",
        }
        if number == 1:
            page["entity"] = {"id": "M1", "statements": {"P275": []}}
        (folder / "commons" / f"{name}.json").write_text(json.dumps(page))
    return folder


@pytest.fixture(scope="session")
async def address(samples: Path) -> AsyncIterator[str]:
    settings = Settings(samples=samples, processing_seconds=0, bluesky_blob_limit=4_000_000)
    config = uvicorn.Config(
        create_app(settings), loop="none", http="httptools", log_level="warning", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    # asyncio turns Nagle's algorithm off, and so 40 ms of waiting, only where the protocol is named.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        task = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    # There is no TLS here; not verifying spares each client the reading of all certificates.
    async with httpx.AsyncClient(base_url=address, timeout=10, verify=False) as client:
        yield client
        for what in ("_ledger", "_faults"):
            assert (await client.delete(f"/{what}")).status_code == 204
        await client.put("/_clock", json={"ahead": 0})
        for platform in ("bluesky", "mastodon"):
            assert (await client.put("/_quotas", json={platform: "real"})).status_code == 200


@pytest.fixture
async def bluesky(http: httpx.AsyncClient) -> Bluesky:
    return await login(http)


@pytest.fixture
def mastodon(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Authorization"] = "Bearer sandbox-wikipedia"
    return http
