"""Posts on the sandbox are measured over real HTTP."""

import asyncio
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from services.metrics.collect import TOGETHER
from services.metrics.settings import MetricsSettings
from shared.adapter.contract import Account, Measured
from shared.bus.memory import MemoryBus
from shared.database import begin
from shared.events import PostMeasured
from shared.mailbox import Mailbox
from tests.metrics.conftest import Metrics, Platform, Platforms, let_in, published

SAMPLES = "SELECT metric, value, age_seconds, taken_at FROM sample WHERE post = :post ORDER BY taken_at, metric"


async def test_a_post_is_measured_at_its_age_and_told(metrics: Metrics, platforms: Platforms) -> None:
    event = published(await platforms.on_bluesky())
    await metrics.hear(event)
    assert await metrics.measure() == []  # too young
    await metrics.pass_time(3_601)
    (told,) = await metrics.measure()
    assert isinstance(told, PostMeasured)
    assert (told.post, told.revision) == (event.post, event.revision)
    assert set(told.values) == {"likes", "shares", "comments", "quotes", "saves"}
    rows = await metrics.rows(SAMPLES, post=event.post)
    assert {row.metric: row.value for row in rows} == dict(told.values)
    assert rows[0].age_seconds == pytest.approx(3_601, abs=30)
    assert await metrics.due_in(event.post) == pytest.approx(2 * 3_600, abs=60)
    (row,) = await metrics.rows("SELECT latest, measured_at FROM publication")
    assert isinstance(row.measured_at, datetime)


async def test_a_late_measurement_stands_for_the_ages_it_missed(metrics: Metrics, platforms: Platforms) -> None:
    event = published(await platforms.on_bluesky(), age=4 * 86_400)
    await metrics.hear(event)
    assert len(await metrics.measure()) == 1
    assert await metrics.due_in(event.post) == pytest.approx(3 * 86_400, abs=60)


async def test_after_the_last_age_a_post_is_measured_no_more(metrics: Metrics, platforms: Platforms) -> None:
    event = published(await platforms.on_mastodon(), channel="foundation/mastodon", age=365 * 86_400 + 1)
    await metrics.hear(event)
    (told,) = await metrics.measure()
    assert isinstance(told, PostMeasured)
    assert set(told.values) == {"likes", "shares", "comments", "quotes"}
    assert await metrics.due_in(event.post) is None


async def test_a_post_that_is_gone_has_no_sample(metrics: Metrics, platforms: Platforms) -> None:
    there, gone = await platforms.on_bluesky(), "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3k2akyxy2tk2s"
    here, missing = published(there, age=3_700), published(gone, age=3_700)
    await metrics.hear(here, missing)
    assert [event.subject for event in await metrics.measure()] == [str(here.post)]
    assert await metrics.rows(SAMPLES, post=missing.post) == []
    assert await metrics.due_in(missing.post) == pytest.approx(3 * 3_600 - 3_700, abs=60)


async def test_one_wrong_id_does_not_keep_its_neighbours_from_being_measured(
    metrics: Metrics, platforms: Platforms
) -> None:
    posts = [published(await platforms.on_bluesky(n), age=3_700) for n in range(3)]
    await metrics.hear(*posts, published("not an address", age=3_700))
    assert {event.subject for event in await metrics.measure()} == {str(event.post) for event in posts}


async def test_a_platform_that_fails_is_asked_again_and_then_at_the_next_age(
    metrics: Metrics, platforms: Platforms
) -> None:
    event = published(await platforms.on_bluesky(), age=3_700)
    await metrics.hear(event)
    await platforms.fault("bluesky", times=2)
    assert await metrics.measure() == []
    assert await metrics.due_in(event.post) == pytest.approx(30, abs=10)
    await metrics.pass_time(60)
    assert await metrics.measure() == []
    assert await metrics.due_in(event.post) == pytest.approx(3 * 3_600 - 3_760, abs=60)
    assert await metrics.rows(SAMPLES, post=event.post) == []


async def test_a_rate_limit_says_when_to_ask_again(metrics: Metrics, platforms: Platforms) -> None:
    event = published(await platforms.on_bluesky(), age=3_700)
    await metrics.hear(event)
    await platforms.fault("bluesky", "rate_limit")
    assert await metrics.measure() == []
    assert (await metrics.due_in(event.post) or 0) >= 20


async def test_posts_of_a_channel_are_measured_together(metrics: Metrics) -> None:
    await metrics.hear(*(published(f"at://x/app.bsky.feed.post/{n}", age=3_700) for n in range(TOGETHER + 5)))
    await metrics.hear(published("1", channel="foundation/mastodon", age=3_700))
    async with begin(metrics.engine) as db:
        claims = await metrics.collect.claim(10, db)
    assert [(claim.subject, len(claim.posts)) for claim in claims] == [
        ("foundation/mastodon", 1),
        ("wikipedia/bluesky", TOGETHER),
    ]
    async with begin(metrics.engine) as db:
        assert [len(claim.posts) for claim in await metrics.collect.claim(10, db)] == [5]


async def test_a_channel_without_an_account_waits_for_its_next_age_and_says_so_once(metrics: Metrics) -> None:
    event = published("17890000000000001", channel="wikipedia/instagram", age=3_700)
    await metrics.hear(event)
    with capture_logs() as logs:
        assert await metrics.measure() == []
        assert await metrics.due_in(event.post) == pytest.approx(3 * 3_600 - 3_700, abs=60)
        await metrics.pass_time(3 * 3_600)
        assert await metrics.measure() == []
    assert [(entry["event"], entry["question"]) for entry in logs] == [
        ("not asked: the platform tells accounts only", "figures")
    ]
    (row,) = await metrics.rows("SELECT tries, measured_at FROM publication")
    assert tuple(row) == (0, None)


async def test_unpaid_shares_and_what_is_awaited_are_kept_with_the_figures(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, waiting = published("1", age=3_700), published("2", age=3_700)
    await metrics.hear(some, waiting)
    told = {
        "1": Measured("1", {"views": 10, "likes": 0}, organic={"views": 7}, awaited=frozenset({"watch_seconds"})),
        "2": Measured("2", {}, awaited=frozenset({"views", "likes"})),
    }
    platform = Platform(told)
    monkeypatch.setattr(metrics.accounts, "_of", lambda channel: (platform, Account(channel, "", "", {}), None))
    (event,) = await metrics.measure()
    assert event.subject == str(some.post)  # what is only awaited is not told
    rows = await metrics.rows("SELECT metric, value, organic FROM sample ORDER BY metric")
    assert [tuple(row) for row in rows] == [("likes", 0, None), ("views", 10, 7)]
    rows = await metrics.rows("SELECT post, metric FROM awaited ORDER BY metric")
    assert [tuple(row) for row in rows] == [
        (waiting.post, "likes"),
        (waiting.post, "views"),
        (some.post, "watch_seconds"),
    ]
    (row,) = await metrics.rows("SELECT latest, measured_at FROM publication WHERE post = :post", post=waiting.post)
    assert row.measured_at is None
    assert await metrics.due_in(waiting.post) == pytest.approx(3 * 3_600 - 3_700, abs=60)  # asked for again


async def test_instagrams_figures_are_organic(
    metrics: Metrics, platforms: Platforms, settings: MetricsSettings
) -> None:
    let_in(settings)
    event = published(await platforms.on_instagram(), channel="wikipedia/instagram", age=3_700)
    await metrics.hear(event)
    await metrics.measure()
    kept = await metrics.rows("SELECT metric, value, organic FROM sample WHERE post = :post", post=event.post)
    assert all(row.value == row.organic for row in kept)
    awaited = await metrics.rows("SELECT metric FROM awaited WHERE post = :post", post=event.post)
    assert {row.metric for row in (*kept, *awaited)} >= {"views", "reach", "likes", "comments", "saves", "shares"}


async def test_who_comes_after_the_lease_changes_nothing(metrics: Metrics, platforms: Platforms) -> None:
    event = published(await platforms.on_bluesky(), age=3_700)
    await metrics.hear(event)
    async with begin(metrics.engine) as db:
        (lost,) = await metrics.collect.claim(1, db)
    assert await metrics.measure() == []
    await metrics.pass_time(300)
    assert len(await metrics.measure()) == 1
    taken = await metrics.rows(SAMPLES, post=event.post)
    async with begin(metrics.engine) as db:
        assert await metrics.collect.settle(lost, await metrics.collect.call(lost), db) == []
    assert await metrics.rows(SAMPLES, post=event.post) == taken


async def test_the_loop_measures_by_itself(
    metrics: Metrics, platforms: Platforms, engine: AsyncEngine, settings: MetricsSettings
) -> None:
    event = published(await platforms.on_bluesky(), age=3_600)
    await metrics.hear(event)
    mailbox, stopping = Mailbox("metrics", engine, MemoryBus(), settings), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(mailbox.due(metrics.collect, 4, stopping))
        async with asyncio.timeout(30):
            while not await _told(metrics, event.post):  # noqa: ASYNC110 - a row of the database is waited for
                await asyncio.sleep(0.02)
        stopping.set()


async def _told(metrics: Metrics, post: UUID) -> bool:
    rows = await metrics.rows("SELECT headers->>'ce-subject' AS subject FROM outbox")
    return [row.subject for row in rows] == [str(post)]
