"""The tables of the mailbox and one of a service's own, and the event that travels: the same for both sides."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import MetaData, Table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.events import PostFailed, body_of
from shared.mailbox import add_mailbox
from shared.mailbox.schema import V1

BODY_BYTES = 1024
PREFETCH = 200


class Base(DeclarativeBase):
    """The bench's own tables."""

    metadata = MetaData()
    type_annotation_map = {dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy's own way of saying it


class Handled(Base):
    """A service's own row about an event."""

    __tablename__ = "handled"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    data: Mapped[dict[str, Any]]


add_mailbox(Base.metadata)
HANDLED, INBOX, OUTBOX = (Base.metadata.tables[name] for name in ("handled", "inbox", "outbox"))


def event() -> PostFailed:
    """Return an event whose body has `BODY_BYTES`."""
    bare = PostFailed(post=uuid4(), remedy="rejected", reason="")
    return bare.model_copy(update={"reason": "x" * (BODY_BYTES - len(body_of(bare)))})


BODY = body_of(event())
NEXT = PostFailed.name


async def create(engine: AsyncEngine) -> None:
    """Make the tables as a service's migrations do."""
    async with engine.begin() as db:
        for statement in V1:
            await db.execute(text(statement))
        assert isinstance(HANDLED, Table)
        await db.run_sync(HANDLED.create)


async def clear(engine: AsyncEngine) -> None:
    """Empty them, so that no round finds what another left."""
    async with engine.begin() as db:
        await db.execute(text("TRUNCATE inbox, outbox, handled"))
