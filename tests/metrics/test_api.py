"""What metrics answers over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from services.metrics.api import make_app
from services.metrics.settings import MetricsSettings
from shared.bus.memory import MemoryBus
from shared.http.token import issue, make_key_pair
from shared.process import open_runtime
from shared.process.serving import serving
from tests.metrics.conftest import Metrics, Platforms, published


@pytest.fixture
async def http(settings: MetricsSettings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    key = make_key_pair(tmp_path / "jwt.pem", tmp_path / "jwt.pub.pem")
    settings = settings.model_copy(update={"jwt_key_file": tmp_path / "jwt.pub.pem"})
    runtime = open_runtime("metrics", settings, MemoryBus())
    headers = {"Authorization": f"Bearer {issue(key, 'test', ['metrics:read'])}"}
    async with (
        serving(make_app(runtime), settings) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as client,
    ):
        yield client
    await runtime.close()


async def test_measurements_are_read_in_pages(metrics: Metrics, platforms: Platforms, http: httpx.AsyncClient) -> None:
    event = published(await platforms.on_bluesky(), age=3_600)
    await metrics.hear(event)
    for _ in range(3):
        assert len(await metrics.measure()) == 1
        await metrics.pass_time(86_400 * 60)
    seen: list[int] = []
    query: dict[str, str | int] = {"limit": 2}
    for pages in (2, 1):
        told = (await http.get(f"/v1/posts/{event.post}/measurements", params=query)).json()
        assert len(told["measurements"]) == pages
        seen += [one["age_seconds"] for one in told["measurements"]]
        query["after"] = told["next"] or ""
    assert query["after"] == ""
    assert len(seen) == 3
    assert seen == sorted(seen)
    assert told["external_id"] == event.external_id
    assert set(told["measurements"][0]["values"]) == {"likes", "shares", "comments", "quotes", "saves"}


async def test_a_campaign_is_summed_up_by_its_last_measurements(
    metrics: Metrics, platforms: Platforms, http: httpx.AsyncClient
) -> None:
    events = [published(await platforms.on_bluesky(n), age=3_600, campaign="wiki25") for n in range(2)]
    toot = published(await platforms.on_mastodon(), channel="foundation/mastodon", age=3_600, campaign="wiki25")
    await metrics.hear(*events, toot, published("at://other", age=0), published("2", campaign="wiki25"))
    measured = await metrics.measure()
    await metrics.pass_time(86_400)
    measured = await metrics.measure()
    told = (await http.get("/v1/campaigns/wiki25")).json()
    assert (told["posts"], told["measured"]) == (4, 3)
    assert told["channels"]["wikipedia/bluesky"]["posts"] == 3
    last = [event.values for event in measured]  # type: ignore[attr-defined] # PostMeasured
    for metric in ("likes", "saves"):
        assert told["values"][metric] == sum(values.get(metric, 0) for values in last)
    assert "saves" not in told["channels"]["foundation/mastodon"]["values"]  # not told is not zero
    assert (await http.get("/v1/campaigns/nobody")).status_code == 404


async def test_channels_are_told_with_their_followers(metrics: Metrics, http: httpx.AsyncClient) -> None:
    await metrics.count_followers()
    channels = {one["id"]: one for one in (await http.get("/v1/channels")).json()["channels"]}
    assert len(channels) >= 16
    bluesky = channels["wikipedia/bluesky"]
    assert bluesky["baseline"] == {"day": "2025-10-01", "count": 51_966}
    assert (bluesky["measurable"], channels["wikipedia/x"]["measurable"]) == (True, False)
    assert channels["wikipedia/x"]["latest"] is None
    history = (await http.get("/v1/channels/wikipedia/bluesky/followers")).json()
    assert history["followers"] == [bluesky["latest"]]
    assert history["next"] is None
    missing = await http.get("/v1/channels/nobody/bluesky/followers")
    assert (missing.status_code, missing.json()["remedy"]) == (404, "GET /v1/channels lists them.")


async def test_days_are_told(metrics: Metrics, http: httpx.AsyncClient) -> None:
    await metrics.hear(published("1"), published("2"))
    told = (await http.get("/v1/days")).json()
    assert [day["events"] for day in told["days"]] == [{"post.published": 2}]
    assert (await http.get("/v1/days", params={"after": told["days"][0]["day"]})).json()["days"] == []


async def test_wrong_questions_are_told_so(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/v1/posts/{uuid4()}/measurements")).status_code == 404
    naive = await http.get(f"/v1/posts/{uuid4()}/measurements", params={"after": "2026-01-01T00:00:00"})
    assert naive.json()["errors"][0]["pointer"] == "query/after"
    assert (await http.get("/v1/channels", params={"limit": 1}, headers={"Authorization": ""})).status_code == 401
    assert (await http.get("/v1/days", params={"limit": 0})).status_code == 422
