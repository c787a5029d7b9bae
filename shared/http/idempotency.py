"""The Idempotency-Key: the same call, sent again, makes nothing twice."""

import re
from typing import Annotated

from fastapi import Header

from shared.http.problems import Problem

NAME = "Idempotency-Key"
FORM = re.compile(r"^[\x21-\x7e]{1,255}$")

DESCRIPTION = (
    "Chosen by the caller, new for each new request (mandatory): a random UUID. "
    "Sent again with the same body, the first answer is given again and nothing is made twice."
)

IdempotencyKey = Annotated[str | None, Header(alias=NAME, description=DESCRIPTION)]
PARAMETER = {
    "name": NAME,
    "in": "header",
    "required": False,
    "description": DESCRIPTION,
    "schema": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": NAME},
}
"""The same for a route whose parameters are not read off its signature."""


def checked(key: str | None) -> str:
    """Return the key; raises Problem (400) when it is missing or cannot be one."""
    if key is None:
        raise Problem(
            400,
            "idempotency-key-missing",
            f"A call that creates something must carry the header {NAME}.",
            remedy=f"Send {NAME} with a new random UUID, and the same one when you repeat the call.",
            errors=[{"pointer": f"header/{NAME}", "detail": "It is missing.", "remedy": "Add it."}],
        )
    if not FORM.match(key):
        detail, remedy = "It is no key.", "Give 1 to 255 visible ASCII characters."
        wrong = {"pointer": f"header/{NAME}", "detail": detail, "remedy": remedy}
        raise Problem(400, "idempotency-key-malformed", f"{NAME}: {detail}", remedy=remedy, errors=[wrong])
    return key
