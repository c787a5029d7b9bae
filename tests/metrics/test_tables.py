"""The history of the database leads to the tables that the code describes, and settings agree with each other."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import ValidationError
from sqlalchemy import Connection

from services.metrics.settings import MetricsSettings
from services.metrics.tables import Base
from shared.database import engine_for


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_history_and_metadata_agree(settings: MetricsSettings) -> None:
    engine = engine_for(settings, "metrics")
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    assert [d for d in differences if "alembic_version" not in str(d)] == []


@pytest.mark.parametrize("ages", ["", "1", "0s", "1w", "3h,1h", "1h,60m", "1h,,2h"])
def test_ages_are_checked(ages: str) -> None:
    with pytest.raises(ValidationError, match="such as 1h,3h,1d"):
        MetricsSettings(_env_file=None, measure_ages=ages)
