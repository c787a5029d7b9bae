"""Finding on X what an earlier try may have posted: in the account's timeline, by reply, media, poll and text.

The text is compared with X's short links put back; finding nothing proves nothing (`Absence.ASK`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed, NotFound, Pending, Published
from shared.adapter.errors import Uncertain
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.x.connect import own_id
from shared.platforms.x.post import REPOST, looks_like, permalink_of, post_meant, references
from shared.platforms.x.reading import included, moment, pages

CLOCKS = timedelta(minutes=5)
"""By how much our clock and X's may differ."""


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look for the missing parts among the account's posts since the attempt began, in order.

    Raises Uncertain where two posts fit one part, or there are too many to look through.
    """
    listed, polls = await _listed(attempt, account, http)
    if payload.kind is Kind.REPOST:
        subject = post_meant(payload.refers_to, account)
        there = any(references(post).get("retweeted") == subject for post in listed)
        return published([REPOST + subject], account) if there else NotFound()
    parts: list[str] = list(attempt.resume.get("parts", []))
    for number in range(len(parts), len(payload.pieces)):
        part = _part(payload, number, parts, listed, polls, account, attempt)
        if part is None:
            break
        parts.append(part)
    if len(parts) == len(payload.pieces):
        return published(parts, account)
    return Pending({**attempt.resume, "parts": parts}, 0) if parts else NotFound()


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the account's posts since then; reposts are in another quota."""
    params = {"start_time": moment(since), "post.fields": "created_at", "expansions": "referenced_posts"}
    path = f"/2/users/{await own_id(account, http)}/tweets"
    found = [post async for page in pages(path, "own_posts", params, account, http) for post in page.get("data") or ()]
    posts = [post for post in found if "retweeted" not in references(post)]
    return [Listed(str(post["id"]), datetime.fromisoformat(post["created_at"])) for post in posts]


def published(parts: Sequence[str], account: Account) -> Published:
    """Return the outcome of a post whose parts are all public."""
    return Published(parts[0], permalink_of(parts[0].removeprefix(REPOST), account), tuple(parts))


def about(payload: Payload, number: int, parts: Sequence[str], account: Account) -> str | None:
    """Return the post that a part answers or quotes, if any."""
    if number:
        return parts[number - 1]
    return post_meant(payload.refers_to, account) if payload.kind in {Kind.REPLY, Kind.QUOTE} else None


def _part(
    payload: Payload,
    number: int,
    parts: Sequence[str],
    listed: Sequence[Mapping[str, Any]],
    polls: Mapping[str, Sequence[str]],
    account: Account,
    attempt: Attempt,
) -> str | None:
    made = attempt.resume.get("media", {}).get(str(number), ())
    if len(made) < len(payload.pieces[number].media):
        return None  # it was never posted: not all of its uploads were made
    keys, subject = [one["key"] for one in made], about(payload, number, parts, account)
    ours = [post for post in listed if post["id"] not in attempt.others and post["id"] not in parts]
    same = [post for post in ours if looks_like(post, polls, payload, number, keys, subject)]
    if len(same) > 1:
        raise Uncertain(f"x: {len(same)} posts fit part {number + 1}; a person must say which is ours")
    return str(same[0]["id"]) if same else None


async def _listed(
    attempt: Attempt, account: Account, http: Http
) -> tuple[list[Mapping[str, Any]], dict[str, Sequence[str]]]:
    """Return the account's posts since the attempt began, newest first, and the answers of their polls."""
    params = {
        "start_time": moment(attempt.created_at - CLOCKS),
        "post.fields": "created_at,text,entities,attachments,note_post",
        "expansions": "referenced_posts,attachments.poll_ids,attachments.media_keys",
        "poll.fields": "options",
    }
    listed: list[Mapping[str, Any]] = []
    polls: dict[str, Sequence[str]] = {}
    async for page in pages(f"/2/users/{await own_id(account, http)}/tweets", "own_posts", params, account, http):
        listed += page.get("data") or ()
        for poll in included(page, "polls"):
            options = sorted(poll.get("options") or (), key=lambda option: option["position"])
            polls[str(poll["id"])] = [str(option["label"]) for option in options]
    return listed, polls
