"""What publisher answers: where a delivery is, what was tried, what waits for a person, which accounts let us in."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.publisher.tables import Delivery, State, Try
from shared.http import Caller, Problem, require, service_app
from shared.process import Runtime

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


class DeliveryWhole(DeliveryView):
    """A delivery with every try."""

    tries: list[TryView]


class Page(BaseModel):
    """Some deliveries, and where the next ones begin."""

    deliveries: list[DeliveryView]
    next: UUID | None
    """Give it as `after` to read on; null at the end."""


def make_app(runtime: Runtime, accounts: APIRouter | None = None) -> FastAPI:
    """Return publisher's API; `accounts`: the routes of `services.publisher.api.accounts`."""
    app = service_app("Carillon publisher", "publisher", runtime.settings)
    if accounts:
        app.include_router(accounts)

    @app.get("/v1/deliveries/{post}")
    async def read_delivery(post: UUID, caller: Reader) -> DeliveryWhole:
        """Return one post's delivery and every try."""
        async with runtime.sessions() as db:
            delivery = await db.get(Delivery, post)
            if delivery is None:
                raise Problem(404, "not-found", f"There is no delivery of post {post}.", remedy="Check the post's id.")
            tries = await db.scalars(select(Try).where(Try.post == post).order_by(Try.fence))
            seen = [TryView.model_validate(one, from_attributes=True) for one in tries]
        known = DeliveryView.model_validate(delivery, from_attributes=True)
        return DeliveryWhole(**known.model_dump(), tries=seen)

    @app.get("/v1/deliveries")
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

    return app


async def _some(db: AsyncSession, state: State | None, after: UUID | None, limit: int) -> list[Delivery]:
    query = select(Delivery).order_by(Delivery.post).limit(limit)
    if state:
        query = query.where(Delivery.state == state)
    if after:
        query = query.where(Delivery.post > after)
    return list(await db.scalars(query))
