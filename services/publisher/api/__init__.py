"""What publisher answers: where deliveries are, what is held, what waits for a person, which accounts let us in."""

from collections.abc import Callable

from fastapi import APIRouter, FastAPI

from services.publisher.api import deliveries, holds
from services.publisher.handlers import Planner
from services.publisher.settings import PublisherSettings
from shared.channels import Registry
from shared.http import dead_letters
from shared.http.app import service_app
from shared.process import Runtime


def make_app(
    runtime: Runtime, settings: PublisherSettings, registry: Callable[[], Registry], accounts: APIRouter | None = None
) -> FastAPI:
    """Return publisher's API; `accounts`: the routes of `services.publisher.api.accounts`."""
    app = service_app("Carillon publisher", "publisher", settings)
    app.include_router(deliveries.routes(runtime, Planner(settings, registry)))
    app.include_router(holds.routes(runtime, settings, registry))
    if accounts:
        app.include_router(accounts)
    dead_letters.add_to(app, runtime.engine)
    return app
