"""A call's parameters: JSON, or form fields (named like `poll[options][]`, if need be), with the query beneath."""

import re
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message

from deploy.sandbox.wire import Call, MalformedError

Params = dict[str, Any]
_PART = re.compile(r"\[([^\[\]]*)\]")
DEPTH = 5


async def read_params(call: Call) -> Params:
    """Return all parameters of a call; raises MalformedError."""
    params: Params = {}
    for name, values in call.params().items():
        for value in values:
            _put(params, name, value)
    kind = call.header(b"content-type").split(";")[0].strip().lower()
    if kind == "application/json" and call.body:
        value = call.json()
        if not isinstance(value, dict):
            raise MalformedError("the body must be a JSON object")
        params.update(value)
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data") and call.body:
        await _read_form(call, params)
    return params


def text(params: Params, name: str) -> str:
    """Return a parameter as text, empty where it is missing; raises MalformedError for a list or object."""
    value = params.get(name)
    if isinstance(value, dict | list):
        raise MalformedError(f"{name} must be text")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def truth(params: Params, name: str) -> bool:
    """Return a parameter as a boolean, as Rails and PHP cast it."""
    return text(params, name).lower() not in ("", "0", "f", "false", "off")


def texts(params: Params, name: str) -> list[str]:
    """Return a list parameter as texts."""
    value = params.get(name)
    if value in (None, ""):
        return []
    if not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
        raise MalformedError(f"{name} must be a list")
    return [str(item) for item in value]


async def _read_form(call: Call, params: Params) -> None:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        body, sent = (b"" if sent else call.body), True
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({"type": "http", "method": call.method, "headers": call.headers}, receive)
    multipart = call.header(b"content-type").lower().startswith("multipart/")
    parser = (MultiPartParser if multipart else FormParser)(request.headers, request.stream())
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise MalformedError(f"the form can't be read: {error}") from error
    for name, value in form.multi_items():
        _put(params, name, value)


def _put(params: Params, name: str, value: str | UploadFile) -> None:
    head, parts = name.split("[")[0], _PART.findall(name)[:DEPTH]
    here: Any = params
    key: str | None = head
    for part in parts:
        here = _descend(here, key, [] if part == "" else {})
        key = part or None
    if isinstance(here, list):
        here.append(value)
    elif isinstance(here, dict) and key is not None:
        here[key] = value
    else:
        raise MalformedError(f"{name} is used in two ways")


def _descend(here: Any, key: str | None, empty: list[Any] | Params) -> Any:
    if isinstance(here, list):
        if isinstance(empty, dict) and here and isinstance(here[-1], dict):
            return here[-1]
        here.append(empty)
        return empty
    if not isinstance(here, dict) or key is None:
        raise MalformedError("a parameter is used in two ways")
    found = here.setdefault(key, empty)
    if type(found) is not type(empty):
        raise MalformedError(f"{key} is used in two ways")
    return found
