"""What publisher answers: where deliveries are, what is held, what waits for a person, which accounts let us in."""

from fastapi import APIRouter, FastAPI

from services.publisher.api import deliveries, holds
from services.publisher.handlers import Planner
from services.publisher.settings import PublisherSettings
from shared.channels import RegistryFile
from shared.http import dead_letters, service_app
from shared.process import Runtime


def make_app(runtime: Runtime, settings: PublisherSettings, accounts: APIRouter | None = None) -> FastAPI:
    """Return publisher's API; `accounts`: the routes of `services.publisher.api.accounts`."""
    app = service_app("Carillon publisher", "publisher", settings)
    registry = RegistryFile(settings.config_dir).current
    app.include_router(deliveries.routes(runtime, Planner(settings, registry)))
    app.include_router(holds.routes(runtime, settings, registry))
    if accounts:
        app.include_router(accounts)
    dead_letters.add_to(app, runtime.engine)
    return app
