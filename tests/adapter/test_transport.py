"""Calls go straight to their host, or through the proxy that the environment names."""

from collections.abc import Iterator

import pytest

from shared.adapter.client import HttpClient
from shared.adapter.errors import TryLater
from shared.adapter.transport import proxy_for
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
