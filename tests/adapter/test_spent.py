"""What headers say of a quota of which nothing is left, as each platform words it."""

import json
import math
from datetime import UTC, datetime, timedelta
from time import time

import pytest

from shared.adapter.answers import failure_of, spent, wait_told
from shared.adapter.errors import Limited
from shared.platforms import specs

SOON, LATER, LATER_SAID = "in ten minutes", "in two hours", "in ten minutes, in letters"
"""Stand for moments, which are known when the test runs."""
META = json.dumps({"1": [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": 9}]})


def timed(headers: dict[str, str]) -> dict[str, str]:
    """Return headers with moments in them."""
    now = time()
    moments = {
        SOON: str(math.ceil(now) + 600),
        LATER: str(math.ceil(now) + 7_200),
        LATER_SAID: (datetime.now(UTC) + timedelta(minutes=10)).isoformat(),
    }
    return {name: moments.get(value, value) for name, value in headers.items()}


@pytest.mark.parametrize(
    ("headers", "seconds", "app"),
    [
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": SOON}, 600, False),
        ({"x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": LATER}, 7_200, False),
        ({"x-app-limit-24hour-remaining": "0", "x-app-limit-24hour-reset": LATER}, 7_200, True),
        ({"ratelimit-remaining": "0", "ratelimit-reset": SOON}, 600, False),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": LATER_SAID},
            600,
            False,
        ),
        ({"x-business-use-case-usage": META}, 540, False),
    ],
)
def test_nothing_left(headers: dict[str, str], seconds: float, app: bool) -> None:
    told = spent(timed(headers))
    assert told is not None
    assert told.seconds == pytest.approx(seconds, abs=20)
    assert told.app is app


def test_of_several_quotas_the_longest_wait_counts() -> None:
    headers = {
        "x-rate-limit-remaining": "0",
        "x-rate-limit-reset": SOON,
        "x-app-limit-24hour-remaining": "0",
        "x-app-limit-24hour-reset": LATER,
    }
    headers = timed(headers)
    told = spent(headers)
    assert told is not None
    assert told.app
    assert wait_told(headers) == pytest.approx(7_200, abs=20)
    error = failure_of(specs()["x"], "post", 429, {}, headers, True)
    assert isinstance(error, Limited)
    assert error.app
    assert error.after == pytest.approx(7_200, abs=20)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-rate-limit-remaining": "3", "x-rate-limit-reset": SOON},
        {"x-rate-limit-remaining": "0"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "soon"},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1000000001"},
        {"x-business-use-case-usage": "nonsense"},
        {"x-business-use-case-usage": META.replace("9", "0")},
    ],
)
def test_something_left_or_nobody_can_tell(headers: dict[str, str]) -> None:
    assert spent(headers) is None
