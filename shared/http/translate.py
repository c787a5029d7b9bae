"""FastAPI's own errors, told as problems: bodies that cannot be read, fields that cannot be taken."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from shared.http.plain import install as install_plain
from shared.http.problems import Problem


def install(app: FastAPI) -> None:
    """Let an application answer with problem details only."""

    async def as_fields(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _from_validation(request, error).response()

    install_plain(app)
    app.add_exception_handler(RequestValidationError, as_fields)


def _from_validation(request: Request, error: RequestValidationError) -> Problem:
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return _malformed(found)
    if any(e["loc"] == ("body",) and e["type"] != "missing" for e in found) and not _says_json(request):
        return Problem(
            415,
            "unsupported-media-type",
            "The body of this request must be JSON.",
            remedy="Send JSON, with the header Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )
    return invalid({"pointer": _pointer(e["loc"]), "detail": _detail(e), "remedy": _remedy(e)} for e in found)


def invalid(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """Return the problem of fields that cannot be taken; each has `pointer`, `detail`, `remedy`, and may have more."""
    entries = list(errors)
    first = f"{entries[0]['pointer'] or 'the body'}: {entries[0]['detail']}"
    more = f" And {len(entries) - 1} more, see 'errors'." if len(entries) > 1 else ""
    return Problem(422, "invalid", first + more, remedy=str(entries[0]["remedy"]), errors=entries)


def _malformed(found: Iterable[Mapping[str, Any]]) -> Problem:
    offset = next((e["loc"][1] for e in found if e["type"] == "json_invalid" and len(e["loc"]) > 1), None)
    where = f" at character {offset}" if isinstance(offset, int) else ""
    return Problem(
        400, "malformed-json", f"The body is not JSON: it breaks off{where}.", remedy="Send well-formed JSON."
    )


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _pointer(loc: Iterable[int | str]) -> str:
    where, *rest = loc
    path = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in rest)[:300]
    return path if where == "body" else f"{where}{path}"


def _detail(error: Mapping[str, Any]) -> str:
    """Return pydantic's sentence, which does not repeat what was sent."""
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Leave it out, or correct its spelling: this is not a field of the request.",
    "timezone_aware": "Add the offset, as in 2026-03-01T09:00:00+02:00.",
    "string_too_short": "Give at least {min_length} characters.",
    "string_too_long": "Give {max_length} characters at the most.",
    "too_short": "Give at least {min_length}.",
    "too_long": "Give {max_length} at the most.",
    "greater_than_equal": "Give {ge} or more.",
    "less_than_equal": "Give {le} or less.",
    "enum": "Give one of {expected}.",
    "literal_error": "Give one of {expected}.",
    "value_error": "Correct it as the sentence says.",
    "string_pattern_mismatch": "Write it so that it matches {pattern}.",
}


def _remedy(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind.startswith("date_"):
        return "Write a day, as in 2026-03-01."
    if kind.startswith("datetime"):
        return "Write a date with time and offset, as in 2026-03-01T09:00:00+02:00."
    template = _REMEDIES.get(kind, "Correct its form; /openapi.json describes it.")
    try:
        return template.format(**error.get("ctx", {}))
    except (KeyError, IndexError):
        return "Correct its form; /openapi.json describes it."
