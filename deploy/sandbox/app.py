"""The sandbox as one application: every platform under its name, and the controls beside them."""

from collections.abc import Mapping

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.sandbox.control import control_routes
from deploy.sandbox.gate import Gate
from deploy.sandbox.page import page_routes
from deploy.sandbox.platforms import open_platforms
from deploy.sandbox.settings import Settings
from deploy.sandbox.world import World


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return a sandbox of its own, with an empty ledger; the world is at `app.state.world`."""
    settings = settings or Settings()
    world = World(settings)
    platforms = open_platforms(world)
    app = FastAPI(title="Carillon sandbox", docs_url="/_docs", redoc_url=None, openapi_url="/_openapi.json")
    app.state.world = world
    for platform in platforms.values():
        world.quotas.declare(platform.name, platform.quotas, unlimited=settings.quotas == "open")
    app.add_middleware(Crossing, gates={platform.name: Gate(platform, world) for platform in platforms.values()})
    app.include_router(control_routes(world, platforms))
    app.include_router(page_routes(world, platforms))
    return app


class Crossing:
    """Sends calls of platforms straight to their gates, past the framework's routes: the bench pays for every call."""

    def __init__(self, app: ASGIApp, gates: Mapping[str, Gate]) -> None:
        self._app = app
        self._gates = gates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        name = scope["path"].split("/", 2)[1] if scope["type"] == "http" else ""
        if gate := self._gates.get(name):
            scope["root_path"] = f"{scope.get('root_path', '')}/{name}"
            await gate(scope, receive, send)
        else:
            await self._app(scope, receive, send)
