"""What an account or instance allows holds at the door as soon as it is told, below what the registry says."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from services.ingest.__main__ import api
from services.ingest.fanout import Channels, Wanted, excesses
from services.ingest.limits import OwnLimits
from shared.bus.contract import Message
from shared.channels import RegistryFile
from shared.content import Content
from shared.database import statements
from shared.events import ChannelLimits
from tests.ingest.conftest import ROOT, Caller, House, until
from tests.ingest.test_worker import _run, message, working

CHANNEL = "foundation/mastodon"
NOW = datetime.now(UTC)


@pytest.fixture
async def told(house: House) -> House:
    """Ingest, to which nobody has told a limit."""
    await house.rows("DELETE FROM channel_limits")
    return house


def wrong(channels: Channels, length: int) -> list[tuple[object, object]]:
    spec = channels.spec(CHANNEL)
    assert spec is not None
    one = Wanted.of(CHANNEL, spec, Content(text="é" * length))
    return [(told["limit"], told["count"]) for told in excesses(one, {})]


async def looked(house: House, own: OwnLimits) -> None:
    async with statements(house.runtime.engine) as db:
        assert await own.look(db) == ((), None)


def limits(values: Mapping[str, int], sequence: int, age: float = 0) -> Message:
    event = ChannelLimits(channel=CHANNEL, limits=values, read_at=NOW - timedelta(seconds=age))
    return message("publisher", sequence, event)


async def kept(house: House) -> list[Mapping[str, int]]:
    return [row.limits for row in await house.rows("SELECT limits FROM channel_limits WHERE channel = :c", c=CHANNEL)]


async def test_what_was_read_last_holds_whatever_comes_last(told: House) -> None:
    own = OwnLimits()
    channels = Channels(RegistryFile(ROOT / "config"), own=own)
    assert (wrong(channels, 500), wrong(channels, 501)) == ([], [(500, 501)])
    async with working(told) as runtime:
        newest = limits({"text": 700, "images": 3}, 3)
        for one in (limits({"text": 600}, 2, age=60), newest, limits({"text": 800}, 1, age=30)):
            await runtime.bus.publish([one])
    assert await kept(told) == [{"text": 700, "images": 3}]
    assert wrong(channels, 501) == [(500, 501)]
    await looked(told, own)
    assert (wrong(channels, 700), wrong(channels, 701)) == ([], [(700, 701)])


async def test_the_api_follows(told: House, tool: Caller) -> None:
    parts, stopping = await api(told.runtime), asyncio.Event()
    assert parts.app is not None
    body = {"content": {"text": "é" * 900}, "channels": [{"channel": CHANNEL}]}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(parts.app), base_url="http://ingest") as http:
        caller = replace(tool, http=http)

        async def passes() -> bool:
            return (await caller.call("POST", "/v1/previews", json=body)).status_code == 200

        assert not await passes()
        await told.rows(
            "INSERT INTO channel_limits VALUES (:c, CAST(:l AS jsonb), now())", c=CHANNEL, l='{"text": 900}'
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(_run(parts.loops["limits"], stopping))
            await until(passes)
            stopping.set()


async def test_what_the_operator_wrote_wins(told: House, tmp_path: Path) -> None:
    document = {"based_on": str(ROOT / "config"), "channels": {CHANNEL: {"limits": {"text": 600}}}}
    (tmp_path / "channels.yaml").write_text(yaml.safe_dump(document))
    own = OwnLimits()
    own.now = {CHANNEL: {"text": 700, "images": 2}}
    channels = Channels(RegistryFile(tmp_path), own=own)
    assert (wrong(channels, 600), wrong(channels, 601)) == ([], [(600, 601)])
    spec = channels.spec(CHANNEL)
    assert spec is not None
    assert spec.images is not None
    assert spec.images.most == 2


async def test_limits_that_nobody_can_hold_are_ignored(told: House) -> None:
    odd = '{"text": 700, "colours": 3, "poll_longest": 100000000000000000, "images": 0}'
    await told.rows("INSERT INTO channel_limits VALUES (:c, CAST(:l AS jsonb), now())", c=CHANNEL, l=odd)
    own = OwnLimits()
    await looked(told, own)
    assert own.now == {CHANNEL: {"text": 700}}
    assert wrong(Channels(RegistryFile(ROOT / "config"), own=own), 701) == [(700, 701)]
