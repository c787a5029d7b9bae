"""When a post is measured."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.cadence import AFTER_MIDNIGHT, LONGEST_PAUSE, ages_of, day_of, next_age, next_count, pause

SECONDS = st.integers(1, 10**8)
AGES = st.sets(SECONDS, min_size=1, max_size=12).map(lambda found: tuple(timedelta(seconds=s) for s in sorted(found)))
ZONES = st.sampled_from(["America/Sao_Paulo", "Europe/Athens", "Asia/Kolkata", "Pacific/Apia", "America/Havana", "UTC"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside


def test_ages_are_written_as_people_do() -> None:
    assert ages_of("10s, 5m,1h,2d") == tuple(timedelta(seconds=s) for s in (10, 300, 3_600, 172_800))


@given(AGES)
def test_ages_written_are_ages_read(ages: tuple[timedelta, ...]) -> None:
    assert ages_of(",".join(f"{int(age.total_seconds())}s" for age in ages)) == ages


@given(AGES, st.integers(-100, 2 * 10**8).map(lambda s: timedelta(seconds=s)))
def test_the_next_age_is_the_first_that_has_not_come(ages: tuple[timedelta, ...], age: timedelta) -> None:
    later = next_age(age, ages)
    if later is None:
        assert age >= ages[-1]
    else:
        assert later > age
        assert not [between for between in ages if age < between < later]


@given(AGES)
def test_a_post_measured_in_time_is_measured_at_every_age_once(ages: tuple[timedelta, ...]) -> None:
    taken, age = [], next_age(timedelta(0), ages)
    while age is not None:
        taken.append(age)
        age = next_age(age, ages)
    assert tuple(taken) == ages


@given(st.integers(0, 10**6), st.none() | st.floats(0, 10**9))
def test_pauses_grow_and_end(failures: int, told: float | None) -> None:
    assert timedelta(0) < pause(failures, told) <= LONGEST_PAUSE
    assert pause(failures, told) <= pause(failures + 1, told)
    assert pause(0, 120) == timedelta(seconds=120)


@given(MOMENTS, ZONES)
def test_followers_are_counted_once_in_each_day_of_the_zone(moment: datetime, zone: str) -> None:
    later = next_count(moment, zone)
    assert later > moment
    assert later - moment < timedelta(hours=50)  # Apia skipped a whole day
    assert day_of(later, zone) > day_of(moment, zone)
    assert day_of(later - AFTER_MIDNIGHT - timedelta(seconds=1), zone) <= day_of(moment, zone) + timedelta(days=1)


def test_a_day_begins_with_its_zone() -> None:
    moment = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)  # still the evening before in São Paulo
    assert day_of(moment, "America/Sao_Paulo").isoformat() == "2026-02-28"
    expected = datetime(2026, 3, 1, 0, 5, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert next_count(moment, "America/Sao_Paulo") == expected
