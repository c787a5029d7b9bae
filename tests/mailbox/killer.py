"""A consumer that one event kills: `python -m tests.mailbox.killer DATABASE AMQP NAMESPACE POISON`."""

import asyncio
import os
import sys
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import create_async_engine

from shared.bus.amqp import AmqpBus
from shared.database import Session
from shared.events import Event, PostCancelled
from shared.mailbox import Mailbox
from shared.settings import Settings
from tests.mailbox.conftest import note

KILLED = 9


async def main(database: str, amqp: str, namespace: str, poison: UUID) -> None:
    """Consume for ever, or until the poison comes."""

    async def handle(event: PostCancelled, db: Session) -> Sequence[Event]:
        if event.post == poison:
            os._exit(KILLED)
        return await note(event, db)

    engine = create_async_engine(database.replace("postgresql:", "postgresql+asyncpg:"))
    mailbox = Mailbox("policy", engine, AmqpBus(amqp, namespace), Settings(_env_file=None))
    await mailbox.consumer({PostCancelled: handle}).run(asyncio.Event())


if __name__ == "__main__":
    database, amqp, namespace, poison = sys.argv[1:]
    asyncio.run(main(database, amqp, namespace, UUID(poison)))
