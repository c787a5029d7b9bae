"""An application that answers as all of Carillon does; routes are the service's own."""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.http.auth import Tokens
from shared.http.gate import Gate
from shared.http.problems import DOCUMENTED, install
from shared.settings import Settings

BODY_LIMIT = 1_000_000
"""Bytes that a request's body may have where nothing else is said."""


def service_app(
    title: str,
    service: str,
    settings: Settings,
    *,
    version: str = "1",
    body_limit: int = BODY_LIMIT,
    body_limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """Return an application with callers known by token, problem details, traces, limits and request metrics.

    `body_limits` gives other limits, in bytes, to addresses that begin with a prefix: `{"/v1/uploads": 300_000_000}`.
    Raises WrongSettingError when the settings name no key to check tokens with.
    """
    app = bare_app(title, service, version=version, body_limit=body_limit, body_limits=body_limits)
    app.state.tokens = Tokens(settings)
    return app


def bare_app(
    title: str,
    service: str,
    *,
    version: str = "1",
    body_limit: int = BODY_LIMIT,
    body_limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """Return an application without callers: for the health of processes that have no API."""
    app = FastAPI(
        title=title,
        version=version,
        # The interactive pages would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses=DOCUMENTED,
        generate_unique_id_function=_operation,
    )
    install(app)
    app.add_middleware(Gate, service=service, limit=body_limit, limits=dict(body_limits or {}))
    return app


def _operation(route: APIRoute) -> str:
    """Name an operation after its function: the typed client's methods are called so."""
    return route.name
