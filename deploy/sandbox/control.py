"""The controls: the ledger, the request log, faults, quotas, followers and the clock, each at an address with `_`."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.faults import Kind
from deploy.sandbox.quotas import UnknownQuotaError
from deploy.sandbox.voices import Form, Voice
from deploy.sandbox.wire import Platform
from deploy.sandbox.world import World

Limit = Annotated[int, Query(ge=1, description="how many at most; more with `since`")]
Since = Annotated[int, Query(ge=0, description="only those with a higher `seq`")]


class Match(BaseModel):
    """Which calls a fault is for."""

    model_config = ConfigDict(extra="forbid")

    method: str | None = Field(None, description="HTTP method; default: any")
    path: str | None = Field(None, description="shell pattern on the path after the platform's prefix; default: any")


class FaultOrder(BaseModel):
    """A fault to arm."""

    model_config = ConfigDict(extra="forbid")

    platform: str
    kind: Kind
    match: Match = Match(method=None, path=None)
    times: int = Field(1, ge=1)
    seconds: float = Field(30, gt=0, le=86_400, description="how long it stalls, limits the rate or processes")


class VoiceOrder(BaseModel):
    """Something that somebody says to an account."""

    model_config = ConfigDict(extra="forbid")

    platform: str
    account: str
    kind: Form
    text: str
    author: str
    to: str | None = Field(None, description="id of the account's post that it is about")


class LimitsOrder(BaseModel):
    """What servers of the sandbox allow from now on, where a real one's operator could say so."""

    model_config = ConfigDict(extra="forbid")

    mastodon_characters: int = Field(ge=1, description="longest text that the Mastodon server takes")


class ClockOrder(BaseModel):
    """How far the sandbox's clock is set ahead."""

    model_config = ConfigDict(extra="forbid")

    ahead: float = Field(ge=0, description="seconds")


def control_routes(world: World, platforms: Mapping[str, Platform]) -> APIRouter:
    """Return the routes that steer and inspect this world."""
    router = APIRouter()
    _ledger(router, world, platforms)
    _faults(router, world, platforms)
    _limits(router, world)
    _surroundings(router, world, platforms)
    return router


def _ledger(router: APIRouter, world: World, platforms: Mapping[str, Platform]) -> None:
    @router.get("/_ledger")
    async def ledger(
        platform: str | None = None,
        account: str | None = None,
        since: Since = 0,
        limit: Limit = 100_000,
        removed: bool = False,
    ) -> Response:
        """Return the public posts in the order of their appearance, or those taken off again."""
        found = world.ledger.posts(platform, account, since=since, removed=removed)
        return _listing("posts", (post.shown() for post in islice(found, limit)))

    @router.get("/_ledger/counts")
    async def counts() -> Response:
        """Return the number of public posts by platform and account: cheap to ask often."""
        return JSONResponse(world.ledger.counts())

    @router.get("/_ledger/requests")
    async def requests(platform: str | None = None, since: Since = 0, limit: Limit = 100_000) -> Response:
        """Return the newest requests to the platforms, oldest first, tokens masked."""
        found = world.traffic.exchanges(platform, since=since)
        return _listing("requests", (exchange.shown() for exchange in islice(found, limit)))

    @router.delete("/_ledger", status_code=204)
    async def forget() -> None:
        """Take every post, upload and used quota off every platform; accounts, faults and followers stay."""
        for platform in platforms.values():
            platform.forget()
        for memory in (world.ledger, world.traffic, world.quotas, world.voices):
            memory.forget()


def _faults(router: APIRouter, world: World, platforms: Mapping[str, Platform]) -> None:
    @router.post("/_faults", status_code=201)
    async def arm(order: FaultOrder) -> Response:
        """Arm a fault."""
        platform = _known(platforms, order.platform)
        if order.kind.endswith("_processing") and not platform.processes_media:
            raise HTTPException(422, f"kind: {platform.name} processes nothing after an upload; choose another fault")
        method = order.match.method.upper() if order.match.method else None
        fault = world.faults.arm(
            platform.name, order.kind, times=order.times, seconds=order.seconds, method=method, path=order.match.path
        )
        return JSONResponse(fault.shown(), 201)

    @router.get("/_faults")
    async def armed() -> Response:
        """Return all faults, spent ones too."""
        return _listing("faults", (fault.shown() for fault in world.faults.all))

    @router.delete("/_faults", status_code=204)
    async def disarm() -> None:
        """Disarm all faults."""
        world.faults.forget()


def _limits(router: APIRouter, world: World) -> None:
    @router.get("/_quotas")
    async def quotas() -> Response:
        """Return the limits in force."""
        return JSONResponse(world.quotas.advertised())

    @router.put("/_quotas")
    async def set_quotas(wanted: Annotated[dict[str, str | dict[str, int | None]], Body()]) -> Response:
        """Set limits by platform: `open`, `real`, or single ones by name (null: unlimited)."""
        try:
            for platform, limits in wanted.items():
                world.quotas.set(platform, limits)
        except UnknownQuotaError as error:
            raise HTTPException(422, str(error)) from error
        return JSONResponse(world.quotas.advertised())

    @router.put("/_limits")
    async def set_limits(order: LimitsOrder) -> Response:
        """Set what a server allows, and tells of itself."""
        world.mastodon_characters = order.mastodon_characters
        return JSONResponse(order.model_dump())


def _surroundings(router: APIRouter, world: World, platforms: Mapping[str, Platform]) -> None:
    @router.get("/_followers")
    async def followers() -> Response:
        """Return the follower counts that were set; any other account has one derived from its name."""
        return JSONResponse(world.audience.set)

    @router.put("/_followers")
    async def set_followers(counts: Annotated[dict[str, dict[str, Annotated[int, Field(ge=0)]]], Body()]) -> Response:
        """Set follower counts: platform, then handle."""
        for platform, by_handle in counts.items():
            world.audience.set.setdefault(_known(platforms, platform).name, {}).update(by_handle)
        return JSONResponse(world.audience.set)

    @router.post("/_voices", status_code=201)
    async def speak(order: VoiceOrder) -> Response:
        """Have somebody say something to an account; its platform shows it from now on."""
        _known(platforms, order.platform)
        voice = Voice(id=world.voices.new_id(), time=world.now(), **order.model_dump())
        world.voices.add(voice)
        return JSONResponse({"id": voice.id}, 201)

    @router.put("/_clock")
    async def set_clock(order: ClockOrder) -> Response:
        """Set the sandbox's clock ahead: sessions expire, keys are forgotten, posts grow older."""
        world.ahead = order.ahead
        return JSONResponse({"now": world.now(), "ahead": world.ahead})

    @router.get("/_media/{sha256}")
    async def media(sha256: str) -> Response:
        """Return the bytes of an uploaded file, as long as they are kept."""
        if found := world.shelf.get(sha256):
            return Response(found[1], media_type=found[0])
        raise HTTPException(404, "sha256: no such file, or no longer kept")

    @router.get("/livez")
    async def livez() -> Response:
        """Say that the sandbox runs."""
        return JSONResponse({"status": "ok", "platforms": list(platforms)})


def _known(platforms: Mapping[str, Platform], name: str) -> Platform:
    if name in platforms:
        return platforms[name]
    raise HTTPException(422, f"platform: no {name!r} here; there are {', '.join(platforms)}")


def _listing(name: str, items: Iterator[dict[str, Any]] | Iterable[dict[str, Any]]) -> Response:
    found = list(items)
    return JSONResponse({"count": len(found), name: found})
