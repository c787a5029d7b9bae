"""The sandbox as one application: every platform under its name, and the controls beside them."""

from fastapi import FastAPI

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
        app.mount(f"/{platform.name}", Gate(platform, world))
    app.include_router(control_routes(world, platforms))
    app.include_router(page_routes(world, platforms))
    return app
