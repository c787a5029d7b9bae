"""An application without FastAPI, which is long to load: for processes that answer about their health only."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from shared.http.gate import BODY_LIMIT, Gate
from shared.http.problems import Problem


def plain_app(service: str) -> Starlette:
    """Return an application without routes and callers; its traces, limits, metrics and errors are as everywhere."""
    app = Starlette(middleware=[Middleware(Gate, service=service, limit=BODY_LIMIT, limits={})])
    install(app)
    return app


def install(app: Starlette) -> None:
    """Let an application tell its errors, and those of addresses that it does not have, as problems."""

    async def as_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def as_plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _from_status(request, error).response()

    app.add_exception_handler(Problem, as_problem)
    app.add_exception_handler(HTTPException, as_plain)


def _from_status(request: Request, error: HTTPException) -> Problem:
    """Say what the framework's own errors mean here."""
    known = {
        404: ("not-found", "There is nothing at this address.", "The addresses are listed at /openapi.json."),
        405: (
            "method-not-allowed",
            f"This address does not take {request.method[:20]}.",
            "Use a method that Allow names.",
        ),
        400: (
            "unreadable",
            "The request's body could not be read.",
            "Send the whole body, as the API description says.",
        ),
    }
    fallback = ("error", HTTPStatus(error.status_code).phrase, None)
    kind, detail, remedy = known.get(error.status_code, fallback)
    return Problem(error.status_code, kind, detail, remedy=remedy, headers=error.headers)
