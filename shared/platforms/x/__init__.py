"""X, by version 2 of its API."""

from shared.platforms.x.spec import SPEC

__all__ = ["SPEC"]
