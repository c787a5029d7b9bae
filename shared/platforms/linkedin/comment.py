"""The first comment below a post that is public already: said once, or told to be missing; never a reason to fail."""

from collections.abc import Mapping
from typing import Any

from shared.adapter.contract import Account, Http, Pending, Progress, Published
from shared.adapter.errors import PlatformError, TryLater, Uncertain
from shared.platforms.linkedin.connect import call, encoded, organization
from shared.platforms.linkedin.share import permalink_of

LOOK = 30.0
"""Seconds after which a comment whose outcome is unknown is looked for again."""
MOST_LOOKS = 4
MOST_TRIES = 10
"""How often a comment that LinkedIn cannot take now is offered again."""
LONGEST = 900.0
"""Seconds that a post which is public waits for its comment, from one try to the next; a day's quota is longer."""


async def commented(
    text: str, done: Mapping[str, Any], account: Account, http: Http, progress: Progress
) -> Published | Pending:
    """Say it below the post in `done["parts"]`, going on from `done["comment"]`; what became of it is in the answer."""
    urn = done["parts"][0]["id"]
    if "comment" in done:
        return await _looked_for(text, urn, done, account, http)
    await progress({**done, "comment": 0})  # from here on it may be there: it is looked for, not said again
    try:
        await _say(text, urn, account, http)
    except Uncertain:
        return await _looked_for(text, urn, {**done, "comment": 0}, account, http)
    except TryLater as error:
        tries, wait = done.get("tries", 0) + 1, error.after or LOOK
        if tries < MOST_TRIES and wait <= LONGEST:
            return Pending({**done, "tries": tries}, wait)
        return published(urn, error.reason)
    except PlatformError as error:
        return published(urn, error.reason)
    return published(urn)


def published(urn: str, unsaid: str | None = None) -> Published:
    """Return the post, and why its first comment is missing."""
    return Published(urn, permalink_of(urn), (urn,), unsaid)


async def comments_of(urn: str, start: int, count: int, account: Account, http: Http) -> list[Mapping[str, Any]]:
    """Return a page of the comments below a post."""
    path, params = f"/socialActions/{encoded(urn)}/comments", {"start": start, "count": count}
    told = (await call(account, http, "GET", path, operation="comments", params=params)).json or {}
    return list(told.get("elements", []))


async def _say(text: str, urn: str, account: Account, http: Http) -> None:
    body = {"actor": organization(account), "object": urn, "message": {"text": text}}
    path = f"/socialActions/{encoded(urn)}/comments"
    await call(account, http, "POST", path, operation="comment", mutates=True, json=body, expected=(200, 201))


async def _looked_for(
    text: str, urn: str, done: Mapping[str, Any], account: Account, http: Http
) -> Published | Pending:
    """Look among the comments: by actor and text, for nothing else tells ours."""
    try:
        found = await comments_of(urn, 0, 100, account, http)
    except PlatformError:
        found = []  # it is looked for again; to fail now would be to fail a post that is public
    if any(_says(one, text, account) for one in found):
        return published(urn)
    if done["comment"] + 1 < MOST_LOOKS:
        return Pending({**done, "comment": done["comment"] + 1}, LOOK)
    return published(urn, "linkedin comment: whether it was made is unknown, and it cannot be found")


def _says(comment: Mapping[str, Any], text: str, account: Account) -> bool:
    return (
        comment.get("actor") == organization(account)
        and ((comment.get("message") or {}).get("text") or "").strip() == text.strip()
    )
