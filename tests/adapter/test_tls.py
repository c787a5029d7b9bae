"""A host is believed by its certificate, on either event loop."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from shared.adapter.client import HttpClient
from shared.adapter.errors import TryLater, Uncertain
from tests.adapter.host import CONTACT, Trust, certified, post, serving
from tests.adapter.specs import SMALL


async def test_a_host_is_believed_by_its_certificate_only(tmp_path: Path, trusted: Trust) -> None:
    async with serving(certified(tmp_path)) as host:
        async with HttpClient(SMALL, contact=CONTACT) as client:
            with pytest.raises(TryLater, match="ConnectError"):
                await post(client, host)
        assert not host.heads
        trusted(tmp_path / "host.pem")
        async with HttpClient(SMALL, contact=CONTACT) as client:
            assert await post(client, host) == {}
            assert await post(client, host) == {}
            assert host.connections == 1
            host.url = host.url.replace("127.0.0.1", "localhost")  # which the certificate does not name
            with pytest.raises(TryLater, match="ConnectError"):
                await post(client, host)
        assert len(host.heads) == 2


def test_it_runs_on_the_services_event_loop_too(tmp_path: Path, trusted: Trust) -> None:
    async def calls() -> None:
        async with serving() as host, HttpClient(SMALL, contact=CONTACT) as client:
            host.answers.insert(1, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}")
            assert await post(client, host, bytes(2_000_000)) == {}
            host.after = lambda writer: writer.close()
            with pytest.raises(Uncertain):
                await post(client, host)
            assert await post(client, host) == {}
            assert host.connections == 2
        async with serving(certified(tmp_path)) as host:
            async with HttpClient(SMALL, contact=CONTACT) as client:
                with pytest.raises(TryLater, match="ConnectError"):
                    await post(client, host)
            trusted(tmp_path / "host.pem")
            async with HttpClient(SMALL, contact=CONTACT) as client:
                assert await post(client, host, bytes(2_000_000)) == {}
                assert await post(client, host) == {}
            assert len(host.bodies) == 2

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(calls())
