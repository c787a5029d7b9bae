"""What a worker needs to go on with, sealed: addresses of upload sessions are as good as passwords.

What is public already (`parts`) stays in clear, for statements and operators ask for it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from services.publisher.seal import Keys, SealError

log = structlog.get_logger()

SEALED, PARTS = "sealed", "parts"


class Resumes:
    """Seals and opens `resume` with publisher's own keys; without keys it stays as it is."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def sealed(self, resume: Mapping[str, Any], post: UUID) -> dict[str, Any]:
        """Return what is stored of a post's handle."""
        public = {PARTS: resume[PARTS]} if PARTS in resume else {}
        if self._keys.newest is None or len(public) == len(resume):
            return dict(resume)
        box = self._keys.seal(json.dumps(dict(resume)).encode(), _about(post))
        return {**public, SEALED: b64encode(box.bytes).decode()}

    def opened(self, stored: Mapping[str, Any], post: UUID) -> dict[str, Any]:
        """Return the handle again; what no key opens any more is as if it had been lost, but for the public parts."""
        if SEALED not in stored:
            return dict(stored)
        try:
            told: dict[str, Any] = json.loads(self._keys.open(b64decode(stored[SEALED]), _about(post)))
        except SealError as error:
            log.error("what was done of a post so far cannot be opened", post=str(post), reason=str(error))
            return {PARTS: stored[PARTS]} if PARTS in stored else {}
        return told


def _about(post: UUID) -> str:
    return f"delivery {post}"
