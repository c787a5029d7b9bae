"""`/v1/deliveries`: where a post is on its way, what was tried, and a person's word where only a person can judge."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.publisher.handlers import Planner
from services.publisher.life import State, mover
from services.publisher.resolve import Resolution, Word, resolve
from services.publisher.tables import Delivery, Transition, Try
from shared.content import Line, Moment, WebAddress
from shared.http.auth import Caller, require
from shared.http.problems import Problem, documented
from shared.model import Asked
from shared.process import Runtime

Operator = Annotated[Caller, Depends(require("ops:write"))]
Reader = Annotated[Caller, Depends(require("posts:read"))]


class TryView(BaseModel):
    """One call to a platform."""

    fence: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


class DeliveryView(BaseModel):
    """Where a post is on its way."""

    post: UUID
    state: State
    revision: int
    fence: int
    channel: str | None
    publish_at: datetime | None
    not_after: datetime | None
    due_at: datetime | None
    verdict: str | None
    approved_until: datetime | None
    reason: str | None
    external_id: str | None
    permalink: str | None
    published_at: datetime | None
    parts: list[str]
    """Ids of what is public already of a post that is under way.

    What a worker needs besides to go on is not told: addresses of uploads are as good as passwords.
    """


class MoveView(BaseModel):
    """One change of a delivery's state."""

    at: datetime
    was: State
    became: State
    revision: int
    fence: int
    moved_by: str | None
    reason: str | None


class DeliveryWhole(DeliveryView):
    """A delivery with every try and every move."""

    tries: list[TryView]
    moves: list[MoveView]


class Resolving(Asked):
    """What a person found out about a delivery that needs review."""

    word: Word
    fence: Annotated[int, Field(ge=0)]
    """The delivery's fence when the person looked: if it was tried since, the word does not count."""
    note: Line
    """How the person knows."""
    person: UUID | None = None
    """The person behind the call, by id."""
    external_id: Line | None = None
    """The platform's id of the post that landed."""
    permalink: WebAddress | None = None
    published_at: Moment | None = None

    @model_validator(mode="after")
    def _names_what_landed(self) -> Self:
        if (self.word is Word.LANDED) != (self.external_id is not None):
            raise ValueError("'external_id' goes with the word 'landed', and only with it")
        return self

    def as_said(self, post: UUID, caller: Caller) -> Resolution:
        """Return what is said, and by whom."""
        told = self.model_dump(exclude={"person"})
        return Resolution(post=post, by=mover(caller.tool, self.person), **told)


class Page(BaseModel):
    """Some deliveries, and where the next ones begin."""

    deliveries: list[DeliveryView]
    next: UUID | None
    """Give it as `after` to read on; null at the end."""


def routes(runtime: Runtime, planner: Planner) -> APIRouter:
    """Return the routes of deliveries."""
    router = APIRouter()

    @router.get("/v1/deliveries/{post}", responses=documented(404))
    async def read_delivery(post: UUID, caller: Reader) -> DeliveryWhole:
        """Return one post's delivery, every try and every move: the evidence for whoever must judge it."""
        async with runtime.sessions() as db:
            return await _whole(db, post)

    @router.get("/v1/deliveries")
    async def list_deliveries(
        caller: Reader,
        state: State | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page:
        """Return deliveries, those in one state or all, in the order of their ids."""
        async with runtime.sessions() as db:
            found = await _some(db, state, after, limit + 1)
        page = [DeliveryView.model_validate(one, from_attributes=True) for one in found[:limit]]
        return Page(deliveries=page, next=page[-1].post if len(found) > limit else None)

    @router.post("/v1/deliveries/{post}/resolve", responses=documented(404, 409))
    async def resolve_delivery(post: UUID, resolving: Resolving, caller: Operator) -> DeliveryWhole:
        """Settle a delivery that needs review: it landed, it did not land and is sent again, or give up."""
        said = resolving.as_said(post, caller)
        counts = await runtime.mailbox.act(partial(resolve, said, planner))
        async with runtime.sessions() as db:
            whole = await _whole(db, post)
        if not counts:
            raise _unsettled(whole)
        return whole

    return router


async def _whole(db: AsyncSession, post: UUID) -> DeliveryWhole:
    delivery = await db.get(Delivery, post)
    if delivery is None:
        raise Problem(404, "not-found", f"There is no delivery of post {post}.", remedy="Check the post's id.")
    tries = await db.scalars(select(Try).where(Try.post == post).order_by(Try.fence))
    moves = await db.scalars(select(Transition).where(Transition.post == post).order_by(Transition.id))
    return DeliveryWhole(
        **DeliveryView.model_validate(delivery, from_attributes=True).model_dump(),
        tries=[TryView.model_validate(one, from_attributes=True) for one in tries],
        moves=[MoveView.model_validate(one, from_attributes=True) for one in moves],
    )


def _unsettled(found: DeliveryWhole) -> Problem:
    if found.state is not State.NEEDS_REVIEW:
        detail, remedy = f"The delivery is {found.state}: it needs no review.", "Read it again; there is nothing to do."
    elif found.not_after and found.not_after <= datetime.now(UTC):
        detail = "Its last moment is over, so it cannot be sent again."
        remedy = "Say 'give_up', then change the post's timing at ingest: that makes a new revision of it."
    else:
        detail, remedy = "It was tried again since you looked.", "Read it again, and judge what is there now."
    return Problem(409, "not-resolved", detail, remedy=remedy)


async def _some(db: AsyncSession, state: State | None, after: UUID | None, limit: int) -> list[Delivery]:
    query = select(Delivery).order_by(Delivery.post).limit(limit)
    if state:
        query = query.where(Delivery.state == state)
    if after:
        query = query.where(Delivery.post > after)
    return list(await db.scalars(query))
