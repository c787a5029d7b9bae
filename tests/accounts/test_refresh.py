"""The refresher: one look at a time, no grant lost, nobody cut off by trouble that passes."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.publisher.__main__ import refresher
from services.publisher.refreshed import Dead, Later, Renewed, Works
from shared import platforms
from shared.adapter.contract import Account, App, Grant, Http
from shared.adapter.errors import Rejected, TryLater, Unauthorized
from shared.process import run
from tests.accounts.house import CHANNELS, House

X, TIKTOK, BLUESKY, YOUTUBE = (CHANNELS[name] for name in ("x", "tiktok", "bluesky", "youtube"))


async def test_two_refreshers_at_once_make_one_refresh(house: House) -> None:
    await house.connect(X)
    await house.grow_old(X)
    claims = await asyncio.gather(*(house.claim() for _ in range(5)))
    assert sum(map(len, claims)) == 1
    (claim,) = next(some for some in claims if some)
    outcome = await house.refresh().call(claim)
    assert isinstance(outcome, Renewed)
    assert await house.claim() == []  # the lease lasts as long as the call may
    await house.settle(claim, outcome)
    assert (await house.row(X)).state == "connected"
    assert [type(one) for one in await house.look()] == [Works]


async def test_a_new_grant_is_kept_beside_the_old_one_until_it_has_let_us_in(house: House) -> None:
    await house.connect(X)
    old = (await house.row(X)).sealed
    await house.grow_old(X)
    await house.look()
    row = await house.row(X)
    assert (row.previous, row.version) == (old, 2)
    assert row.sealed != old
    assert [type(one) for one in await house.look()] == [Works]
    assert (await house.row(X)).previous is None


@pytest.mark.parametrize(("channel", "healed"), [(YOUTUBE, True), (BLUESKY, True), (X, False), (TIKTOK, False)])
async def test_a_refresher_that_dies_before_it_settles(house: House, channel: str, healed: bool) -> None:
    await house.connect(channel)
    await house.grow_old(channel, 1 / 24)
    (claim,) = await house.claim()
    assert isinstance(await house.refresh().call(claim), Renewed)  # and nobody ever hears of it
    assert await house.claim() == []
    await house.set(channel, "lease_until = now()")
    with capture_logs() as logs:
        (outcome,) = await house.look()
    assert isinstance(outcome, Renewed if healed else Dead)
    row = await house.row(channel)
    assert row.state == ("connected" if healed else "reconnect")
    if not healed:
        assert "may have been lost" in row.reason
        assert [one["event"] for one in logs if one["log_level"] == "error"] == ["an account must be connected again"]
        assert (await house.accounts.of(channel)).secrets["access_token"]  # good until it ends
        await house.set(channel, "expires_at = now()")
        house.accounts = house.accounts_with(house.keys)
        with pytest.raises(Unauthorized, match="must be connected again"):
            await house.accounts.of(channel)


@pytest.mark.parametrize("late_first", [True, False])
async def test_a_grant_that_comes_late_is_kept_whoever_holds_the_lease(house: House, late_first: bool) -> None:
    await house.connect(X)
    await house.grow_old(X)
    (slow,) = await house.claim()
    new = await house.refresh().call(slow)
    await house.set(X, "lease_until = now()")
    (quick,) = await house.claim()
    dead = await house.refresh().call(quick)  # what it asks with was spent by the slow one
    assert isinstance(dead, Dead)
    for claim, outcome in ((slow, new), (quick, dead)) if late_first else ((quick, dead), (slow, new)):
        await house.settle(claim, outcome)
    row = await house.row(X)
    assert (row.state, row.version) == ("connected", 2)
    assert isinstance(new, Renewed)
    assert await house.grant(X) == new.grant


async def test_an_owner_who_came_back_meanwhile_is_not_overwritten(house: House) -> None:
    await house.connect(X)
    await house.grow_old(X)
    (claim,) = await house.claim()
    outcome = await house.refresh().call(claim)
    await house.connect(X, again=True)
    fresh = await house.grant(X)
    await house.settle(claim, outcome)
    assert await house.grant(X) == fresh


@pytest.mark.parametrize("platform", sorted(CHANNELS))
async def test_trouble_that_passes_cuts_nobody_off(house: House, platform: str) -> None:
    channel = CHANNELS[platform]
    await house.connect(channel)
    await house.grow_old(channel)
    house.sandbox.arm(platform, "refuse_500")
    (outcome,) = await house.look()
    assert isinstance(outcome, Later)
    row = await house.row(channel)
    assert (row.state, row.tries, row.lease_until) == ("connected", 1, None)
    assert row.due_at is not None
    house.sandbox.disarm()
    await house.set(channel, "due_at = now()")
    (outcome,) = await house.look()
    assert isinstance(outcome, Renewed | Works)
    assert (await house.row(channel)).reason is None


class Fake:
    """A platform that answers what it is told to."""

    def __init__(self, *, renews: Any = None, lets_in: Any = None) -> None:
        self.renews = renews or (lambda grant: replace(grant, access_token=f"{grant.access_token}+"))
        self.lets_in = lets_in or (lambda token: None)
        self.asked: list[str | None] = []

    async def refresh(self, app: App, grant: Grant, http: Http) -> Grant:
        self.asked.append(grant.refresh_token)
        renewed: Grant = self.renews(grant)
        return renewed

    async def verify(self, account: Account, http: Http) -> str:
        self.lets_in(account.secrets["access_token"])
        return account.handle


def raising(error: Exception) -> Any:
    def call(_: object) -> None:
        raise error

    return call


async def test_nothing_overwrites_a_grant_by_an_empty_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.connect(X)
    before = await house.grant(X)
    await house.grow_old(X)
    fake = Fake(renews=lambda grant: replace(grant, access_token=""))
    monkeypatch.setattr(platforms, "connector_of", lambda _: fake)
    assert [type(one) for one in await house.look()] == [Later]
    assert await house.grant(X) == before


async def test_a_new_grant_that_lets_nobody_in_gives_way_to_the_old_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.connect(X)
    old = await house.grant(X)
    await house.grow_old(X)
    fake = Fake(renews=lambda grant: replace(grant, access_token="bad-token", refresh_token="bad-refresh"))
    monkeypatch.setattr(platforms, "connector_of", lambda _: fake)
    await house.look()

    def good(grant: Grant) -> Grant:
        if grant.refresh_token == "bad-refresh":
            raise Unauthorized("no such token")
        return replace(grant, access_token="good-token")

    fake = Fake(renews=good, lets_in=lambda token: raising(Unauthorized("no"))(token) if token == "bad-token" else None)
    (outcome,) = await house.look()
    assert isinstance(outcome, Renewed)
    assert fake.asked == ["bad-refresh", old.refresh_token]
    assert (await house.grant(X)).access_token == "good-token"
    assert [type(one) for one in await house.look()] == [Works]


async def test_a_token_that_is_too_young_is_only_looked_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = CHANNELS["instagram"]
    await house.connect(channel)
    await house.set(channel, "due_at = now()")
    fake = Fake()
    monkeypatch.setattr(platforms, "connector_of", lambda _: fake)
    assert [type(one) for one in await house.look()] == [Works]
    assert fake.asked == []


async def test_what_a_platform_repeats_of_a_secret_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.connect(X)
    grant = await house.grant(X)
    for error in (TryLater, Rejected, Unauthorized):
        await house.set(X, "due_at = now(), state = 'connected'")
        said = f"{grant.access_token} and {grant.refresh_token} are no good"
        fake = Fake(renews=raising(error(said)))
        monkeypatch.setattr(platforms, "connector_of", lambda _, fake=fake: fake)
        await house.look()
        assert (await house.row(X)).reason.startswith("[redacted] and [redacted] are no good")


async def test_a_platform_that_does_not_answer_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.connect(X)
    await house.grow_old(X)
    monkeypatch.setattr(platforms, "connector_of", lambda _: Fake(renews=raising(TryLater("busy", 120.0))))
    for tries in (1, 2, 3):
        assert [type(one) for one in await house.look()] == [Later]
        row = await house.row(X)
        assert (row.state, row.tries) == ("connected", tries)
        await house.set(X, "due_at = now()")
    await house.set(X, "expires_at = now()")
    await house.look()
    assert (await house.row(X)).state == "expiring"  # nobody is let in now, but nobody has to sign in either


async def test_a_worker_that_is_refused_wakes_the_refresher(house: House) -> None:
    await house.connect(X)
    account = await house.accounts.of(X)
    assert await house.accounts.of(X) is account
    await house.accounts.heard(X, Unauthorized("no"))
    assert await house.claim() == []  # it was looked at a moment ago
    await house.set(X, "checked_at = now() - interval '11 minutes'")
    assert await house.accounts.of(X) is not account
    await house.accounts.heard(X, Unauthorized(f"no such token: {account.secrets['access_token']}"))
    assert [claim.channel for claim in await house.claim()] == [X]


async def test_ends_are_watched(house: House) -> None:
    for channel in (X, CHANNELS["linkedin"], CHANNELS["threads"]):
        await house.connect(channel)
    await house.set(CHANNELS["linkedin"], "ends_at = now() + interval '10 days'")
    await house.set(CHANNELS["threads"], "due_at = NULL, expires_at = now() - interval '1 second'")
    with capture_logs() as logs:
        await house.watch()
        await house.watch()
    assert sorted((one["log_level"], one["channel"]) for one in logs) == [
        ("error", CHANNELS["threads"]),
        ("warning", CHANNELS["linkedin"]),
    ]
    shown = {sample.labels["channel"]: sample.value for sample in _samples("carillon_token_days_left")}
    assert shown[X] == float("inf")
    assert 9.9 < shown[CHANNELS["linkedin"]] < 10.1
    assert shown[CHANNELS["threads"]] == 0
    states = {(s.labels["channel"], s.labels["state"]) for s in _samples("carillon_account_state") if s.value}
    assert states == {
        (X, "connected"),
        (CHANNELS["linkedin"], "expiring"),
        (CHANNELS["threads"], "reconnect"),
    }


def _samples(name: str) -> Any:
    (metric,) = (one for one in REGISTRY.collect() if one.name == name)
    return metric.samples


async def test_a_secret_that_is_repeated_when_there_is_another_is_hidden_too(house: House) -> None:
    await house.connect(X)
    old = (await house.accounts.of(X)).secrets["access_token"]
    await house.grow_old(X)
    await house.look()
    house.accounts._opened.clear()  # its few seconds are over
    new = (await house.accounts.of(X)).secrets["access_token"]
    assert new != old
    error = await house.accounts.heard(X, Rejected(f"{old}, {new}"))
    assert error.reason == "[redacted], [redacted]"


async def test_the_process_renews_what_is_due_and_sees_whether_it_works(house: House) -> None:
    await house.connect(X)
    await house.connect(BLUESKY)
    for channel in (X, BLUESKY):
        await house.grow_old(channel, 1 / 24)
    waiting = "SELECT channel FROM account WHERE version = 1 OR previous IS NOT NULL"
    stopping = asyncio.Event()
    parts = await refresher(house.runtime)
    life = asyncio.create_task(run(parts, house.runtime, "refresher", stopping=stopping))
    try:
        async with asyncio.timeout(60):
            while await house.rows(waiting):  # noqa: ASYNC110 - what is waited for is in the database
                await asyncio.sleep(0.05)
    finally:
        stopping.set()
        await life
    assert {row.state for row in await house.rows("SELECT * FROM account")} == {"connected"}
