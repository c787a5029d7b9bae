"""When a post is measured: often while it is young, seldom when it is old. Pure."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

AGE = re.compile(r"^(\d{1,9})([smhd])$")
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST_PAUSE = timedelta(hours=1)
AFTER_MIDNIGHT = timedelta(minutes=5)
"""When followers are counted, after a channel's day has begun: clear of the moment at which everybody asks."""


def ages_of(written: str) -> tuple[timedelta, ...]:
    """Return the ages that `1h,3h,1d` names; raises ValueError, which says what to write."""
    ages = []
    for word in written.split(","):
        if not (match := AGE.match(word.strip())) or not int(match[1]):
            raise ValueError(f"'{word.strip()[:20]}' is not an age; write numbers with s, m, h or d, such as 1h,3h,1d")
        ages.append(timedelta(seconds=int(match[1]) * UNITS[match[2]]))
    if ages != sorted(set(ages)):
        raise ValueError("the ages must rise, each once, such as 1h,3h,1d")
    return tuple(ages)


def next_age(age: timedelta, ages: Sequence[timedelta]) -> timedelta | None:
    """Return at which age a post that is so old is measured next; None when it was measured for the last time.

    A measurement that comes late stands for all the ages it missed: they are not made up for.
    """
    return next((later for later in ages if later > age), None)


def pause(failures: int, told: float | None) -> timedelta:
    """Return how long to wait after so many failures in a row: as told, or doubling; an hour at the most."""
    own = timedelta(seconds=30 * 2 ** min(failures, 10))
    return min(LONGEST_PAUSE, max(own, timedelta(seconds=told or 0)))


def day_of(moment: datetime, zone: str) -> date:
    """Return the day that it is then in a zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def next_count(moment: datetime, zone: str) -> datetime:
    """Return when the followers of a channel are counted next: soon after its next day has begun."""
    tomorrow = day_of(moment, zone) + timedelta(days=1)
    begins = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZoneInfo(zone))
    # In UTC, for a day may begin with an hour that is there twice, or not at all.
    return datetime.fromtimestamp(begins.timestamp(), tz=moment.tzinfo) + AFTER_MIDNIGHT
