"""What tools and people call: requests, posts, uploads."""

from fastapi import FastAPI

from services.ingest.accept import Door
from services.ingest.api import posts, requests, uploads
from services.ingest.change import Changes
from services.ingest.settings import IngestSettings
from services.ingest.uploads import Uploads
from shared.database import Sessions
from shared.http import dead_letters
from shared.http.app import service_app
from shared.mailbox import Mailbox

__all__ = ["application"]


def application(
    settings: IngestSettings,
    *,
    door: Door,
    changes: Changes,
    received: Uploads,
    mailbox: Mailbox,
    sessions: Sessions,
) -> FastAPI:
    """Return the API of ingest."""
    app = service_app(
        "Carillon: ingest",
        "ingest",
        settings,
        body_limit=settings.request_bytes,
        body_limits={"/v1/uploads/": settings.upload_bytes},
    )
    requests.add_requests(app.router, door)
    app.include_router(requests.routes(door, sessions))
    app.include_router(posts.routes(changes, mailbox, sessions))
    app.include_router(uploads.routes(received))
    dead_letters.add_to(app, mailbox.engine)
    return app
