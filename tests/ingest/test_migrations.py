"""The migrations make the tables that the code knows, and take them away again."""

from urllib.parse import urlsplit

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.databases import DatabaseFactory
from services.ingest.settings import IngestSettings
from services.ingest.tables import Base
from shared.process import migrate
from shared.process.migrate import configuration


async def test_history_and_metadata_agree_up_and_down(database: DatabaseFactory, database_url: str) -> None:
    address = await database("ingest")
    name = urlsplit(address).path[1:].removesuffix("_ingest")
    settings = IngestSettings(_env_file=None, namespace=name, database_url=SecretStr(database_url))
    await migrate("ingest", settings)
    await migrate("ingest", settings)
    engine = create_async_engine(address.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    async with engine.connect() as connection:
        await connection.run_sync(downgrade)
    async with engine.connect() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["alembic_version"]
    await engine.dispose()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, Base.metadata))


def downgrade(connection: Connection) -> None:
    config = configuration("ingest")
    config.attributes["connection"] = connection
    command.downgrade(config, "base")
