"""The history of the database leads to the tables that the code describes, and settings agree with each other."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import ValidationError
from sqlalchemy import Connection

from services.policy.settings import PolicySettings
from services.policy.tables import Base
from shared.database import engine_for


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_history_and_metadata_agree(settings: PolicySettings) -> None:
    engine = engine_for(settings, "policy")
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    assert [d for d in differences if "alembic_version" not in str(d)] == []


def test_an_approval_must_be_renewed_before_it_ends() -> None:
    with pytest.raises(ValidationError, match="APPROVAL_LEAD_MINUTES must be less"):
        PolicySettings(_env_file=None, approval_minutes=10, approval_lead_minutes=10)
