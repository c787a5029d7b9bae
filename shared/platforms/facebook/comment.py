"""The first comment, below a post that is public already: whatever becomes of it, no second post is made.

Source: facebook-business-sdk-codegen, api_specs/specs/PagePost.json (comments).
"""

from shared.adapter.contract import Account, Http, Pending
from shared.adapter.errors import PlatformError, TryLater, Uncertain
from shared.platforms.facebook.connect import call_unless_gone, page_of
from shared.platforms.facebook.work import Work

ASKED, MADE = "asked", "made"
TRIES = 3
"""So often it is tried, or looked for, before a person is told."""
WAIT = 30.0
"""Seconds until the next look, where Facebook does not say."""


async def comment(work: Work) -> Pending | str | None:
    """Say it; None when it is there, Pending to come back to it, or why it is not, or perhaps not, there."""
    if not work.payload.first_comment or work.done.get("comment") == MADE:
        return None
    try:
        if work.done.get("comment") == ASKED:
            await _look(work)
        else:
            await _say(work)
    except (TryLater, Uncertain) as error:
        work.done["comments"] = int(work.done.get("comments", 0)) + 1
        if work.done["comments"] < TRIES and "parts" in work.done:
            return Pending(work.done, getattr(error, "after", None) or WAIT)
        return error.reason
    except PlatformError as error:
        return error.reason
    work.done["comment"] = MADE
    return None


async def _say(work: Work) -> None:
    """Make the comment, and look for it at once where the answer is lost."""
    await work.keep(comment=ASKED)
    path = f"/{work.done['parts'][0]['id']}/comments"
    said = {"message": work.payload.first_comment}
    try:
        await work.call("POST", path, operation="comment", mutates=True, json=said)
    except TryLater:
        del work.done["comment"]
        raise
    except Uncertain:
        await _look(work)


async def _look(work: Work) -> None:
    """Raise Uncertain unless the comment is there."""
    post_id, text = work.done["parts"][0]["id"], work.payload.first_comment or ""
    if not await has_comment(post_id, text, work.account, work.http):
        raise Uncertain("facebook: the first comment was asked for, and is not to be seen below the post")


async def has_comment(post_id: str, text: str, account: Account, http: Http) -> bool:
    """Say whether the Page has said this below the post."""
    params = {"fields": "id,message,from", "filter": "stream", "order": "reverse_chronological", "limit": 100}
    answer = await call_unless_gone(account, http, "GET", f"/{post_id}/comments", operation="comments", params=params)
    return answer is not None and any(
        str(one.get("message", "")).strip() == text.strip() and (one.get("from") or {}).get("id") == page_of(account)
        for one in answer.json["data"]
    )
