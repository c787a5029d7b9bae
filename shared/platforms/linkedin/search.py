"""Finding on LinkedIn what an earlier try may have posted: in the page's own list, or named by a refused duplicate."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.answers import failure_of
from shared.adapter.contract import Account, Answer, Attempt, Http, Listed, NotFound, Pending, Published
from shared.adapter.errors import Rejected, Uncertain
from shared.payload import Payload
from shared.platforms.linkedin.comment import published
from shared.platforms.linkedin.connect import call, encoded, organization
from shared.platforms.linkedin.share import looks_like, needed, permalink_of, share_of
from shared.platforms.linkedin.spec import SPEC

CLOCKS = 60.0
"""Seconds by which our clock and LinkedIn's may differ."""
PAGE = 50
MOST_PAGES = 20
"""A thousand posts; more since the attempt is for a person to look through."""
PROCESSED = 30.0
"""Seconds after which a post that is being processed is asked for again."""
_POST = re.compile(r"urn:li:(?:share|ugcPost):\d+")


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look among the page's posts since the attempt began for one with its text, media and subject.

    Pending says that the post is there and its first comment, or LinkedIn's processing, is still to come: publish again
    with its `resume`. Raises Uncertain where two posts fit, or there are too many to look through.
    """
    if parts := attempt.resume.get("parts"):
        return _found(parts[0]["id"], True, payload, attempt)
    made = [one["urn"] for one in attempt.resume.get("media", [])]
    if len(made) < len(needed(payload)):
        return NotFound()  # it was never posted: not all of its uploads were made
    body, since = share_of(payload, organization(account), made), _since(attempt)
    listed = [post for post in await posts_since(since, account, http) if post["id"] not in attempt.others]
    live = [post for post in listed if post.get("lifecycleState") != "PUBLISH_FAILED"]
    fitting = [post for post in live if looks_like(post, body, since)]
    if len(fitting) > 1:
        raise Uncertain(f"linkedin: {len(fitting)} posts fit; a person must say which is ours")
    return _found(fitting[0]["id"], is_live(fitting[0]), payload, attempt) if fitting else NotFound()


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the page's posts since then, whichever of its members made them."""
    posts = await posts_since(since.timestamp(), account, http)
    return [Listed(str(one["id"]), datetime.fromtimestamp(one["createdAt"] / 1000, UTC)) for one in posts]


async def landed(refusal: Answer, body: Mapping[str, Any], account: Account, attempt: Attempt, http: Http) -> str:
    """Return the URN that a refused duplicate names, where it is what an earlier try of this attempt made.

    Raises Rejected for any other refusal, and where the same was said in another post; Uncertain where the post that is
    named cannot be read: LinkedIn goes on naming deleted ones for a day or two.
    """
    named = _POST.search(str((refusal.json or {}).get("message", "")))
    if named is None:
        raise failure_of(SPEC, "post", refusal.status, refusal.json, refusal.headers, True)
    post = await post_at(named[0], account, http)
    if post is None:
        raise Uncertain(f"linkedin post: refused as a duplicate of {named[0]}, which is not there; a person must look")
    if named[0] in attempt.others or not looks_like(post, body, _since(attempt)):
        raise Rejected(
            f"linkedin post: the same was posted as {permalink_of(named[0])}; change the text, or wait for ten minutes"
        )
    if not is_live(post):
        raise Uncertain(f"linkedin post: refused as a duplicate of {named[0]}, which is not public yet")
    return named[0]


def is_live(post: Mapping[str, Any]) -> bool:
    """Say whether LinkedIn is done with a post (post-api-schema, lifecycleState)."""
    return post.get("lifecycleState") == "PUBLISHED"


async def post_at(urn: str, account: Account, http: Http) -> Mapping[str, Any] | None:
    """Return a post as its author sees it, None where there is none."""
    path = f"/posts/{encoded(urn)}?viewContext=AUTHOR"
    answer = await call(account, http, "GET", path, operation="post_get", expected=(200, 404))
    return dict(answer.json) if answer.status == 200 else None


async def posts_since(since: float, account: Account, http: Http, most: int = MOST_PAGES) -> list[Mapping[str, Any]]:
    """Return the page's own posts from `since` (epoch seconds) on, newest first; raises Uncertain for too many."""
    listed: list[Mapping[str, Any]] = []
    for number in range(most):
        page = await page_of(number * PAGE, PAGE, account, http)
        listed += [post for post in page if (post.get("createdAt") or 0) >= since * 1000]
        if not page or (page[-1].get("createdAt") or 0) < since * 1000:
            return listed
    raise Uncertain(f"linkedin: more than {len(listed)} posts since the attempt; a person must look")


async def page_of(first: int, count: int, account: Account, http: Http) -> list[Mapping[str, Any]]:
    """Return a page of the account's own posts, newest first."""
    asked = {"author": organization(account), "q": "author", "start": first, "count": count, "sortBy": "CREATED"}
    headers = {"X-RestLi-Method": "FINDER"}
    told = await call(account, http, "GET", "/posts", operation="posts_of", params=asked, headers=headers)
    return list((told.json or {}).get("elements", []))


def _since(attempt: Attempt) -> float:
    return attempt.created_at.timestamp() - CLOCKS


def _found(urn: str, live: bool, payload: Payload, attempt: Attempt) -> Published | Pending:
    if live and not payload.first_comment:
        return published(urn)
    known = {"parts": [{"id": urn}]} if live else {"processed": urn}
    return Pending({**attempt.resume, **known}, 0.0 if live else PROCESSED)
