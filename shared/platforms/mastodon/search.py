"""Finding on Mastodon what an earlier try may have posted: by reply, quote, media, warning, poll and source text."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed, NotFound, Pending, Published
from shared.adapter.errors import Uncertain
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.mastodon.connect import call, own_account
from shared.platforms.mastodon.status import about, looks_like
from shared.platforms.mastodon.subject import subject_of

CLOCKS = timedelta(minutes=5)
"""By how much our clock and the instance's may differ."""
PAGE = 40
MOST_PAGES = 25
"""A thousand statuses; more since the attempt is for a person to look through."""


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look for the missing parts among the account's statuses since the attempt began, in order.

    A boost is known by what it boosts, of which an account has one boost only.
    Raises Uncertain where two statuses fit one part, or there are too many to look through.
    """
    subject = await subject_of(payload, account, attempt.resume, http)
    listed = await _listed(attempt.created_at - CLOCKS, account, http, boosts=payload.kind is Kind.REPOST)
    if payload.kind is Kind.REPOST:
        return _boost(subject, listed, attempt)
    parts: list[dict[str, str]] = list(attempt.resume.get("parts", []))
    for number in range(len(parts), len(payload.pieces)):
        part = await _part(payload, number, subject, parts, listed, account, attempt, http)
        if part is None:
            break
        parts.append(part)
    if len(parts) == len(payload.pieces):
        return Published(parts[0]["id"], parts[0]["url"], tuple(part["id"] for part in parts))
    return Pending({**attempt.resume, "parts": parts}, 0) if parts else NotFound()


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the account's statuses since then, boosts too."""
    statuses = await _listed(since, account, http, boosts=True)
    return [Listed(str(one["id"]), datetime.fromisoformat(one["created_at"])) for one in statuses]


async def _part(
    payload: Payload,
    number: int,
    subject: str | None,
    parts: Sequence[Mapping[str, str]],
    listed: Sequence[Mapping[str, Any]],
    account: Account,
    attempt: Attempt,
    http: Http,
) -> dict[str, str] | None:
    made = attempt.resume.get("media", {}).get(str(number), ())
    if len(made) < len(payload.pieces[number].media):
        return None  # it was never posted: not all of its uploads were made
    ids, (reply_to, quoted) = [one["id"] for one in made], about(payload, number, subject, parts)
    ours = [status for status in listed if status["id"] not in attempt.others]
    fitting = [status for status in ours if looks_like(status, payload, number, ids, reply_to, quoted)]
    same = [status for status in fitting if await _says(status["id"], payload.pieces[number].text, account, http)]
    if len(same) > 1:
        raise Uncertain(f"mastodon: {len(same)} statuses fit part {number + 1}; a person must say which is ours")
    return {"id": str(same[0]["id"]), "url": str(same[0].get("url") or "")} if same else None


def _boost(subject: str | None, listed: Sequence[Mapping[str, Any]], attempt: Attempt) -> Published | NotFound:
    for status in listed:
        if (status.get("reblog") or {}).get("id") == subject and status["id"] not in attempt.others:
            return Published(str(status["id"]), status.get("url") or None, (str(status["id"]),))
    return NotFound()


async def _says(status_id: str, text: str, account: Account, http: Http) -> bool:
    path = f"/api/v1/statuses/{status_id}/source"
    answer = await call(account, http, "GET", path, operation="source", expected=(200, 404))
    return answer.status == 200 and str(answer.json["text"]).strip() == text.strip()


async def _listed(since: datetime, account: Account, http: Http, *, boosts: bool) -> list[Mapping[str, Any]]:
    """Return the account's own statuses from `since` on, newest first."""
    path = f"/api/v1/accounts/{(await own_account(account, http))['id']}/statuses"
    listed: list[Mapping[str, Any]] = []
    params: dict[str, Any] = {"limit": PAGE, "exclude_reblogs": "false" if boosts else "true"}
    for _ in range(MOST_PAGES):
        page = (await call(account, http, "GET", path, operation="account_statuses", params=params)).json
        recent = [status for status in page if datetime.fromisoformat(status["created_at"]) >= since]
        listed += recent
        if not page or len(recent) < len(page):
            return listed
        params["max_id"] = page[-1]["id"]
    raise Uncertain(f"mastodon: more than {len(listed)} statuses since the attempt; a person must look")
