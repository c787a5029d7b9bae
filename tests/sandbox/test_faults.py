"""Faults: an accepted act stays done however its answer fails, and a refused one was never done."""

from collections.abc import Mapping

import httpx
import pytest

from tests.sandbox.conftest import Bluesky

STATUSES = "/mastodon/api/v1/statuses"
PUT = {"method": "POST", "path": "*putRecord"}


async def arm(http: httpx.AsyncClient, kind: str, platform: str = "bluesky", **more: object) -> None:
    answer = await http.post("/_faults", json={"platform": platform, "kind": kind, **more})
    assert answer.status_code == 201, answer.text


async def posts(http: httpx.AsyncClient) -> int:
    return int((await http.get("/_ledger")).json()["count"])


async def test_accepted_then_500(bluesky: Bluesky) -> None:
    await arm(bluesky.http, "accept_then_500")
    failed = await bluesky.put(swapRecord=None)
    assert (failed.status_code, failed.json()["error"]) == (500, "InternalServerError")
    assert await posts(bluesky.http) == 1
    again = await bluesky.put(swapRecord=None)
    assert again.status_code == 200
    assert await posts(bluesky.http) == 1


async def test_accepted_then_reset(bluesky: Bluesky) -> None:
    await arm(bluesky.http, "accept_then_reset", match=PUT)
    with pytest.raises(httpx.ReadError):
        await bluesky.put()
    assert await posts(bluesky.http) == 1
    assert (await bluesky.put()).status_code == 200
    last = (await bluesky.http.get("/_ledger/requests")).json()["requests"][-2]
    assert (last["status"], last["fault"]) == (0, "accept_then_reset")


async def test_accepted_then_stalled(bluesky: Bluesky) -> None:
    await arm(bluesky.http, "accept_then_stall", match=PUT, seconds=30)
    bluesky.http.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        await bluesky.put()
    bluesky.http.timeout = httpx.Timeout(10)
    assert await posts(bluesky.http) == 1


async def test_a_short_stall_ends_in_the_answer(bluesky: Bluesky) -> None:
    await arm(bluesky.http, "accept_then_stall", seconds=0.05)
    assert (await bluesky.put()).status_code == 200


async def test_an_unaimed_accept_fault_waits_for_a_post(mastodon: httpx.AsyncClient) -> None:
    await arm(mastodon, "accept_then_500", "mastodon", times=2)
    assert (await mastodon.get("/mastodon/api/v2/instance")).status_code == 200
    assert (await mastodon.post(STATUSES, json={"status": ""})).status_code == 422
    assert [(await mastodon.post(STATUSES, json={"status": "x"})).status_code for _ in range(3)] == [500, 500, 200]
    assert await posts(mastodon) == 3
    fault = (await mastodon.get("/_faults")).json()["faults"][0]
    assert (fault["left"], fault["used"]) == (0, 2)


@pytest.mark.parametrize(
    ("kind", "bluesky_says", "mastodon_says"), [
        ("refuse_500", (500, "InternalServerError"), 500),
        ("rate_limit", (429, "RateLimitExceeded"), 429),
        ("expired_token", (400, "ExpiredToken"), 401),
    ],
)  # fmt: skip
async def test_refusals(bluesky: Bluesky, kind: str, bluesky_says: tuple[int, str], mastodon_says: int) -> None:
    await arm(bluesky.http, kind, match=PUT, seconds=40)
    refused = await bluesky.put()
    assert (refused.status_code, refused.json()["error"]) == bluesky_says
    await arm(bluesky.http, kind, "mastodon", seconds=40)
    token = {"Authorization": "Bearer sandbox-wikipedia"}
    other = await bluesky.http.post(STATUSES, json={"status": "x"}, headers=token)
    assert other.status_code == mastodon_says
    if kind == "rate_limit":
        assert 39 <= int(refused.headers["retry-after"]) <= 41
        assert other.headers["x-ratelimit-remaining"] == "0"
    assert await posts(bluesky.http) == 0
    assert (await bluesky.put()).status_code == 200


@pytest.mark.parametrize(
    "order",
    [
        {"platform": "bluesky", "kind": "explode"},
        {"platform": "orkut", "kind": "refuse_500"},
        {"platform": "commons", "kind": "slow_processing"},
        {"platform": "bluesky", "kind": "refuse_500", "times": 0},
        {"platform": "bluesky", "kind": "refuse_500", "how": "badly"},
    ],
)
async def test_an_impossible_fault_is_refused(http: httpx.AsyncClient, order: Mapping[str, object]) -> None:
    assert (await http.post("/_faults", json=order)).status_code == 422
    assert (await http.get("/_faults")).json()["count"] == 0
