"""What policy answers: what was decided about a post, by which rules, on which facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from services.policy.judge import Outcome
from services.policy.tables import Decision
from shared.events import Objection
from shared.http import dead_letters
from shared.http.app import service_app
from shared.http.auth import Caller, require
from shared.http.problems import Problem
from shared.process import Runtime

Reader = Annotated[Caller, Depends(require("posts:read"))]


class DecisionView(BaseModel):
    """One verdict with all that it rests on."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: UUID
    post: UUID
    revision: int
    payload_hash: str
    """The SHA-256 of the payload that was judged: an approval is for this form only."""
    pack: str
    """The version of the rules, with the channels' stances."""
    facts: Mapping[str, Any]
    verdict: Outcome
    objections: list[Objection]
    valid_until: datetime | None
    """Until when an approval is good; null for any other verdict."""
    decided_at: datetime


class Page(BaseModel):
    """Some decisions, and where the next ones begin."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    decisions: list[DecisionView]
    next: int | None
    """Give it as `after` to read on; null at the end."""


def make_app(runtime: Runtime) -> FastAPI:
    """Return policy's API."""
    app = service_app("Carillon policy", "policy", runtime.settings)

    @app.get("/v1/decisions/{id}", responses={404: {"description": "There is no such decision."}})
    async def read_decision(id: UUID, caller: Reader) -> DecisionView:  # noqa: A002 - the path's own word
        """Return one decision."""
        async with runtime.sessions() as db:
            found = await db.scalar(select(Decision).where(Decision.id == id))
        if found is None:
            raise Problem(404, "not-found", f"There is no decision {id}.", remedy="Check the decision's id.")
        return DecisionView.model_validate(found)

    @app.get("/v1/decisions")
    async def list_decisions(
        post: UUID,
        caller: Reader,
        after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page:
        """Return what was decided about a post, the oldest first."""
        query = select(Decision).where(Decision.post == post, Decision.number > after)
        async with runtime.sessions() as db:
            found = list(await db.scalars(query.order_by(Decision.number).limit(limit + 1)))
        page = found[:limit]
        return Page(
            decisions=[DecisionView.model_validate(one) for one in page],
            next=page[-1].number if len(found) > limit else None,
        )

    dead_letters.add_to(app, runtime.engine)
    return app
