"""What JSON can say and no database keeps: the character U+0000."""

import json
from collections.abc import Iterator, Mapping

from fastapi import Request

from services.ingest.fanout import Wrong
from shared.http.translate import invalid

NUL = b"\\u0000"


async def printable(request: Request) -> None:
    """Raise a Problem (422) that names every text with a U+0000 in it; a dependency of what takes JSON."""
    check_printable(await request.body())


def check_printable(body: bytes) -> None:
    """Do the same for a body of JSON."""
    if NUL in body and (wrong := list(unprintable(json.loads(body)))):
        raise invalid(wrong)


def unprintable(value: object, place: str = "") -> Iterator[Wrong]:
    """Yield every text that holds U+0000, which neither a database nor a platform takes."""
    if isinstance(value, str):
        if "\x00" in value:
            yield {"pointer": place, "detail": "The text holds the character U+0000.", "remedy": "Take it out."}
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from unprintable(key, place)
            yield from unprintable(inner, f"{place}/{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from unprintable(inner, f"{place}/{number}")
