"""What a spec promises, asked at its edges."""

from datetime import UTC, datetime, timedelta

from shared.adapter.spec import Safe

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_safe_repeat_ends_when_the_platform_forgets() -> None:
    hour = Safe(within=timedelta(hours=1))
    assert hour.covers(NOW - timedelta(minutes=59), NOW)
    assert not hour.covers(NOW - timedelta(hours=1), NOW)
    assert Safe().covers(NOW - timedelta(days=999), NOW)
