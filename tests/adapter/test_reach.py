"""A call within a reach connects to nowhere else, whatever a name leads to; on real sockets."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import uvloop

from shared.adapter.client import HttpClient
from shared.adapter.errors import Rejected, TryLater
from shared.adapter.reach import Network, NotPublicError, Reach, is_public
from shared.adapter.transport import proxy_for
from tests.adapter.host import CONTACT, NAME, Trust, certified, serving, tunnelling
from tests.adapter.specs import SMALL
from tests.adapter.wire import Wire, reply

SETTING = "SMALL_NETWORKS"
Leads = Callable[..., list[str]]


def within(*networks: str) -> Reach:
    return Reach(tuple(ip_network(one) for one in networks), SETTING)


def calling(reach: Reach, deadline: float = 5.0) -> HttpClient:
    return HttpClient(SMALL, contact=CONTACT, reach=reach, deadline=deadline)


async def fetched(client: HttpClient, url: str, most: int = 1_000) -> bytes:
    return (await client.fetch(url, operation="download", most=most)).content


@pytest.fixture
def leads(monkeypatch: pytest.MonkeyPatch) -> Leads:
    """Names of a resolver's own: each look-up of NAME takes the next answer, the last one again and again."""
    real, answers, asked = socket.getaddrinfo, list[Sequence[str]](), list[str]()

    def look_up(host: str, port: int, *args: Any, **more: Any) -> Any:
        if host != NAME:
            return real(host, port, *args, **more)
        asked.append(host)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        kinds = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (one, port) if kind == socket.AF_INET else (one, port, 0, 0))
            for kind, one in zip(kinds, found, strict=True)
        ]

    def lead(*told: Sequence[str]) -> list[str]:
        answers[:] = told
        return asked

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return lead


def named(wire: Wire) -> str:
    return wire.url.replace("127.0.0.1", NAME)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("100.100.100.200", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "192.88.99.1"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1"),
        *("fe80::1", "fe80::1%1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1"),
    ],
)
def test_what_is_not_public_is_refused(address: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not is_public(address)
    with pytest.raises(NotPublicError, match=f"an operator names its network in {SETTING}") as told:
        within().check(address)
    assert address not in str(told.value)  # a caller may read it; the log is the operator's
    assert address in caplog.text


@pytest.mark.parametrize("address", ["208.80.154.224", "91.198.174.192", "2620:0:861:ed1a::1", "2a02:ec80:300:ed1a::1"])
def test_what_is_public_is_not(address: str) -> None:
    assert is_public(address)
    within().check(address)


@pytest.mark.parametrize(
    ("url", "networks", "allowed"),
    [
        ("http://127.0.0.1:8090/w/api.php", (), "127.0.0.1"),
        ("http://[::1]:8090/w/api.php", (), "::1"),
        ("http://sandbox:8090/w/api.php", ("172.16.0.0/12",), "172.18.0.4"),
        ("http://sandbox:8090/w/api.php", ("fd00::/8",), "fd12::4"),
    ],
)
def test_an_operator_allows_more(url: str, networks: Sequence[str], allowed: str) -> None:
    known: list[Network] = [ip_network(one) for one in networks]
    reach = Reach.of(url, known, SETTING)
    reach.check(allowed)
    for other in ("127.0.0.2", "10.0.0.1", "fe80::1", "169.254.169.254", "::ffff:127.0.0.1"):
        with pytest.raises(NotPublicError):
            reach.check(other)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1"])
async def test_this_host_is_out_of_reach(wire: Wire, host: str) -> None:
    url = wire.url.replace("127.0.0.1", host)
    async with calling(within()) as client:
        with pytest.raises(Rejected, match=f"small download: .* leads to an address that is not public.*{SETTING}"):
            await fetched(client, url)
        with pytest.raises(Rejected, match="not public"):
            await client.call("POST", url, operation="post", mutates=True, json={})
    assert not wire.heard.is_set()


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0177.0.0.1"])
async def test_an_address_in_disguise_is_out_of_reach(wire: Wire, host: str) -> None:
    async with calling(within()) as client:
        with pytest.raises((Rejected, TryLater)):
            await fetched(client, wire.url.replace("127.0.0.1", host))
    assert not wire.heard.is_set()


def test_the_services_event_loop_asks_the_same_door() -> None:
    async def calls() -> None:
        async with serving() as host, calling(within()) as refused, calling(within("127.0.0.0/8")) as allowed:
            for url in (host.url, host.url.replace("127.0.0.1", "localhost")):
                with pytest.raises(Rejected, match="not public"):
                    await fetched(refused, url)
                assert await fetched(allowed, url.replace("localhost", "127.0.0.1")) == b"{}"
            assert len(host.heads) == 2

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(calls())


async def test_a_network_that_is_allowed_is_called_by_its_name(wire: Wire, leads: Leads) -> None:
    wire.always(reply(200, b"x"))
    leads(["127.0.0.1"])
    async with calling(within("127.0.0.0/8")) as client:
        assert await fetched(client, named(wire)) == b"x"
    assert f"host: {NAME}:" in wire.asked[0][0].lower()


async def test_a_name_that_is_led_elsewhere_later_is_refused(wire: Wire, leads: Leads) -> None:
    """127.0.0.1 plays the public address, 127.0.0.2 the private one."""
    asked = leads(["127.0.0.1"], ["127.0.0.2"])
    async with calling(within("127.0.0.1/32")) as client:
        assert await fetched(client, named(wire)) == b"{}"
    assert len(asked) == 1  # a second look-up, between check and connection, would have led to the other one
    async with calling(within("127.0.0.1/32")) as client:
        with pytest.raises(Rejected, match="not public"):
            await fetched(client, named(wire))
    assert (len(asked), len(wire.asked)) == (2, 1)


@pytest.mark.parametrize(
    "found", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::ffff:127.0.0.1"]]
)
async def test_one_private_answer_among_others_is_enough(wire: Wire, leads: Leads, found: Sequence[str]) -> None:
    leads(found)
    async with calling(within("127.0.0.1/32")) as client:
        with pytest.raises(Rejected, match=f"{NAME} leads to an address that is not public"):
            await fetched(client, named(wire))
    assert not wire.heard.is_set()


async def test_tls_believes_the_name_not_the_address(tmp_path: Path, trusted: Trust, leads: Leads) -> None:
    leads(["127.0.0.1"])
    async with serving(certified(tmp_path)) as host:
        trusted(tmp_path / "host.pem")
        async with calling(within("127.0.0.0/8")) as client:
            assert await fetched(client, host.url.replace("127.0.0.1", NAME)) == b"{}"
            with pytest.raises(TryLater, match="ConnectError"):
                await fetched(client, host.url.replace("127.0.0.1", "localhost").replace("https://", "https://a."))


async def test_a_proxy_looks_names_up_and_is_itself_anywhere(monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    wire.always(reply(200, b"x"))
    async with tunnelling() as unused:
        monkeypatch.setenv("HTTP_PROXY", wire.url)
        proxy_for.cache_clear()
        async with calling(within()) as client:
            assert await fetched(client, "http://host.invalid/a.jpg") == b"x"
            for literal in ("169.254.169.254", "[::1]", unused.url.removeprefix("http://")):
                with pytest.raises(Rejected, match="not public"):
                    await fetched(client, f"http://{literal}/latest")
        proxy_for.cache_clear()
        assert [head.split("\r\n")[0] for head, _ in wire.asked] == ["GET http://host.invalid/a.jpg HTTP/1.1"]


@pytest.mark.parametrize("pause", [0.01, 0.2])
async def test_a_drip_is_ended_with_its_deadline(pause: float) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            try:
                await writer.drain()
            except ConnectionError:
                break
            await asyncio.sleep(pause)  # how slow it is, not how long the test waits

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with calling(within("127.0.0.1/32"), deadline=0.5) as client:
        async with asyncio.timeout(5):
            with pytest.raises(TryLater, match="TimeoutError"):
                await fetched(client, url, 1_000_000)
    server.close()
