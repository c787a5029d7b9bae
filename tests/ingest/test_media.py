"""Media at their public addresses: what was promised is served, and nothing else."""

import asyncio
import contextlib
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.ingest.api.media import application
from shared.addresses import Addresses
from shared.media import PIECE, MediaStore, Stored
from shared.process.serving import serving
from shared.settings import Settings

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
    assert part.headers["content-length"] == "100"
    beyond = await http.get(address, headers={"Range": "bytes=99999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


@pytest.mark.parametrize(
    ("headers", "status", "start", "end"),
    [
        ({"Range": "bytes=0-"}, 206, 0, 10_240),
        ({"Range": "bytes=10000-"}, 206, 10_000, 10_240),
        ({"Range": "bytes=10000-99999"}, 206, 10_000, 10_240),
        ({"Range": "bytes=-40"}, 206, 10_200, 10_240),
        ({"Range": "bytes=-99999"}, 206, 0, 10_240),
        ({"Range": "bytes=0-0"}, 206, 0, 1),
        ({"Range": "bytes=5-2"}, 200, 0, 10_240),
        ({"Range": "bytes=-"}, 200, 0, 10_240),
        ({"Range": "bytes=0-1,5-6"}, 200, 0, 10_240),
        ({"Range": "lines=0-1"}, 200, 0, 10_240),
        ({"Range": "bytes=0-9", "If-Range": "the medium's"}, 206, 0, 10),
        ({"Range": "bytes=0-9", "If-Range": '"another"'}, 200, 0, 10_240),
    ],
)
async def test_a_range_is_served_or_the_whole(
    http: httpx.AsyncClient,
    stored: tuple[MediaStore, Stored],
    addresses: Addresses,
    headers: dict[str, str],
    status: int,
    start: int,
    end: int,
) -> None:
    if headers.get("If-Range") == "the medium's":
        headers = {**headers, "If-Range": f'"{stored[1].sha256}"'}
    answer = await http.get(addresses.address(stored[1].sha256), headers=headers)
    assert (answer.status_code, answer.content) == (status, CONTENT[start:end])
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers.get("content-range") == (f"bytes {start}-{end - 1}/10240" if status == 206 else None)


async def test_a_film_larger_than_a_piece_is_served_a_piece_at_a_time(tmp_path: Path, addresses: Addresses) -> None:
    store, film = MediaStore(f"file://{tmp_path}"), bytes(range(256)) * 1_024 * 200 + b"a few more"
    stored, digest = await store.put(film, "video/mp4"), hashlib.sha256(film)
    address, size = addresses.address(stored.sha256), len(film)
    del film
    async with (
        serving(application(store, addresses), Settings(_env_file=None)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        for headers in ({}, {"Range": "bytes=1-"}):
            got, length = hashlib.sha256(b"\0" if headers else b""), 0
            tracemalloc.start()
            async with client.stream("GET", address.removeprefix("http://media"), headers=headers) as answer:
                async for piece in answer.aiter_raw():
                    got.update(piece)
                    length += len(piece)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert length == int(answer.headers["content-length"]) == size - bool(headers)
            assert got.digest() == digest.digest()
            assert most < 20 * PIECE  # of 200, both ends of the wire together


async def test_who_reads_slowly_makes_nobody_read_ahead(tmp_path: Path, addresses: Addresses) -> None:
    store = Counting(f"file://{tmp_path}")
    stored = await store.put(bytes(256 * PIECE), "video/mp4")
    path = addresses.address(stored.sha256).removeprefix("http://media")
    async with serving(application(store, addresses), Settings(_env_file=None)) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=65_536)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: media\r\n\r\n".encode())
        await reader.readexactly(PIECE)
        async with httpx.AsyncClient(base_url=url) as quick:
            assert len((await quick.get(path)).content) == stored.size
        assert store.parts - 256 < 64  # what was read, and what sockets hold, while another got all 256
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Counting(MediaStore):
    """The store itself, which counts the parts that were read."""

    parts = 0

    async def part(self, sha256: str, start: int, end: int) -> bytes:
        self.parts += 1
        return await super().part(sha256, start, end)


@pytest.mark.parametrize("size", [100, 3 * PIECE + 5])
async def test_a_medium_that_changed_is_never_whole(tmp_path: Path, addresses: Addresses, size: int) -> None:
    store = MediaStore(f"file://{tmp_path}")
    stored = await store.put(bytes(size), "video/mp4")
    (tmp_path / stored.sha256[:2] / stored.sha256).write_bytes(b"x" + bytes(size - 1))
    path = addresses.address(stored.sha256).removeprefix("http://media")
    async with (
        serving(application(store, addresses), Settings(_env_file=None)) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(path)


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
