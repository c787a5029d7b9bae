"""How Alembic reaches a service's database: one for all services, over the driver that they use themselves."""

import asyncio
import importlib

from alembic import context
from sqlalchemy import Connection, MetaData, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database import database_url
from shared.settings import Settings

LOCK = 0x0CA2_1110
"""The advisory lock of migrations: any number of processes may try at once, one does the work."""

service = context.config.get_main_option("service") or ""
if not service:
    raise SystemExit("say which service: alembic -n ingest … (or policy, publisher, metrics)")


def metadata() -> MetaData:
    """Return what the service's tables should be."""
    found: MetaData = importlib.import_module(f"services.{service}.tables").Base.metadata
    return found


def migrate(connection: Connection) -> None:
    """Run the migrations, each in a transaction of its own, while holding the lock."""
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.commit()  # the lock is the session's; it stays
    try:
        context.configure(
            connection=connection,
            target_metadata=metadata(),
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        connection.commit()


async def by_hand() -> None:
    """Connect as the environment says, for the `alembic` command."""
    engine = create_async_engine(database_url(Settings(), service), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif given := context.config.attributes.get("connection"):
    migrate(given)
else:
    asyncio.run(by_hand())
