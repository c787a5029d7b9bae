"""What a spec promises, asked at its edges."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.adapter.spec import Safe, VideoLimit
from shared.content import Kind
from tests.adapter.specs import SMALL

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_safe_repeat_ends_when_the_platform_forgets() -> None:
    hour = Safe(within=timedelta(hours=1))
    assert hour.covers(NOW - timedelta(minutes=59), NOW)
    assert not hour.covers(NOW - timedelta(hours=1), NOW)
    assert Safe().covers(NOW - timedelta(days=999), NOW)


def test_an_account_that_may_show_long_films_makes_no_short_longer() -> None:
    film = VideoLimit(1_000, ("video/mp4",), timedelta(seconds=1), timedelta(minutes=15))
    spec = replace(SMALL, videos={Kind.VIDEO: film, Kind.REEL: replace(film, longest=timedelta(minutes=3))})
    assert {kind: one.longest for kind, one in spec.adjusted({"video_longest": 3_600}).videos.items()} == {
        Kind.VIDEO: timedelta(hours=1),
        Kind.REEL: timedelta(minutes=3),
    }
    assert spec.adjusted({"video_longest": 60}).videos[Kind.REEL].longest == timedelta(minutes=1)
