"""Quiet hours end when the channel's own clock says so, also across midnight and where clocks are changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.publisher.stance import now_of
from shared.channels import Channel, QuietHours, Registry, Stance
from tests.publisher.conftest import CONFIG

BLUESKY = CONFIG.channels["wikipedia/bluesky"]


def registry(zone: str, start: time, end: time, stance: Stance = Stance.ON) -> Registry:
    quiet = QuietHours(start=start, end=end)
    channel: Channel = BLUESKY.model_copy(update={"zone": zone, "quiet": quiet, "stance": stance})
    return Registry({channel.id: channel}, CONFIG.owners, CONFIG.strategy, "0" * 64, ())


def quiet_until(zone: str, start: time, end: time, now: datetime) -> datetime | None:
    return now_of(registry(zone, start, end), now).quiet.get(BLUESKY.id)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-15T22:59:59", None),
        ("2026-01-15T23:00:00", "2026-01-16T07:00:00"),
        ("2026-01-16T00:00:00", "2026-01-16T07:00:00"),
        ("2026-01-16T06:59:59", "2026-01-16T07:00:00"),
        ("2026-01-16T07:00:00", None),
    ],
)
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Europe/Athens", "Asia/Kathmandu"])
def test_they_may_span_midnight(zone: str, now: str, until: str | None) -> None:
    here = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    expected = until and datetime.fromisoformat(until).replace(tzinfo=ZoneInfo(zone))
    assert quiet_until(zone, time(23), time(7), here) == expected


def test_a_night_in_which_clocks_are_put_forward_is_an_hour_shorter() -> None:
    now = datetime(2026, 3, 28, 23, 30, tzinfo=ZoneInfo("Europe/Athens"))
    end = quiet_until("Europe/Athens", time(23), time(7), now)
    assert end is not None
    assert end - now.astimezone(UTC) == timedelta(hours=6, minutes=30)


def test_a_night_in_which_clocks_are_put_back_is_an_hour_longer() -> None:
    now = datetime(2026, 10, 24, 23, 30, tzinfo=ZoneInfo("Europe/Athens"))
    end = quiet_until("Europe/Athens", time(23), time(7), now)
    assert end is not None
    assert end - now.astimezone(UTC) == timedelta(hours=8, minutes=30)


@pytest.mark.parametrize("fold", [0, 1])
def test_an_end_that_comes_twice_is_never_one_that_is_over(fold: int) -> None:
    now = datetime(2026, 10, 25, 3, 30, fold=fold, tzinfo=ZoneInfo("Europe/Athens"))
    end = quiet_until("Europe/Athens", time(23), time(3, 45), now)
    assert end is not None
    assert end - now.astimezone(UTC) == timedelta(minutes=15)


@given(
    zone=st.sampled_from(["Europe/Athens", "America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    start=st.times(),
    end=st.times(),
    now=st.floats(0, 366).map(lambda days: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)),
)
def test_whenever_hours_are_quiet_their_end_lies_ahead_and_is_not(
    zone: str, start: time, end: time, now: datetime
) -> None:
    book = registry(zone, start, end)
    channel = book.channels[BLUESKY.id]
    until = now_of(book, now).quiet.get(BLUESKY.id)
    assert (until is not None) == channel.is_quiet_at(now)
    if until:
        assert now < until < now + timedelta(hours=26)
        assert not channel.is_quiet_at(until)


def test_a_channel_that_is_off_is_neither_open_nor_quiet() -> None:
    book = registry("UTC", time(0), time(23), Stance.OFF)
    now = now_of(book, datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert (now.open, now.quiet, now.ready) == ([], {}, [])


def test_a_limited_channel_may_publish_what_policy_lets_out() -> None:
    assert now_of(registry("UTC", time(1), time(2), Stance.LIMITED), datetime(2026, 1, 1, tzinfo=UTC)).ready
