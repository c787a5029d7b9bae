"""Quotas, distances and blocks: tested in the claim, counted in the database for all workers together."""

import asyncio
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.publisher import pace
from services.publisher.outcome import Tried
from services.publisher.pace import SPACING, Window
from services.publisher.settings import PublisherSettings
from shared import platforms
from shared.adapter.contract import Published
from shared.adapter.errors import Limited, Rejected, TryLater, Uncertain
from shared.database import begin
from tests.publisher.conftest import PACED, Publisher
from tests.publisher.pacing import Lane, most_within, quota

ONE, TWO = "one/youtube", "two/youtube"
APP = "youtube"
DAY = 86_400


@pytest.fixture
async def lane(publisher: Publisher, settings: PublisherSettings) -> Lane:
    return Lane(publisher, settings, platform="youtube")


def distance(seconds: float, account: str = ONE) -> Window:
    return Window(account, SPACING, seconds, 1)


async def test_half_a_quota_goes_at_once_and_the_next_post_waits_its_turn(lane: Lane) -> None:
    await lane.clean(quota(10, 3600, ONE))
    posts = [await lane.due(ONE, age=100 - n) for n in range(7)]
    assert await lane.went(*posts) == set(posts[:5])
    for place, late in enumerate(posts[5:], 1):
        assert await lane.waits(late) == pytest.approx(place * 720, abs=2)
    row = await lane.publisher.row(posts[5])
    assert (row.state, row.tries, row.reason) == ("planned", 0, f"the quota of {ONE} is used up")
    await lane.due_again(*posts[5:])
    await lane.pass_time(719)
    assert await lane.went(*posts[5:]) == set()
    await lane.due_again(*posts[5:])
    await lane.pass_time(1.5)
    assert await lane.went(*posts[5:]) == {posts[5]}


async def test_when_it_was_told_to_come_again_there_is_room(lane: Lane) -> None:
    await lane.clean(quota(1, 10, ONE))
    first, second = [await lane.due(ONE, age=age) for age in (2, 1)]
    assert await lane.went(first, second) == {first}
    await lane.pass_time(await lane.waits(second))
    await lane.due_again(second)
    assert await lane.went(second) == {second}


async def test_a_thread_costs_its_parts(lane: Lane) -> None:
    await lane.clean(quota(10, 3600, ONE))
    thread, single, more = [await lane.due(ONE, cost=cost, age=age) for cost, age in ((4, 3), (1, 2), (1, 1))]
    assert await lane.went(thread, single, more) == {thread, single}


async def test_a_thread_that_is_longer_than_what_goes_at_once_goes_alone(lane: Lane) -> None:
    await lane.clean(quota(10, 3600, ONE))
    first, thread = await lane.due(ONE, age=3), await lane.due(ONE, cost=8, age=2)
    assert await lane.went(first) == {first}
    assert await lane.went(thread) == set()
    await lane.pass_time(721)
    await lane.due_again(thread)
    assert await lane.went(thread) == {thread}
    after = await lane.due(ONE)
    assert await lane.went(after) == set()
    assert await lane.waits(after) == pytest.approx(4 * 720, abs=2)


async def test_what_follows_a_large_thread_does_not_overtake_it(lane: Lane) -> None:
    await lane.clean(quota(10, 3600, ONE))
    first, thread, small = [await lane.due(ONE, cost=cost, age=age) for cost, age in ((3, 3), (4, 2), (1, 1))]
    assert await lane.went(first, thread, small) == {first}
    assert await lane.waits(thread) < await lane.waits(small)


async def test_a_quota_of_the_app_is_one_for_all_its_accounts(lane: Lane) -> None:
    await lane.clean(quota(4, 3600, APP), quota(100, 3600, ONE), quota(100, 3600, TWO))
    posts = [await lane.due((ONE, TWO)[n % 2], age=100 - n) for n in range(4)]
    assert await lane.went(*posts) == set(posts[:2])
    assert (await lane.publisher.row(posts[2])).reason == "the quota of youtube is used up"
    other = await lane.due(TWO)
    assert await lane.went(other) == set()


async def test_one_account_that_is_full_keeps_no_other_one_waiting(lane: Lane) -> None:
    await lane.clean(quota(2, 3600, ONE), quota(2, 3600, TWO))
    posts = [await lane.due(ONE, age=9), await lane.due(ONE, age=8), await lane.due(TWO, age=7)]
    assert await lane.went(*posts) == {posts[0], posts[2]}


async def test_all_counts_of_an_account_hold(lane: Lane) -> None:
    await lane.clean(quota(6, 60, ONE), quota(4, DAY, ONE))
    posts = [await lane.due(ONE, age=10 - n) for n in range(4)]
    assert await lane.went(*posts) == set(posts[:2])
    assert await lane.waits(posts[2]) == pytest.approx(DAY / 2, abs=2)


@pytest.mark.parametrize("workers", [2, 20])
async def test_however_many_claim_at_once_no_more_go_than_there_is_room_for(lane: Lane, workers: int) -> None:
    await lane.clean(quota(2 * workers - 2, 3600, ONE), quota(DAY, DAY, TWO), quota(DAY, DAY, APP))
    posts = [[await lane.due(ONE), await lane.due(TWO)] for _ in range(workers)]
    went = await asyncio.gather(*(lane.went(*some) for some in posts))
    mine, theirs = [{some[n] for some in posts} for n in (0, 1)]
    assert len(set().union(*went) & mine) == workers - 1
    assert set().union(*went) & theirs == theirs


async def test_however_many_claim_at_once_distances_hold(lane: Lane) -> None:
    await lane.clean(distance(600))
    posts = [await lane.due(ONE) for _ in range(10)]
    went = await asyncio.gather(*(lane.went(post) for post in posts))
    assert len(set().union(*went)) == 1


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    posts=st.integers(1, 9),
    seconds=st.sampled_from([10, 900, DAY]),
    steps=st.lists(
        st.tuples(st.floats(0, 0.7), st.integers(1, 4), st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=8
    ),
)
async def test_no_stretch_of_time_ever_holds_more_than_the_quota(
    lane: Lane, posts: int, seconds: int, steps: list[tuple[float, int, int, int]]
) -> None:
    """Whatever comes, whatever fails and gives its room back: what is public keeps to the quota."""
    await lane.clean(quota(posts, seconds, ONE))
    moved, public = 0.0, []
    for share, arriving, failing, urgency in steps:
        await lane.pass_time(share * seconds)
        moved += share * seconds
        arrived = [await lane.due(ONE, cost=min(posts, n + 1), urgency=min(n, urgency), age=n) for n in range(arriving)]
        for number, one in enumerate(await lane.claim(*arrived)):
            if number < failing:
                await lane.settle(one, Tried(TryLater("not now"), failing=False))
            else:
                public.append((moved + monotonic(), one.took))
    assert most_within(public, seconds - 0.01) <= posts


async def test_urgent_posts_go_first_and_keep_no_distance(lane: Lane) -> None:
    await lane.clean(distance(600), quota(8, 3600, ONE))
    calm = [await lane.due(ONE, age=50), await lane.due(ONE, age=49)]
    correction, crisis = await lane.due(ONE, urgency=1), await lane.due(ONE, urgency=2)
    claims = [one.post for one in await lane.claim(*calm)]
    assert set(claims) == {calm[0], correction, crisis}
    assert await lane.waits(calm[1]) == pytest.approx(600, abs=2)


async def test_after_an_urgent_post_the_distance_begins_anew(lane: Lane) -> None:
    await lane.clean(distance(600))
    first = await lane.due(ONE)
    await lane.went(first)
    await lane.pass_time(400)
    await lane.went(await lane.due(ONE, urgency=2))
    calm = await lane.due(ONE)
    assert await lane.went(calm) == set()
    assert await lane.waits(calm) == pytest.approx(600, abs=2)


async def test_urgent_posts_keep_to_quotas_and_room_that_comes_is_theirs(lane: Lane) -> None:
    await lane.clean(quota(2, 3600, ONE))
    await lane.went(await lane.due(ONE))
    crisis = await lane.due(ONE, urgency=2)
    calm = await lane.due(ONE, age=900)
    assert await lane.went(crisis, calm) == set()
    assert await lane.publisher.state(crisis) == "due"
    assert await lane.waits(crisis) < await lane.waits(calm)
    await lane.pass_time(3601)
    newcomer = await lane.due(ONE, age=5_000)
    assert await lane.went(newcomer) == {crisis}


async def test_what_certainly_failed_gives_its_room_back(lane: Lane) -> None:
    await lane.clean(quota(2, 3600, ONE), distance(60))
    first, second = await lane.due(ONE, age=2), await lane.due(ONE, age=1)
    (claim,) = await lane.claim(first)
    await lane.settle(claim, Tried(TryLater("out of order"), failing=True))
    await lane.pass_time(1)
    assert await lane.went(second) == {second}
    await lane.due_again(first)
    assert await lane.went(first) == set()


@pytest.mark.parametrize(
    "tried",
    [
        Tried(Published("1")),
        Tried(Uncertain("no answer"), touched=True),
        Tried(TryLater("the second part failed"), touched=True),
    ],
)
async def test_what_may_be_public_gives_nothing_back(lane: Lane, tried: Tried) -> None:
    await lane.clean(quota(2, 3600, ONE))
    (claim,) = await lane.claim(await lane.due(ONE))
    await lane.settle(claim, tried)
    assert await lane.went(await lane.due(ONE)) == set()


async def test_room_that_came_back_by_itself_is_not_given_twice(lane: Lane) -> None:
    await lane.clean(quota(4, 400, ONE))
    (claim,) = await lane.claim(await lane.due(ONE, cost=2))
    async with begin(lane.engine) as db:
        await pace.give_back(ONE, APP, claim.took, 150, lane.counts, db)
    row = await lane.one("SELECT extract(epoch FROM full_at - now())::float AS used FROM pace")
    assert row.used == pytest.approx(150, abs=2)  # 400 were taken, of which 150 had leaked: 250 are given back


async def test_a_429_spends_no_try_and_leaves_the_account_alone(lane: Lane) -> None:
    await lane.clean(quota(50, DAY, ONE), quota(50, DAY, TWO))
    (claim,) = await lane.claim(await lane.due(ONE))
    await lane.settle(claim, Tried(Limited("enough for today", 4_000), failing=False))
    row = await lane.publisher.row(claim.post)
    assert (row.state, row.tries, row.reason) == ("planned", 0, "enough for today")
    assert await lane.waits(claim.post) == pytest.approx(4_000, abs=2)
    mine, crisis, theirs = await lane.due(ONE), await lane.due(ONE, urgency=2), await lane.due(TWO)
    assert await lane.went(mine, crisis, theirs) == {theirs}
    assert await lane.waits(mine) == pytest.approx(4_000, abs=3)
    await lane.pass_time(4_001)
    await lane.due_again(mine)
    assert await lane.went(mine) == {mine, crisis}


async def test_a_429_about_the_app_leaves_all_its_accounts_alone(lane: Lane) -> None:
    await lane.clean()
    (claim,) = await lane.claim(await lane.due(ONE))
    await lane.settle(claim, Tried(Limited("enough for all", 4_000, app=True), failing=False))
    other = await lane.due(TWO)
    assert await lane.went(other) == set()
    assert await lane.waits(other) == pytest.approx(4_000, abs=3)


async def test_an_unknown_outcome_is_looked_up_while_its_account_is_left_alone(lane: Lane) -> None:
    await lane.clean(quota(1, DAY, ONE))
    async with begin(lane.engine) as db:
        await pace.block(ONE, 600, "enough", db)
    look = await lane.due(ONE, state="uncertain")
    (claim,) = await lane.claim(look)
    assert (claim.uncertain, claim.took) == (True, 0)
    assert await lane.went(await lane.due(ONE)) == set()


async def test_a_look_obeys_a_platform_that_says_when(lane: Lane) -> None:
    await lane.clean()
    (claim,) = await lane.claim(await lane.due(ONE, state="uncertain"))
    await lane.settle(claim, Tried(Limited("not so fast", 900), failing=False))
    assert await lane.publisher.state(claim.post) == "uncertain"
    assert await lane.waits(claim.post) == pytest.approx(900, abs=2)


async def test_who_waits_longer_than_it_may_is_looked_at_when_its_time_is_over(lane: Lane) -> None:
    await lane.clean(quota(1, DAY, ONE))
    first, second, third = [await lane.due(ONE, age=n) for n in (3, 2, 1)]
    await lane.publisher.force("not_after = now() + interval '1 hour'")
    (claim,) = [one for one in await lane.claim(first, second) if one.post == first]
    assert await lane.waits(second) == pytest.approx(3600, abs=2)
    await lane.settle(claim, Tried(Limited("tomorrow", DAY), failing=False))
    assert await lane.waits(first) == pytest.approx(3600, abs=2)
    assert await lane.went(third) == set()
    assert await lane.waits(third) == pytest.approx(3600, abs=2)


async def test_a_rejected_post_gives_its_room_back(lane: Lane) -> None:
    await lane.clean(quota(2, 3600, ONE))
    (claim,) = await lane.claim(await lane.due(ONE))
    events = await lane.settle(claim, Tried(Rejected("never"), failing=False))
    assert [event.name for event in events] == ["post.failed"]
    await lane.pass_time(1)
    other = await lane.due(ONE)
    assert await lane.went(other) == {other}


@pytest.mark.parametrize("name", platforms.specs())
def test_every_platform_says_how_much_it_takes(name: str) -> None:
    spec = platforms.specs()[name]
    counts = pace.windows(spec, PACED)
    channels = {channel.id for channel in PACED.channels.values() if channel.platform == name}
    assert {one.account for one in counts} in ({name}, channels, channels | {name})
    for one in counts:
        assert (
            one.burst + one.seconds / one.step
            == pytest.approx(next(pace.posts for pace in spec.pace if pace.per.total_seconds() == one.seconds))
            or one.burst == 1
        )
