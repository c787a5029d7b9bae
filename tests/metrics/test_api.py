"""What metrics answers over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from services.metrics.api import make_app
from services.metrics.settings import MetricsSettings
from shared.adapter.contract import Account, Measured
from shared.bus.memory import MemoryBus
from shared.http.token import issue, make_key_pair
from shared.process import open_runtime
from shared.process.serving import serving
from tests.metrics.conftest import Metrics, Platform, Platforms, let_in, published

GOLDEN = Path(__file__).parent / "golden"


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
    assert bluesky["measurable"]
    assert channels["wikipedia/instagram"]["latest"] is None  # no account, so nothing is measured
    history = (await http.get("/v1/channels/wikipedia/bluesky/followers")).json()
    assert history["followers"] == [bluesky["latest"]]
    assert history["next"] is None
    missing = await http.get("/v1/channels/nobody/bluesky/followers")
    assert (missing.status_code, missing.json()["remedy"]) == (404, "GET /v1/channels lists them.")


async def test_shares_and_what_is_awaited_are_told_with_the_figures(
    metrics: Metrics, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = published("1", age=3_700)
    await metrics.hear(event)
    answers = [
        Measured("1", {}, awaited=frozenset({"views"})),
        Measured("1", {"views": 10, "likes": 0}, organic={"views": 7}),
    ]
    platform = Platform()
    monkeypatch.setattr(metrics.accounts, "_of", lambda channel: (platform, Account(channel, "", "", {}), None))
    for answer in answers:
        platform.told = {"1": answer}
        await metrics.measure()
        await metrics.pass_time(3 * 3_600)
    told = (await http.get(f"/v1/posts/{event.post}/measurements", params={"limit": 1})).json()
    first = told["measurements"][0]
    assert (first["values"], first["organic"], first["awaited"]) == ({}, {}, ["views"])
    more = (await http.get(f"/v1/posts/{event.post}/measurements", params={"after": told["next"]})).json()
    (second,) = more["measurements"]
    assert (second["values"], second["organic"], second["awaited"]) == ({"views": 10, "likes": 0}, {"views": 7}, [])
    assert more["next"] is None


async def test_means_are_not_added_up(
    metrics: Metrics, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await metrics.hear(*(published(one, age=3_700, campaign="wiki25") for one in "12"))
    platform = Platform({one: Measured(one, {"watch_seconds": 100, "watched_mean": 10}) for one in "12"})
    monkeypatch.setattr(metrics.accounts, "_of", lambda channel: (platform, Account(channel, "", "", {}), None))
    await metrics.measure()
    assert (await http.get("/v1/campaigns/wiki25")).json()["values"] == {"watch_seconds": 200}


async def test_who_follows_is_told(metrics: Metrics, http: httpx.AsyncClient, settings: MetricsSettings) -> None:
    let_in(settings)
    await metrics.go_round(metrics.people)
    told = (await http.get("/v1/channels/wikipedia/instagram/people")).json()
    assert told["people"][0]["countries"]
    assert told["next"] is None
    assert (await http.get("/v1/channels/wikipedia/bluesky/people")).json()["people"] == []
    assert (await http.get("/v1/channels/nobody/bluesky/people")).status_code == 404


async def test_what_was_heard_is_told_in_pages(
    metrics: Metrics, platforms: Platforms, http: httpx.AsyncClient, settings: MetricsSettings
) -> None:
    let_in(settings, "wikipedia/bluesky", "foundation/mastodon")
    for number in range(3):
        await platforms.say("bluesky", "wikipedia.org", "mention", f"No. {number}")
    await platforms.say("mastodon", "wikimediafoundation", "mention", "Hello?")
    await metrics.go_round(metrics.hearing)
    query: dict[str, str | int] = {"channel": "wikipedia/bluesky", "limit": 2}
    first = (await http.get("/v1/heard", params=query)).json()
    second = (await http.get("/v1/heard", params=query | {"cursor": first["next"]})).json()
    assert [said["text"] for said in first["heard"] + second["heard"]] == ["No. 0", "No. 1", "No. 2"]
    assert second["next"] is None
    said = first["heard"][0]
    assert (said["kind"], said["channels"], said["platform"], said["to"]) == (
        "mention",
        ["wikipedia/bluesky"],
        "bluesky",
        None,
    )
    assert len((await http.get("/v1/heard")).json()["heard"]) == 4
    assert (await http.get("/v1/heard", params={"since": "2100-01-01T00:00:00Z"})).json()["heard"] == []
    wrong = await http.get("/v1/heard", params={"channel": "nobody/bluesky"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "query/channel")
    assert (await http.get("/v1/heard", params={"cursor": "x"})).status_code == 422


async def test_the_channel_table_is_told_in_three_forms(
    metrics: Metrics, platforms: Platforms, http: httpx.AsyncClient
) -> None:
    await platforms.set_followers(bluesky={"wikipedia.org": 60_000})
    await metrics.count_followers()
    then = {"as_of": "2025-10-01"}
    page = await http.get("/v1/channels/table", params=then | {"format": "wikitext"})
    assert page.headers["content-type"] == "text/x-wiki; charset=utf-8"
    # The rehearsal's registry has Mastodon on: a row more than the page.
    assert (
        page.text.replace("|-\n| Mastodon\n| @wikimediafoundation\n| –\n| n/a\n| n/a\n", "")
        == (GOLDEN / "2025-10-01.wikitext").read_text()
    )
    sheet = await http.get("/v1/channels/table", params=then | {"format": "csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.content.startswith((GOLDEN / "2025-10-01.csv").read_bytes())
    today = (await http.get("/v1/channels/table")).json()
    cells = {row["platform"]: row["channels"]["wikipedia"] for row in today["rows"]}
    assert cells["bluesky"]["followers"] == 60_000
    assert cells["bluesky"]["counted_on"] > "2026"
    assert (cells["instagram"]["followers"], cells["instagram"]["counted_on"]) == (376_270, "2025-10-01")


@pytest.mark.parametrize(
    ("query", "pointer", "remedy"),
    [
        ({"format": "html"}, "query/format", "Give one of 'wikitext', 'csv' or 'json'."),
        ({"as_of": "1.10.2025"}, "query/as_of", "Write a day, as in 2026-03-01."),
        ({"as_of": "2025-02-30"}, "query/as_of", "Write a day, as in 2026-03-01."),
        ({"as_of": "2025"}, "query/as_of", "Write a day, as in 2026-03-01."),
        ({"as_of": "2100-01-01"}, "query/as_of", "or a day before."),
    ],
)
async def test_a_wrong_question_about_the_table_is_told_with_field_and_remedy(
    http: httpx.AsyncClient, query: dict[str, str], pointer: str, remedy: str
) -> None:
    answer = await http.get("/v1/channels/table", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert error["remedy"].endswith(remedy)


async def test_the_description_names_all_forms_of_the_table(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()["paths"]["/v1/channels/table"]["get"]
    assert set(described["responses"]["200"]["content"]) == {"application/json", "text/x-wiki", "text/csv"}


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
