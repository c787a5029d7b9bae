"""What is fetched comes from Commons only, whatever Commons answers; a caller is told which medium, and why not."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest

from services.ingest.__main__ import worker
from shared.adapter import images
from shared.bus.memory import MemoryBus
from shared.process import open_runtime
from tests.adapter.test_images import bomb
from tests.adapter.wire import Wire, reply, running
from tests.ingest.conftest import THREE, Caller, House, until
from tests.ingest.test_prepare import picture, png, preparing, reaches

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with running() as wire:
        yield wire


def named(title: str, url: str, **more: object) -> dict[str, Any]:
    info = {"url": url, "thumburl": url, "mime": "image/jpeg", "size": 9, "width": 40, "height": 30, **more}
    page = {"pageid": 7, "title": title, "imageinfo": [info], "categories": []}
    return {"query": {"pages": [page]}}


def answering(wire: Wire, file: bytes, url: str = "") -> tuple[str, str]:
    """Let the server be a Commons whose every file is `file`; return its API and a title."""
    title = f"File:{uuid4()}.jpg"
    told = named(title, url or f"{wire.url}/file.jpg")
    wire.answer = lambda head, _: reply(200, told) if head.startswith("GET /w/api.php") else file
    return f"{wire.url}/w/api.php", title


async def objection(house: House, tool: Caller, api: str, title: str, **settings: object) -> str:
    """Ask for a post with the file, and return why it cannot be."""
    content = {**picture(title), "media": [{"commons": title, "alt": "A"}]}
    [post] = await tool.accepted({"content": content, "channels": THREE[-1:]})
    async with preparing(house, api, **settings):
        read = await reaches(tool, post, "unpreparable", "requested")
    assert read["state"] == "unpreparable"
    last = read["history"][-1]["data"]
    assert last["place"] == "/media/0"
    assert await house.sent(post) == []
    return str(last["reason"])


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (reply(302, None, {"location": "http://169.254.169.254/latest"}), "commons download: 302"),
        (reply(200, b"<html>Not a picture</html>", JPEG), "none of those that can be read"),
        (reply(200, b"MZ\x90\x00" + bytes(900), JPEG), "none of those that can be read"),
        (reply(200, b"<svg xmlns='http://www.w3.org/2000/svg'/>", JPEG), "none of those that can be read"),
        (reply(200, png(40, 30)[:60], JPEG), "damaged"),
        (reply(200, bomb(50_000, 50_000), JPEG), "more than 80000000 pixels"),
        (reply(200, bomb(9_000, 9_000), JPEG), "pixels"),
        (reply(200, b"\x00\x00\x00\x18ftypmp42" + bytes(900), JPEG), "give another copy"),
        (reply(200, bytes(1_000_001), JPEG), "more than 1000000 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(3_000_000), "more than 1000000 bytes"),
        (reply(200, gzip.compress(bytes(9_000_000)), {"content-encoding": "gzip"}), "more than 1000000 bytes"),
        (reply(404), "commons download: 404"),
    ],
    ids=[
        *("redirect", "page", "program", "drawing", "half", "huge bomb", "bomb", "broken video"),
        *("too large", "without an end", "packed bomb", "gone"),
    ],
)
async def test_what_commons_must_not_give(
    house: House, tool: Caller, wire: Wire, monkeypatch: pytest.MonkeyPatch, file: bytes, why: str
) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", 1_000_000)
    assert why in await objection(house, tool, *answering(wire, file))
    assert len(wire.asked) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://localhost/file.jpg",
        "https://upload.wikimedia.org.evil.example/file.jpg",
        "http://127.0.0.1:1/file.jpg",
        "file:///etc/passwd",
    ],
)
async def test_commons_names_no_other_host(house: House, tool: Caller, wire: Wire, url: str) -> None:
    assert "is not a host of Wikimedia Commons" in await objection(house, tool, *answering(wire, b"", url))
    assert len(wire.asked) == 1


@pytest.fixture
def led(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let a name lead to an address."""
    real = socket.getaddrinfo

    def lead(name: str, address: str) -> None:
        def look_up(host: str, port: int, *args: Any, **more: Any) -> Any:
            return real(address if host == name else host, port, *args, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return lead


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"])
async def test_a_host_of_commons_that_leads_inside_is_refused(
    house: House, tool: Caller, wire: Wire, led: Callable[[str, str], None], address: str
) -> None:
    led("upload.wikimedia.org", address)
    # The API itself may be at 127.0.0.1; that allows nothing else on this host's inside but that one address.
    api, title = answering(wire, b"", "https://upload.wikimedia.org/file.jpg")
    if address == "127.0.0.1":
        api = api.replace("127.0.0.1", "localhost")
    why = await objection(house, tool, api, title)
    assert "leads to an address that is not public; if that is meant, an operator names its network" in why
    assert "COMMONS_NETWORKS" in why
    assert address not in why
    assert len(wire.asked) == (0 if address == "127.0.0.1" else 1)


async def test_a_network_that_an_operator_allows_is_fetched_from(house: House, tool: Caller, wire: Wire) -> None:
    file = png(41, 31)
    api, title = answering(wire, reply(200, file, {"content-type": "image/png"}))
    api = api.replace("127.0.0.1", "localhost")
    told = named(title, api.replace("/w/api.php", "/file.png"), mime="image/png")
    wire.answer = lambda head, _: reply(200, told) if "/w/api.php" in head else reply(200, file)
    [post] = await tool.accepted({"content": picture(title), "channels": THREE[-1:]})
    async with preparing(house, api, commons_networks=(ip_network("127.0.0.0/8"), ip_network("::1"))):
        await reaches(tool, post, "requested")
    assert len(wire.asked) == 2


async def test_a_file_that_breaks_off_is_tried_again(house: House, tool: Caller, wire: Wire) -> None:
    api, title = answering(wire, b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf")
    [post] = await tool.accepted({"content": picture(title), "channels": THREE[-1:]})

    async def was_tried() -> bool:
        query = "SELECT last_error FROM preparation WHERE post_id = :post AND last_error IS NOT NULL"
        return bool(await house.rows(query, post=post))

    async with preparing(house, api):
        await until(was_tried)
    assert (await tool.post(post))["state"] == "preparing"
    await house.rows("DELETE FROM preparation WHERE post_id = :post", post=post)


async def test_the_worker_itself_stays_within_reach(house: House, tool: Caller, wire: Wire) -> None:
    api, title = answering(wire, b"")
    settings = house.settings.model_copy(update={"commons_url": api.replace("127.0.0.1", "localhost")})
    [post] = await tool.accepted({"content": picture(title), "channels": THREE[-1:]})
    runtime, stopping = open_runtime("ingest", settings, MemoryBus()), asyncio.Event()
    loop = (await worker(runtime)).loops["prepare"]

    async def preparing() -> None:
        await loop(stopping)

    async with asyncio.TaskGroup() as group:
        group.create_task(preparing())
        read = await reaches(tool, post, "unpreparable", "requested")
        stopping.set()
    await runtime.close()
    assert "leads to an address that is not public" in read["history"][-1]["data"]["reason"]
    assert wire.asked == []
