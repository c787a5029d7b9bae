"""What a channel's account allows is read in its time by one worker, told, and kept while the platform is silent."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.credentials import sandbox_accounts
from services.publisher.accounts import Accounts
from services.publisher.limits import Reading, ReadLimits
from services.publisher.seal import Keys
from services.publisher.settings import PublisherSettings
from shared.accounts import Accounts as FileAccounts
from shared.adapter.contract import Account, Connector, Http
from shared.adapter.errors import PlatformError, TryLater, Unauthorized
from shared.channels import Stance
from shared.database import begin, statements
from shared.events import ChannelLimits, Event
from shared.platforms import specs
from tests.publisher.conftest import CONFIG

CHANNEL = "foundation/mastodon"
CHANNELS = {CHANNEL: CONFIG.channels[CHANNEL]}


class Instance:
    """A platform that says of its limits what it is told to."""

    def __init__(self) -> None:
        self.answer: Mapping[str, int] | PlatformError = {"text": 5_000}
        self.asked: list[str] = []

    async def limits(self, account: Account, http: Http) -> Mapping[str, int]:
        self.asked.append(account.channel)
        if isinstance(self.answer, PlatformError):
            raise self.answer
        return self.answer


@pytest.fixture
def instance() -> Instance:
    return Instance()


Worker = Callable[..., ReadLimits]


@pytest.fixture
def worker(settings: PublisherSettings, instance: Instance, engine: AsyncEngine, tmp_path: Path) -> Worker:
    file = tmp_path / "accounts.yaml"

    def made(stance: Stance = Stance.ON, *, account: bool = True) -> ReadLimits:
        channels = {CHANNEL: CHANNELS[CHANNEL].model_copy(update={"stance": stance})}
        registry = replace(CONFIG, channels=channels)
        file.write_text(yaml.safe_dump(sandbox_accounts(registry) if account else {}))
        return ReadLimits(
            specs()["mastodon"],
            cast("Connector", instance),
            accounts=Accounts(FileAccounts(file, lambda: registry), engine, Keys([])),
            registry=lambda: registry,
            http=cast("Http", None),
            settings=settings,
        )

    return made


async def claimed(reader: ReadLimits, engine: AsyncEngine) -> list[Reading]:
    async with statements(engine) as db:
        return list(await reader.claim(5, db))


async def told(reader: ReadLimits, engine: AsyncEngine) -> list[Event]:
    """Read what is due, as the mailbox would let it; return what is told."""
    events: list[Event] = []
    for claim in await claimed(reader, engine):
        outcome = await reader.call(claim)
        async with begin(engine) as db:
            events += await reader.settle(claim, outcome, db)
    return events


async def rows(engine: AsyncEngine, change: str = "") -> list[Any]:
    async with statements(engine) as db:
        if change:
            await db.execute(text(f"UPDATE channel_limits SET {change}"))
        statement = "SELECT *, extract(epoch FROM due_at - now())::float AS rest FROM channel_limits"
        return list(await db.execute(text(statement)))


async def test_limits_are_read_at_the_start_and_then_every_some_hours(
    worker: Worker, engine: AsyncEngine, instance: Instance
) -> None:
    reader = worker()
    (event,) = await told(reader, engine)
    assert isinstance(event, ChannelLimits)
    assert (event.subject, event.limits) == (CHANNEL, {"text": 5_000})
    assert await told(reader, engine) == []
    (row,) = await rows(engine)
    assert 6 * 3_600 - 60 < row.rest <= 6 * 3_600
    async with statements(engine) as db:
        rest = await reader.rest(db)
    assert rest is not None
    assert 6 * 3_600 - 60 < rest <= 6 * 3_600
    await rows(engine, "due_at = now()")
    instance.answer = {"text": 700}
    assert [event.limits for event in await told(reader, engine) if isinstance(event, ChannelLimits)] == [{"text": 700}]


async def test_a_worker_that_starts_reads_anew_what_is_not_fresh(worker: Worker, engine: AsyncEngine) -> None:
    await told(worker(), engine)
    assert await told(worker(), engine) == []
    await rows(engine, "claimed_at = now() - interval '11 minutes'")
    reader = worker()
    assert len(await told(reader, engine)) == 1
    assert await told(reader, engine) == []


async def test_no_limits_are_told_only_when_there_were_some(
    worker: Worker, engine: AsyncEngine, instance: Instance
) -> None:
    reader, instance.answer = worker(), {}
    assert await told(reader, engine) == []
    for answer in ({"text": 700}, {}):
        await rows(engine, "due_at = now()")
        instance.answer = answer
        assert [event.limits for event in await told(reader, engine) if isinstance(event, ChannelLimits)] == [answer]
    await rows(engine, "due_at = now()")
    assert await told(reader, engine) == []


async def test_one_worker_at_a_time_reads(worker: Worker, engine: AsyncEngine) -> None:
    first, second = worker(), worker()
    (claim,) = await claimed(first, engine)
    assert await claimed(second, engine) == []
    await rows(engine, "due_at = now()")  # the first one's lease is over
    (again,) = await claimed(second, engine)
    async with begin(engine) as db:
        assert await first.settle(claim, {"text": 1}, db) == ()
        assert len(await second.settle(again, {"text": 2}, db)) == 1
    assert [row.limits for row in await rows(engine)] == [{"text": 2}]


async def test_what_cannot_be_read_stays_as_it_was_and_is_read_later_and_later(
    worker: Worker, engine: AsyncEngine, instance: Instance, settings: PublisherSettings
) -> None:
    reader = worker()
    await told(reader, engine)
    instance.answer = Unauthorized("no")
    rests = []
    for _ in range(12):
        await rows(engine, "due_at = now()")
        assert await told(reader, engine) == []
        (row,) = await rows(engine)
        rests.append(round(row.rest, -1))
    lease = settings.lease_seconds
    assert rests[:3] == [lease, 2 * lease, 4 * lease]
    assert rests[-1] == 6 * 3_600
    assert row.limits == {"text": 5_000}
    await rows(engine, "due_at = now(), tries = 0")
    instance.answer = TryLater("busy", after=1_000)
    assert await told(reader, engine) == []
    assert [round(row.rest, -1) for row in await rows(engine)] == [1_000]


@pytest.mark.parametrize("how", [{"stance": Stance.OFF}, {"account": False}])
async def test_a_channel_that_is_off_or_has_no_account_is_left_alone(
    worker: Worker, engine: AsyncEngine, instance: Instance, how: dict[str, Any]
) -> None:
    assert await told(worker(**how), engine) == []
    assert instance.asked == []
