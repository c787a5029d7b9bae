"""An application that answers as all of Carillon does; routes are the service's own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.http.auth import Tokens
from shared.http.gate import BODY_LIMIT, Gate
from shared.http.problems import MEDIA_TYPE, documented
from shared.http.translate import install
from shared.settings import Settings

ANYWHERE = (400, 413, 415, 422, 500, 503)
"""What any address may answer instead of what it promises; those that ask who calls also 401 and 403."""


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
    """Return an application without callers."""
    app = _Application(
        title=title,
        version=version,
        # The interactive pages would load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses=documented(*ANYWHERE),
        generate_unique_id_function=_operation,
        # Traces, metrics and logs are the gate's; asked for each request whether it should make its own, FastAPI
        # looks into the environment each time.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    install(app)
    app.add_middleware(Gate, service=service, limit=body_limit, limits=dict(body_limits or {}))
    return app


class _Application(FastAPI):
    """Describes its errors as what they are: problem details, also of who calls."""

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API, made once."""
        if not self.openapi_schema:
            description = super().openapi()
            for path in description.get("paths", {}).values():
                for operation in path.values():
                    _describe_errors(operation)
        return super().openapi()


def _describe_errors(operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    if "security" in operation:
        for status in (401, 403):
            responses[str(status)] = {**responses["400"], "description": HTTPStatus(status).phrase}
    for code, response in responses.items():
        if code >= "400" and "application/json" in response.get("content", {}):
            responses[code] = {**response, "content": {MEDIA_TYPE: response["content"]["application/json"]}}


def _operation(route: APIRoute) -> str:
    """Name an operation after its function: the typed client's methods are called so."""
    return route.name
