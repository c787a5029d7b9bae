"""Settings that cannot work are refused."""

import pytest
from pydantic import ValidationError

from services.policy.settings import PolicySettings


def test_an_approval_must_be_renewed_before_it_ends() -> None:
    with pytest.raises(ValidationError, match="APPROVAL_LEAD_MINUTES must be less"):
        PolicySettings(_env_file=None, approval_minutes=10, approval_lead_minutes=10)
