"""`/v1/holds`: nothing in a scope goes out until further notice."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from services.publisher.facets import names_of, scope_of
from services.publisher.holds import place, read, release, some
from services.publisher.settings import PublisherSettings
from shared.channels import Registry
from shared.content import ChannelId, Language, Line, Region, Slug
from shared.database import Row, statements
from shared.http.auth import Caller, require
from shared.http.idempotency import IdempotencyKey, checked
from shared.http.problems import Problem, documented
from shared.http.translate import invalid
from shared.model import Asked
from shared.process import Runtime

Operator = Annotated[Caller, Depends(require("ops:write"))]
Reader = Annotated[Caller, Depends(require("posts:read"))]
KEYS = UUID("5a0e4f0e-6f6b-4b57-9a0e-9c1f6a1d2b43")
"""Under which a caller's idempotency keys become ids of holds."""


class Scope(Asked):
    """What a hold is about; a post is covered that fits all that is given. Nothing given: everything."""

    brand: Slug | None = None
    platform: Slug | None = None
    channel: ChannelId | None = None
    campaign: Slug | None = None
    language: Language | None = None
    region: Region | None = None


class Placing(Asked):
    """The body of `POST /v1/holds`."""

    scope: Scope = Scope()
    reason: Line
    person: UUID | None = None
    """The person behind the call, by id."""


class Releasing(Asked):
    """The body of `POST /v1/holds/{hold}/release`."""

    person: UUID | None = None


class HoldView(BaseModel):
    """A hold, standing or released."""

    id: UUID
    scope: dict[str, str]
    reason: str
    tool: str
    person: UUID | None
    placed_at: datetime
    released_at: datetime | None
    released_by: str | None


class Placed(HoldView):
    """A hold, and how many posts that were due it stopped just now; what becomes due later is held then."""

    stopped: int


class Released(HoldView):
    """A released hold, and what becomes of the posts that it held."""

    going_on: int
    awaiting_approval: int
    """Their time was long ago: policy looks at them again."""


class Holds(BaseModel):
    """Some holds, the newest first, and where the next ones begin."""

    holds: list[HoldView]
    next: UUID | None


def routes(runtime: Runtime, settings: PublisherSettings, registry: Callable[[], Registry]) -> APIRouter:
    """Return the routes of holds."""
    router = APIRouter()

    @router.post("/v1/holds", status_code=201, responses=documented(409))
    async def place_hold(
        placing: Placing, caller: Operator, response: Response, idempotency_key: IdempotencyKey = None
    ) -> Placed:
        """Stop everything, or a scope: from this answer on, no call begins more than a second later."""
        _check(placing.scope, registry())
        hold = uuid5(KEYS, f"{caller.tool} {checked(idempotency_key)}")
        scope = scope_of(placing.scope.model_dump(exclude_none=True))
        work = partial(place, hold, scope, placing.reason, caller.tool, placing.person)
        stopped = await runtime.mailbox.act(work)
        view = await _view(runtime, hold)
        if stopped is None:
            response.headers["Idempotent-Replayed"] = "true"
            if (view.scope, view.reason) != (dict(names_of(scope)), placing.reason):
                raise Problem(
                    409,
                    "idempotency-key-reused",
                    "The key belongs to another hold.",
                    remedy="Use a new Idempotency-Key for a new hold.",
                )
        response.headers["Location"] = f"/v1/holds/{hold}"
        return Placed(**view.model_dump(), stopped=stopped or 0)

    @router.post("/v1/holds/{hold}/release", responses=documented(404, 409))
    async def release_hold(hold: UUID, releasing: Releasing, caller: Operator) -> Released:
        """Let go what a hold stopped; what is long past its time needs approval again."""
        counts = await runtime.mailbox.act(partial(release, hold, caller.tool, releasing.person, settings=settings))
        view = await _view(runtime, hold)
        if counts is None:
            detail, remedy = f"The hold was released at {view.released_at}.", "There is nothing to do."
            raise Problem(409, "already-released", detail, remedy=remedy)
        return Released(**view.model_dump(), going_on=counts[0], awaiting_approval=counts[1])

    @router.get("/v1/holds/{hold}", responses=documented(404))
    async def read_hold(hold: UUID, caller: Reader) -> HoldView:
        """Return a hold."""
        return await _view(runtime, hold)

    @router.get("/v1/holds", responses=documented(404))
    async def list_holds(
        caller: Reader,
        standing: bool = True,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Holds:
        """Return the holds that stand, or all (`standing=false`), the newest first."""
        before = (await _view(runtime, after)).placed_at if after else None
        async with statements(runtime.engine) as db:
            place_ = (before, after) if before and after else None
            found = await some(standing=standing, before=place_, most=limit + 1, db=db)
        page = [_shown(row) for row in found[:limit]]
        return Holds(holds=page, next=page[-1].id if len(found) > limit else None)

    return router


async def _view(runtime: Runtime, hold: UUID) -> HoldView:
    async with statements(runtime.engine) as db:
        row = await read(hold, db)
    if row is None:
        raise Problem(404, "not-found", f"There is no hold {hold}.", remedy="Check the hold's id.")
    return _shown(row)


def _shown(row: Row) -> HoldView:
    return HoldView(**{**dict(row), "scope": dict(names_of(row.scope))})


def _check(scope: Scope, registry: Registry) -> None:
    """Refuse a scope that nothing fits: it would be taken for a stop, and stop nothing."""
    known = {
        "channel": set(registry.channels),
        "brand": {channel.brand for channel in registry.channels.values()},
        "platform": {channel.platform for channel in registry.channels.values()},
    }
    for name, values in known.items():
        value = getattr(scope, name)
        if value is not None and value not in values:
            detail, remedy = f"There is no {name} {value!r}.", f"Use one of {', '.join(sorted(values))}."
            raise invalid([{"pointer": f"/scope/{name}", "detail": detail, "remedy": remedy}])
