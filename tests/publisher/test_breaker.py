"""A platform that is out of order is left alone, then asked by one post; others feel nothing."""

import asyncio

import pytest

from services.publisher.claim import Claimed
from services.publisher.outcome import Tried
from services.publisher.settings import PublisherSettings
from shared.adapter.contract import NotFound, Published
from shared.adapter.errors import Limited, Rejected, TryLater, Uncertain
from tests.publisher.conftest import Publisher
from tests.publisher.pacing import Lane

ONE, TWO = "one/bluesky", "two/bluesky"
OUT_OF_ORDER = Tried(TryLater("503"), failing=True)
SECONDS = 30.0


@pytest.fixture
async def lane(publisher: Publisher, settings: PublisherSettings) -> Lane:
    lane = Lane(publisher, settings, platform="bluesky")
    await lane.clean()
    return lane


async def claimed(lane: Lane) -> Claimed:
    (claim,) = await lane.claim(await lane.due(ONE))
    return claim


async def broken(lane: Lane) -> None:
    """Let the platform fail as often as its breaker bears."""
    for claim in [await claimed(lane) for _ in range(lane.settings.breaker_failures)]:
        await lane.settle(claim, OUT_OF_ORDER)


async def pause(lane: Lane) -> float:
    """Return for how long the platform is left alone, in seconds."""
    row = await lane.one("SELECT extract(epoch FROM until - now())::float AS seconds FROM breaker")
    return float(row.seconds)


async def test_after_failures_in_a_row_whoever_saw_them_nothing_is_tried(lane: Lane) -> None:
    claims = [await claimed(lane) for _ in range(lane.settings.breaker_failures)]
    waiting, look = await lane.due(TWO), await lane.due(ONE, state="uncertain")
    await asyncio.gather(*(lane.settle(claim, OUT_OF_ORDER) for claim in claims[1:]))
    (early,) = await lane.claim(await lane.due(ONE))
    await lane.settle(claims[0], OUT_OF_ORDER)
    crisis = await lane.due(ONE, urgency=2)
    assert await lane.went(waiting, look, crisis) == set()
    assert 0.7 * SECONDS < await pause(lane) < 1.3 * SECONDS
    assert await lane.waits(waiting) == pytest.approx(await pause(lane), abs=1)
    assert await lane.publisher.state(look) == "uncertain"
    assert (await lane.publisher.row(waiting)).reason == "its platform is out of order: 503"
    assert early.probe is False


async def test_an_answer_in_between_begins_the_count_anew(lane: Lane) -> None:
    claims = [await claimed(lane) for _ in range(2 * lane.settings.breaker_failures - 1)]
    for number, claim in enumerate(claims):
        middle = number == lane.settings.breaker_failures - 1
        await lane.settle(claim, Tried(Rejected("400"), failing=False) if middle else OUT_OF_ORDER)
    assert await lane.went(post := await lane.due(ONE)) == {post}


@pytest.mark.parametrize("outcome", [Limited("429", 1), Rejected("400"), Published("1")])
async def test_an_answer_is_no_failure(lane: Lane, outcome: Limited) -> None:
    for _ in range(lane.settings.breaker_failures + 1):
        claim = await claimed(lane)
        await lane.settle(claim, Tried(outcome, failing=False))
        await lane.pass_time(2)
    assert await lane.one("SELECT * FROM breaker WHERE until IS NOT NULL") is None


async def test_when_its_time_is_over_one_post_asks_for_all(lane: Lane) -> None:
    await broken(lane)
    posts = [await lane.due(ONE, age=n) for n in range(5)]
    await lane.pass_time(60)
    went = set().union(*await asyncio.gather(*(lane.went(post) for post in posts)))
    assert len(went) == 1
    assert max([await lane.waits(post) for post in set(posts) - went]) < 6
    await lane.due_again(*posts)
    assert await lane.went(*posts) == set()


async def test_of_several_it_is_the_first_that_may_go(lane: Lane) -> None:
    await broken(lane)
    await lane.pass_time(60)
    blocked, first, second = await lane.due(TWO, urgency=2), await lane.due(ONE, age=9), await lane.due(ONE)
    async with lane.engine.connect() as driver:
        await driver.exec_driver_sql(f"INSERT INTO block VALUES ('{TWO}', now() + interval '1 hour', 'enough')")
        await driver.commit()
    (probe,) = await lane.claim(blocked, first, second)
    assert (probe.post, probe.probe) == (first, True)


async def test_a_probe_that_works_lets_all_go(lane: Lane) -> None:
    await broken(lane)
    await lane.pass_time(60)
    probe, other = await claimed(lane), await lane.due(ONE)
    await lane.settle(probe, Tried(Published("1"), failing=False))
    assert await lane.went(other) == {other}
    row = await lane.one("SELECT failures, opened, until FROM breaker")
    assert (row.failures, row.opened, row.until) == (0, 0, None)


async def test_each_probe_that_fails_doubles_the_pause_up_to_ten_minutes(lane: Lane) -> None:
    await broken(lane)
    for expected in (60, 120, 240, 480, 600, 600):
        await lane.pass_time(1_000)
        probe = await claimed(lane)
        await lane.settle(probe, OUT_OF_ORDER)
        assert 0.7 * expected < await pause(lane) < 1.3 * expected


async def test_a_call_that_began_earlier_is_no_probe(lane: Lane) -> None:
    stray = await claimed(lane)
    await broken(lane)
    await lane.pass_time(60)
    probe = await claimed(lane)
    await lane.settle(stray, OUT_OF_ORDER)
    row = await lane.one("SELECT opened, probing FROM breaker")
    assert (row.opened, row.probing) == (1, True)
    await lane.settle(probe, Tried(NotFound(), failing=False))
    assert await lane.went(post := await lane.due(ONE)) == {post}


async def test_a_probe_whose_worker_is_gone_is_followed_by_another(lane: Lane) -> None:
    await broken(lane)
    await lane.pass_time(60)
    await claimed(lane)
    other = await lane.due(ONE)
    assert await lane.went(other) == set()
    await lane.pass_time(lane.settings.lease_seconds + 1)
    await lane.due_again(other)
    assert await lane.went(other) == {other}


async def test_a_probe_that_asked_nothing_leaves_it_to_another(lane: Lane) -> None:
    await broken(lane)
    await lane.pass_time(60)
    await lane.settle(await claimed(lane), Tried(TryLater("the medium cannot be read")))
    assert (await claimed(lane)).probe


async def test_a_look_may_be_the_probe(lane: Lane) -> None:
    await broken(lane)
    await lane.pass_time(60)
    (probe,) = await lane.claim(await lane.due(ONE, state="uncertain"))
    assert probe.probe
    await lane.settle(probe, Tried(Uncertain("no answer"), failing=True))
    assert 0.7 * 60 < await pause(lane) < 1.3 * 60


async def test_other_platforms_feel_nothing(lane: Lane, publisher: Publisher, settings: PublisherSettings) -> None:
    await broken(lane)
    other = Lane(publisher, settings, platform="mastodon")
    post = await other.due("one/mastodon")
    assert await other.went(post) == {post}


async def test_what_is_left_alone_for_longer_than_it_may_wait_is_looked_at_in_time(lane: Lane) -> None:
    lane.settings = lane.settings.model_copy(update={"breaker_seconds": 500.0})
    await broken(lane)
    late = await lane.due(ONE)
    await lane.publisher.force("not_after = now() + interval '100 seconds'", late)
    assert await lane.went(late) == set()
    assert await lane.waits(late) == pytest.approx(100, abs=2)
