"""`/v1/dead-letters`: messages that could not be handled, why, and what becomes of them; the same in every service."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import Session, begin
from shared.http.auth import Caller, require
from shared.http.problems import Problem, documented
from shared.mailbox import kept
from shared.mailbox.kept import Group
from shared.telemetry import redacted

Reader = Annotated[Caller, Depends(require("posts:read"))]
Operator = Annotated[Caller, Depends(require("ops:write"))]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
State = Literal["kept", "replayed", "archived"]
Word = Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}$")]
Type = Annotated[str | None, Query(pattern=r"^[^\x00]{1,300}$")]
Cursor = Annotated[int, Query(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=200)]


class Described(BaseModel):
    """Fields are told by the lines below them."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class DeadLetter(Described):
    """A message that could not be handled."""

    id: int
    event_id: UUID | None
    """Null where the message says no id that can be read."""
    type: str | None
    subject: str | None
    queue: str
    """Where it died, and where it goes when it is sent again."""
    routing_key: str
    """What it was sent with at first."""
    traceparent: str | None
    cause: str
    """Why, in a word: undecodable, unknown_type, handler_crashed, process_died, delivery_limit, unexplained."""
    reason: str
    """Why, in a sentence."""
    attempts: int
    """How often it was tried before it died last."""
    times: int
    """How often it died: once, and once more each time that it was sent again in vain."""
    first_died_at: datetime
    died_at: datetime
    state: State
    """kept: it waits for a person; replayed: it was sent again, and has not died since; archived: it was put away."""
    acted_by: str | None
    """The tool that sent it again or put it away last."""
    acted_at: datetime | None
    size: int
    """Bytes of the body."""


class DeadLetterWhole(DeadLetter):
    """A dead letter with all that it carries; values of keys that name secrets are left out."""

    headers: dict[str, Any]
    """The headers that are texts."""
    body: Any
    """The body, if it is JSON; else null."""
    body_base64: str | None
    """The body, if it is not JSON or is too large to be read here: then its beginning."""
    complete: bool
    """Whether all of the body is here."""
    history: list[dict[str, Any]]
    """What happened to it, the oldest first: died, replayed, archived."""


class Page(Described):
    """Some dead letters, and where the next ones begin."""

    dead_letters: list[DeadLetter]
    next: int | None
    """Give it as `after` to read on; null at the end."""


class CauseCount(Described):
    """How many letters are kept for one cause, of one type."""

    cause: str
    type: str | None
    count: int
    first_died_at: datetime
    died_at: datetime


class Causes(Described):
    """What is kept, by cause and type, the most first."""

    causes: list[CauseCount]


class Which(Described):
    """Which kept letters to send again; without cause and type, all of them."""

    model_config = ConfigDict(extra="forbid")

    cause: str | None = Field(default=None, pattern=r"^[a-z_]{1,40}$")
    type: str | None = Field(default=None, pattern=r"^[^\x00]{1,300}$")
    most: int = Field(ge=1, le=1_000)
    """Not more than so many, the oldest first."""


class Replayed(Described):
    """Which letters were sent again."""

    replayed: list[int]


class Archiving(Described):
    """Why a letter is put away, for who reads its history."""

    model_config = ConfigDict(extra="forbid")

    note: str | None = Field(default=None, max_length=500, pattern=r"^[^\x00]*$")


def add_to(app: FastAPI, engine: AsyncEngine) -> None:
    """Add the addresses of a service's dead letters to its API."""
    router = APIRouter(prefix="/v1/dead-letters")
    _reading(router, engine)
    _acting(router, engine)
    app.include_router(router)


def _reading(router: APIRouter, engine: AsyncEngine) -> None:
    @router.get("")
    async def list_dead_letters(
        caller: Reader,
        cause: Word = None,
        type: Type = None,  # noqa: A002 - the question's own word
        state: State | None = None,
        after: Cursor = 0,
        limit: Limit = 50,
    ) -> Page:
        """Return dead letters without their bodies, those that died first first."""
        async with begin(engine) as db:
            found = await kept.look(Group(cause, type), state, after, limit + 1, db)
        page = [DeadLetter.model_validate(one) for one in found[:limit]]
        return Page(dead_letters=page, next=page[-1].id if len(found) > limit else None)

    @router.get("/causes")
    async def count_dead_letters(caller: Reader) -> Causes:
        """Return how many letters wait for a person, by cause and type: what a replay of a group would send."""
        async with begin(engine) as db:
            return Causes(causes=[CauseCount.model_validate(row) for row in await kept.causes(db)])

    @router.get("/{id}", responses=documented(404))
    async def read_dead_letter(id: Number, caller: Reader) -> DeadLetterWhole:  # noqa: A002 - the path's own word
        """Return one letter with headers, body and history."""
        async with begin(engine) as db:
            return await _whole(id, db)


def _acting(router: APIRouter, engine: AsyncEngine) -> None:
    @router.post("/replay", status_code=202)
    async def replay_dead_letters(which: Which, caller: Operator) -> Replayed:
        """Send kept letters again, each with its own event id and to its own queue only; the oldest first."""
        async with begin(engine) as db:
            return Replayed(
                replayed=await kept.replay_some(Group(which.cause, which.type), which.most, caller.tool, db)
            )

    @router.post("/{id}/replay", status_code=202, responses=documented(404))
    async def replay_dead_letter(id: Number, caller: Operator) -> DeadLetterWhole:  # noqa: A002 - the path's own word
        """Send one letter again, also an archived one; one that is under way already is not sent twice."""
        async with begin(engine) as db:
            await kept.replay(id, caller.tool, db)
            return await _whole(id, db)

    @router.post("/{id}/archive", responses=documented(404, 409))
    async def archive_dead_letter(
        id: Number,  # noqa: A002 - the path's own word
        caller: Operator,
        archiving: Archiving | None = None,
    ) -> DeadLetterWhole:
        """Put a kept letter away: it is not counted any more, and no group takes it along."""
        async with begin(engine) as db:
            await kept.archive(id, caller.tool, archiving.note if archiving else None, db)
            letter = await _whole(id, db)
        if letter.state == "replayed":
            remedy = "Wait: if it dies again, it is kept again, and can be archived then."
            raise Problem(409, "replayed", f"The dead letter {id} was sent again.", remedy=remedy)
        return letter


async def _whole(letter: int, db: Session) -> DeadLetterWhole:
    if (row := await kept.show(letter, db)) is None:
        remedy = "GET /v1/dead-letters lists them; each service has its own."
        raise Problem(404, "not-found", f"There is no dead letter {letter}.", remedy=remedy)
    complete = row.size == len(row.body)
    body = _json(row.body) if complete else None
    told: Mapping[str, Any] = {
        **DeadLetter.model_validate(row).model_dump(),
        "headers": redacted(row.headers),
        "body": redacted(body),
        "body_base64": base64.b64encode(row.body).decode() if body is None else None,
        "complete": complete,
        "history": row.history,
    }
    return DeadLetterWhole.model_validate(told)


def _json(body: bytes) -> object:
    try:
        value: object = from_json(body, allow_inf_nan=False)
    except ValueError:
        return None
    return value
