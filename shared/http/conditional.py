"""Edits that overwrite nobody's: the caller names the version it has seen (ETag, If-Match; RFC 9110 §13)."""

from typing import Annotated

from fastapi import Header

from shared.http.problems import Problem

IfMatch = Annotated[str | None, Header(description="The ETag of the version that is to be changed.")]
"""A route's parameter `if_match: IfMatch = None`; give it to `check_match`."""


def etag(version: int) -> str:
    """Return the entity tag of a version, such as `"3"` with its quotes."""
    return f'"{version}"'


def check_match(if_match: str | None, current: int) -> None:
    """Raise a Problem unless the caller has seen the current version: 428 if it does not say, 412 if it is stale."""
    if if_match is None:
        raise Problem(
            428,
            "precondition-required",
            "A change must say which version it is based on.",
            remedy="Send If-Match with the ETag that the last GET answered.",
        )
    tags = {tag.strip() for tag in if_match.split(",")}
    if "*" not in tags and etag(current) not in tags:
        raise Problem(
            412,
            "stale",
            "The version that this change is based on is no longer the current one.",
            remedy="GET it again, look at what changed, and send the change with the new ETag.",
            headers={"ETag": etag(current)},
        )
