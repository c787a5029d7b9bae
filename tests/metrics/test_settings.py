"""Settings that cannot work are refused."""

import pytest
from pydantic import ValidationError

from services.metrics.settings import MetricsSettings


@pytest.mark.parametrize("ages", ["", "1", "0s", "1w", "3h,1h", "1h,60m", "1h,,2h"])
def test_ages_are_checked(ages: str) -> None:
    with pytest.raises(ValidationError, match="such as 1h,3h,1d"):
        MetricsSettings(_env_file=None, measure_ages=ages)
