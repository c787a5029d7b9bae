"""What platforms say of quotas, and what others post, counts; asked of the sandbox over HTTP."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest
import yaml
from prometheus_client import REGISTRY
from sqlalchemy import text

from deploy.sandbox.people import number_of
from services.publisher import pace
from services.publisher.accounts import Accounts
from services.publisher.door import Door
from services.publisher.figures import Figures
from services.publisher.outcome import Tried
from services.publisher.seal import Keys
from services.publisher.settings import PublisherSettings
from services.publisher.usage import Usage
from shared import platforms
from shared.accounts import Accounts as FileAccounts
from shared.adapter.answers import Spent
from shared.adapter.client import HttpClient
from shared.adapter.contract import Published
from shared.adapter.errors import TryLater
from shared.channels import Channel, Registry
from shared.channels.registry import Quota
from shared.database import begin, statements
from tests.platforms import sandbox as stand_in
from tests.platforms.conftest import Stage as Author
from tests.platforms.contents import Store
from tests.platforms.sandbox import Sandbox
from tests.platforms.shelf import shelf
from tests.publisher.conftest import PACED, Publisher
from tests.publisher.pacing import Lane

NOTHING = Tried(Published("1"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with stand_in.running() as running:
        running.control.put("/_quotas", json={"instagram": "real", "threads": "real"}).raise_for_status()
        yield running


class Desk:
    """A channel of ours, others who post there, and who asks what is used."""

    def __init__(self, lane: Lane, author: Author, usage: Usage, channel: Channel) -> None:
        self.lane = lane
        self.author = author
        self.usage = usage
        self.channel = channel

    @property
    def registry(self) -> Registry:
        return replace(PACED, channels={self.channel.id: self.channel}, digest=uuid4().hex)

    async def post_by_others(self, words: str, number: int = 0) -> Published:
        return await self.author.trial(self.author.plain(f"{words} {number}", number)).until_public()

    async def post_by_us(self) -> Published:
        """Publish as the worker does, with all three beats."""
        (claim,) = await self.lane.claim(await self.lane.due(self.channel.id))
        published = await self.author.trial(self.author.plain(f"Ours {claim.post}")).until_public()
        await self.lane.settle(claim, Tried(published, touched=True, failing=False))
        return published

    async def ask(self) -> int:
        """Ask what is used, if it is time; return of how many channels."""
        async with statements(self.lane.engine) as db:
            rounds = await self.usage.claim(9, db)
        for one in rounds:
            seen = await self.usage.call(one)
            async with begin(self.lane.engine) as db:
                await self.usage.settle(one, seen, db)
        return len(rounds)

    async def used(self, seconds: int = 86_400) -> float:
        """Return how many posts' room is taken."""
        row = await self.lane.one(
            f"SELECT extract(epoch FROM full_at - now())::float AS left, posts FROM pace WHERE seconds = {seconds}"
        )
        (count,) = [one for one in self.lane.counts if one.seconds == seconds]
        if row.posts:
            count = pace.window(count.account, row.posts, timedelta(seconds=seconds))
        return max(0.0, float(row.left)) / count.step


async def desk_of(
    platform: str, publisher: Publisher, settings: PublisherSettings, sandbox: Sandbox, tmp_path: Path, **more: object
) -> AsyncIterator[Desk]:
    name, spec = f"t{uuid4().hex[:12]}", platforms.specs()[platform]
    known = next(channel for channel in PACED.channels.values() if channel.platform == platform)
    here = {"id": f"one/{platform}", "base_url": f"{sandbox.url}/{platform}", "handle": name}
    channel = known.model_copy(update=here | more)
    secrets = {"access_token": f"sandbox-{name}", "id": number_of(name)}
    (tmp_path / "accounts.yaml").write_text(yaml.safe_dump({channel.id: secrets}))
    lane, store = Lane(publisher, settings, platform=platform), Store()
    async with HttpClient(spec, contact="https://carillon.example", deadline=2.0) as http:
        with shelf(store):
            registry = replace(PACED, channels={channel.id: channel})
            accounts = Accounts(FileAccounts(tmp_path / "accounts.yaml", lambda: registry), publisher.engine, Keys([]))
            usage = Usage(
                spec,
                platforms.publisher_of(platform),
                platforms.connector_of(platform),
                accounts=accounts,
                registry=lambda: registry,
                http=http,
                settings=settings,
            )
            await lane.clean(*pace.windows(spec, registry))
            yield Desk(lane, Author(spec, await accounts.of(channel.id), http, sandbox, store), usage, channel)
    sandbox.disarm()


@pytest.fixture(params=["instagram", "threads"])
async def asked(
    request: pytest.FixtureRequest,
    publisher: Publisher,
    settings: PublisherSettings,
    sandbox: Sandbox,
    tmp_path: Path,
) -> AsyncIterator[Desk]:
    async for desk in desk_of(request.param, publisher, settings, sandbox, tmp_path):
        yield desk


@pytest.fixture(params=["linkedin", "mastodon", "facebook", "instagram"])
async def shared(
    request: pytest.FixtureRequest,
    publisher: Publisher,
    settings: PublisherSettings,
    sandbox: Sandbox,
    tmp_path: Path,
) -> AsyncIterator[Desk]:
    more = {"shared_with": ("talent-and-culture",), "spacing": timedelta(minutes=30)}
    async for desk in desk_of(request.param, publisher, settings, sandbox, tmp_path, **more):
        yield desk


async def test_only_who_is_about_to_publish_is_asked_about(asked: Desk) -> None:
    assert await asked.ask() == 0
    post = await asked.lane.due(asked.channel.id)
    await asked.lane.publisher.force("due_at = now() + interval '1 day', state = 'planned'", post)
    assert await asked.ask() == 0
    await asked.lane.publisher.force("due_at = now() + interval '1 minute'", post)
    assert await asked.ask() == 1
    assert await asked.ask() == 0  # not again so soon


async def test_what_the_platform_says_is_used_counts(asked: Desk) -> None:
    for number in range(3):
        await asked.post_by_others("Theirs", number)
    await asked.post_by_us()
    assert await asked.used() == pytest.approx(1, abs=0.1)
    await asked.lane.due(asked.channel.id)
    assert await asked.ask() == 1
    assert await asked.used() == pytest.approx(4, abs=0.1)
    await again(asked)
    assert await asked.used() == pytest.approx(4, abs=0.1)  # and is not counted twice


async def test_how_much_there_is_the_platform_knows_best(asked: Desk, sandbox: Sandbox) -> None:
    sandbox.control.put("/_quotas", json={asked.lane.platform: {"posts_24h": 8}}).raise_for_status()
    try:
        posts = [await asked.lane.due(asked.channel.id, age=n) for n in range(6)]
        await asked.ask()
        assert len(await asked.lane.went(*posts)) == 4
    finally:
        sandbox.control.put("/_quotas", json={asked.lane.platform: "real"}).raise_for_status()


async def test_nothing_goes_out_when_the_platform_says_that_all_is_used(asked: Desk, sandbox: Sandbox) -> None:
    sandbox.control.put("/_quotas", json={asked.lane.platform: {"posts_24h": 2}}).raise_for_status()
    try:
        for number in range(2):
            await asked.post_by_others("Theirs", number)
        post = await asked.lane.due(asked.channel.id)
        await asked.ask()
        assert await asked.lane.went(post) == set()
    finally:
        sandbox.control.put("/_quotas", json={asked.lane.platform: "real"}).raise_for_status()


async def test_posts_of_others_count_and_ours_only_once(shared: Desk) -> None:
    await shared.post_by_us()
    for number in range(2):
        await shared.post_by_others("We are hiring", number)
    window = max(one.seconds for one in shared.lane.counts)
    assert await shared.used(window) == pytest.approx(1, abs=0.1)
    await shared.lane.due(shared.channel.id)
    assert await shared.ask() == 1
    assert await shared.used(window) == pytest.approx(3, abs=0.1)
    row = await shared.lane.one("SELECT count(*) AS foreign_ones FROM foreign_post")
    assert row.foreign_ones == 2
    await again(shared)
    assert await shared.used(window) == pytest.approx(3, abs=0.1)


async def test_a_post_of_others_keeps_the_distance_too(shared: Desk) -> None:
    await shared.post_by_others("We are hiring")
    post = await shared.lane.due(shared.channel.id)
    await shared.ask()
    assert await shared.lane.went(post) == set()
    assert await shared.lane.waits(post) == pytest.approx(1_800, abs=30)


async def test_what_may_be_ours_is_not_called_theirs(shared: Desk) -> None:
    (claim,) = await shared.lane.claim(await shared.lane.due(shared.channel.id))
    published = await shared.post_by_others("Ours, but its answer was lost")
    await shared.lane.due(shared.channel.id)
    await shared.ask()
    assert (await shared.lane.one("SELECT count(*) AS n FROM foreign_post")).n == 0
    await shared.lane.settle(claim, Tried(published, touched=True, failing=False))
    await again(shared)
    assert (await shared.lane.one("SELECT count(*) AS n FROM foreign_post")).n == 0


async def test_a_platform_that_does_not_say_is_asked_later(asked: Desk, sandbox: Sandbox) -> None:
    await asked.lane.due(asked.channel.id)
    sandbox.arm(asked.lane.platform, "refuse_500", times=9)
    assert await asked.ask() == 1
    row = await asked.lane.one("SELECT failures, due_at > now() AS later FROM usage")
    assert (row.failures, row.later) == (1, True)
    assert await asked.used() == 0


async def test_an_operator_s_own_pace_is_not_widened(
    publisher: Publisher, settings: PublisherSettings, sandbox: Sandbox, tmp_path: Path
) -> None:
    own = (Quota(posts=4, per=timedelta(days=1)),)
    async for desk in desk_of("instagram", publisher, settings, sandbox, tmp_path, pace=own):
        posts = [await desk.lane.due(desk.channel.id, age=n) for n in range(6)]
        await desk.ask()
        assert len(await desk.lane.went(*posts)) == 2


@pytest.mark.parametrize("app", [True, False])
async def test_a_quota_that_an_answer_says_is_spent_stops_the_account_or_the_app(
    publisher: Publisher, settings: PublisherSettings, app: bool
) -> None:
    lane = Lane(publisher, settings, platform="x")
    await lane.clean()
    (claim,) = await lane.claim(await lane.due("one/x"))
    await lane.settle(claim, replace(NOTHING, touched=True, failing=False, spent=Spent(600.0, app)))
    mine, other = await lane.due("one/x"), await lane.due("two/x")
    assert await lane.went(mine, other) == (set() if app else {other})
    assert await lane.waits(mine) == pytest.approx(600, abs=2)


async def test_figures_say_what_is_left(publisher: Publisher, settings: PublisherSettings) -> None:
    lane = Lane(publisher, settings, platform="youtube")
    channel = PACED.channels["wikipedia/youtube"].model_copy(update={"id": "one/youtube"})
    registry = replace(PACED, channels={channel.id: channel})
    await lane.clean(*pace.windows(platforms.specs()["youtube"], registry))
    claims = await lane.claim(*[await lane.due("one/youtube") for _ in range(5)])
    for claim in claims:
        await lane.settle(claim, Tried(TryLater("503"), failing=True))
    await lane.claim(*[await lane.due("one/youtube") for _ in range(5)])
    async with begin(lane.engine) as db:
        await pace.block("youtube", 500, "enough", db)
        await Figures(lambda: registry).tick(db)
    figure = REGISTRY.get_sample_value
    assert figure("carillon_breaker_open", {"platform": "youtube"}) == 1
    assert figure("carillon_breaker_open", {"platform": "x"}) == 0
    assert figure("carillon_blocked_seconds", {"channel": "one/youtube"}) == pytest.approx(500, abs=2)
    assert figure("carillon_quota_left", {"channel": "one/youtube"}) in (49, 50)


async def again(desk: Desk) -> None:
    """Ask once more, as after some minutes."""
    async with statements(desk.lane.engine) as db:
        await db.execute(text("UPDATE usage SET due_at = now()"))
    assert await desk.ask() == 1


@pytest.mark.parametrize(("platform", "bucket"), [("x", "create_15min"), ("mastodon", "statuses_3h")])
async def test_an_answer_that_leaves_nothing_is_noticed_at_the_door(
    publisher: Publisher, settings: PublisherSettings, sandbox: Sandbox, tmp_path: Path, platform: str, bucket: str
) -> None:
    async def still() -> bool:
        return True

    async for desk in desk_of(platform, publisher, settings, sandbox, tmp_path):
        door = Door(desk.author.http, still, allowed=True, asked=monotonic())
        sandbox.control.put("/_quotas", json={platform: {bucket: 2}}).raise_for_status()
        try:
            for left in (True, False):
                trial = desk.author.trial(desk.author.plain(f"One of two {left}"))
                trial.http = door
                await trial.once()
                assert (door.spent is None) is left
        finally:
            sandbox.control.put("/_quotas", json={platform: "real"}).raise_for_status()
