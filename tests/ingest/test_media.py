"""Media at their public addresses: what was promised is served, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.ingest.api.media import application
from shared.addresses import Addresses
from shared.media import MediaStore, Stored

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def addresses() -> Addresses:
    return Addresses("http://media", b"k" * 32, 24)


@pytest.fixture
async def stored(tmp_path: Path) -> tuple[MediaStore, Stored]:
    store = MediaStore(f"file://{tmp_path}")
    return store, await store.put(CONTENT, "image/jpeg")


@pytest.fixture
async def http(stored: tuple[MediaStore, Stored], addresses: Addresses) -> AsyncIterator[httpx.AsyncClient]:
    app = application(stored[0], addresses)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://media") as client:
        yield client


async def test_a_medium_is_served_whole_and_in_parts(
    http: httpx.AsyncClient, stored: tuple[MediaStore, Stored], addresses: Addresses
) -> None:
    address = addresses.address(stored[1].sha256)
    whole = await http.get(address)
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert (whole.headers["content-type"], whole.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
    head = await http.head(address)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(CONTENT)), b"")
    part = await http.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, CONTENT[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(CONTENT)}"
    rest = await http.get(address, headers={"Range": "bytes=10000-"})
    assert rest.content == CONTENT[10_000:]
    assert (await http.get(address, headers={"Range": "bytes=99999-"})).status_code == 416


@pytest.mark.parametrize(
    "asked",
    ["/media/", "/media/" + "0" * 64, "/media/../pyproject.toml", "/media/%2e%2e%2fpyproject.toml", "/v1/requests"],
)
async def test_nothing_else_is_served(http: httpx.AsyncClient, asked: str) -> None:
    answer = await http.get(asked)
    assert answer.status_code in {403, 404}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_changed_address_says_why_and_what_would_help(
    http: httpx.AsyncClient, stored: tuple[MediaStore, Stored], addresses: Addresses
) -> None:
    address = addresses.address(stored[1].sha256)
    answer = await http.get(address[:-1] + ("0" if address[-1] != "0" else "1"))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "wrong-address")
    assert "not ours" in answer.json()["detail"]
    gone = await http.get(addresses.address("1" * 64))
    assert (gone.status_code, "gone" in gone.json()["detail"]) == (403, True)
