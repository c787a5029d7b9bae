"""A body of JSON, read in one step: bytes to a checked model."""

from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.ingest.api.printable import check_printable

Model = TypeVar("Model", bound=BaseModel)
NO_JSON = {"type": "model_type", "loc": ("body",), "msg": "The body is not JSON", "input": None}


async def read(request: Request, kind: type[Model]) -> tuple[Model, bytes]:
    """Return the model and the bytes; raises what the framework raises for a body that does not fit."""
    body = await request.body()
    if "json" not in request.headers.get("content-type", ""):
        raise RequestValidationError([NO_JSON])
    try:
        model = kind.model_validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in wrong]) from error
    check_printable(body)
    return model, body
