"""Calls go straight to their host, or through the proxy that the environment names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapter.client import HttpClient
from shared.adapter.errors import TryLater
from shared.adapter.transport import proxy_for
from tests.adapter.host import CONTACT, Trust, certified, post, serving, tunnelling
from tests.adapter.specs import SMALL
from tests.adapter.wire import Wire, reply

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nothing is named at first, and nothing is remembered after."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    proxy_for.cache_clear()
    yield monkeypatch
    proxy_for.cache_clear()


@pytest.mark.parametrize(
    ("named", "scheme", "host", "proxy"),
    [
        ({}, "https", "bsky.social", None),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "https", "bsky.social", "http://proxy:8080"),
        ({"HTTPS_PROXY": "proxy:8080"}, "https", "bsky.social", "http://proxy:8080"),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "http", "sandbox", None),
        ({"ALL_PROXY": "http://proxy:8080"}, "http", "sandbox", "http://proxy:8080"),
        ({"HTTPS_PROXY": "http://proxy:8080", "NO_PROXY": "bsky.social"}, "https", "bsky.social", None),
        ({"HTTPS_PROXY": "http://proxy:8080", "NO_PROXY": "bsky.social"}, "https", "pds.bsky.social", None),
        ({"HTTPS_PROXY": "http://proxy:8080", "NO_PROXY": "bsky.social"}, "https", "w.wiki", "http://proxy:8080"),
    ],
)
def test_the_environment_names_the_proxy(
    environment: pytest.MonkeyPatch, named: dict[str, str], scheme: str, host: str, proxy: str | None
) -> None:
    for name, value in named.items():
        environment.setenv(name, value)
    assert proxy_for(scheme, host) == proxy


async def test_a_call_goes_through_the_proxy(environment: pytest.MonkeyPatch, wire: Wire, client: HttpClient) -> None:
    environment.setenv("HTTP_PROXY", wire.url)
    wire.always(reply(200, {"id": 1}))
    answer = await client.call("POST", "http://platform.invalid/post", operation="post", mutates=True, json={})
    assert answer.json == {"id": 1}
    assert wire.asked[0][0].startswith("POST http://platform.invalid/post HTTP/1.1")


async def test_a_call_that_did_not_reach_its_proxy_may_be_made_again(
    environment: pytest.MonkeyPatch, client: HttpClient
) -> None:
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(TryLater):
        await client.call("POST", "http://platform.invalid/post", operation="post", mutates=True, json={})


async def test_a_call_to_a_secured_host_goes_through_a_tunnel(
    environment: pytest.MonkeyPatch, client: HttpClient, tmp_path: Path, trusted: Trust
) -> None:
    async with serving(certified(tmp_path)) as host, tunnelling() as proxy:
        environment.setenv("HTTPS_PROXY", proxy.url.replace("//", "//someone:secret@"))
        with pytest.raises(TryLater, match="ConnectError"):
            await post(client, host)
        trusted(tmp_path / "host.pem")
        async with HttpClient(SMALL, contact=CONTACT) as trusting:
            assert await post(trusting, host) == {}
        assert proxy.heads[-1].startswith(b"CONNECT 127.0.0.1:")
        assert b"Proxy-Authorization: Basic c29tZW9uZTpzZWNyZXQ=" in proxy.heads[-1]
        assert b"Bearer" not in proxy.heads[-1]
        assert len(host.heads) == 1
        assert b"proxy" not in host.heads[0].lower()


async def test_a_call_that_its_proxy_refused_was_not_sent(
    environment: pytest.MonkeyPatch, wire: Wire, client: HttpClient
) -> None:
    environment.setenv("HTTPS_PROXY", wire.url)
    wire.always(reply(407))
    with pytest.raises(TryLater, match="ProxyError"):
        await client.call("POST", "https://platform.invalid/post", operation="post", mutates=True, json={})


async def test_a_proxy_of_another_kind_is_told(environment: pytest.MonkeyPatch, client: HttpClient) -> None:
    environment.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(TryLater, match="UnsupportedProtocol"):
        await client.call("POST", "https://platform.invalid/post", operation="post", mutates=True, json={})
