"""Why a message is dead: a word to group by, and a sentence that repeats neither what is posted nor a secret."""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from shared.telemetry import scrub


class Cause(StrEnum):
    """Why a message is dead, in a word."""

    UNDECODABLE = "undecodable"
    """It is not an event: no JSON, a field that does not fit, a header that is missing."""
    UNKNOWN_TYPE = "unknown_type"
    """It is an event of a type that this version does not have."""
    HANDLER_CRASHED = "handler_crashed"
    """Its handler failed each time, `POISON_ATTEMPTS` times."""
    PROCESS_DIED = "process_died"
    """It ended the process that handled it, or its handler never came to an end, as often."""
    DELIVERY_LIMIT = "delivery_limit"
    """The broker gave it up: it was delivered again and again, and nobody could even count it."""
    UNEXPLAINED = "unexplained"
    """Nobody has written down why."""


LONGEST = 300
"""Characters of a reason."""
PROSE = 64
"""A text of the body that is longer, or has blanks, is taken for something that is to be posted."""
CUT = "…"
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
NAME = re.compile(r"[\"'][A-Za-z_][A-Za-z0-9_.]{0,62}[\"']")


def reason_of(error: BaseException, body: bytes) -> str:
    """Return an exception's type and the first line of what it says, without what it repeats of the message's body."""
    said = str(error)
    for prose in sorted(_prose(body), key=len, reverse=True):
        said = said.replace(prose, CUT)
    first = next(iter(said.splitlines()), "")
    told = QUOTED.sub(lambda quoted: quoted[0] if NAME.fullmatch(quoted[0]) else CUT, first)
    return plain(f"{type(error).__name__}: {told}" if told else type(error).__name__)


def plain(text: str, longest: int = LONGEST) -> str:
    """Return a text that a database takes, without secrets, and not longer than that."""
    kept = scrub(text.replace("\x00", "\ufffd").encode(errors="replace").decode())
    return kept if len(kept) <= longest else kept[: longest - 1] + CUT


def _prose(body: bytes) -> set[str]:
    try:
        return {text for text in _texts(json.loads(body)) if len(text) > PROSE or " " in text.strip()}
    except (ValueError, RecursionError):
        return set()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)
