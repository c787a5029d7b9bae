"""What went wrong, as RFC 9457 tells it: `application/problem+json` that names the field and the remedy."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from shared import telemetry

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which a caller may try again when the database is away."""


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    pointer: str
    """Where: a JSON pointer into the body (`/content/text`), or `query/…`, `path/…`, `header/…`."""
    detail: str
    remedy: str


class ProblemDetails(BaseModel):
    """The body of every answer that is an error (RFC 9457)."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str = Field(examples=["urn:carillon:problem:invalid"])
    """Names the kind of problem, for programs."""
    title: str
    """Names the kind of problem, for people."""
    status: int
    detail: str
    """What went wrong this time."""
    remedy: str | None = None
    """What would help."""
    trace: str | None = None
    """The trace's id: with it, an operator finds the log lines."""
    errors: list[FieldProblem] | None = None
    """One entry for each field that is wrong."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route says in OpenAPI of the errors that only it answers: `responses=documented(404, 412)`."""
    return {status: {"model": ProblemDetails, "description": HTTPStatus(status).phrase} for status in statuses}


class Problem(Exception):  # noqa: N818 - RFC 9457's own name
    """An answer that is an error; raise it anywhere below a route."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        remedy: str | None = None,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.remedy = remedy
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.more = more

    def response(self) -> Response:
        """Return the answer itself."""
        body: dict[str, Any] = {
            "type": f"urn:carillon:problem:{self.kind}",
            "title": self.kind.replace("-", " ").capitalize().replace("json", "JSON"),
            "status": self.status,
            "detail": self.detail,
        }
        body |= {"remedy": self.remedy} if self.remedy else {}
        body |= {"trace": trace} if (trace := telemetry.current_trace()) else {}
        body |= {"errors": self.errors} if self.errors else {}
        return JSONResponse(body | self.more, self.status, self.headers, MEDIA_TYPE)


def unavailable() -> Problem:
    """Return what a caller hears while the database is away."""
    return Problem(
        503,
        "unavailable",
        "The service cannot reach its database at the moment; nothing was changed.",
        remedy=f"Send the same request again, with the same Idempotency-Key, after {RETRY_AFTER} seconds.",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def unexpected() -> Problem:
    """Return what a caller hears about a fault of ours: nothing but where the operators find it."""
    return Problem(
        500,
        "internal-error",
        "The service failed. The fault is logged under this answer's trace.",
        remedy="Send the same request again, with the same Idempotency-Key; if it stays, report the trace.",
    )
