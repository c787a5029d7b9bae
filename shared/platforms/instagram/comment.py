"""The account's own first comment: made once the post is public, and never worth a second post.

What became of it is in `resume["comment"]`: how often it was tried, and since when it may be there. One that may be
there is looked for and not made again; one that stays unclear leaves the post published, and says so.
"""

from collections.abc import Mapping
from typing import Any

from shared.adapter.contract import Account, Http, Pending, Progress
from shared.adapter.errors import PlatformError, TryLater, Uncertain
from shared.platforms.instagram.connect import call

AGAIN = 30.0
"""Seconds until the next try, or look."""
MOST = 3
"""How often it is tried, and how often looked for."""


async def comment(
    words: str, state: Mapping[str, Any], account: Account, http: Http, progress: Progress
) -> Pending | str | None:
    """Say the words below the post `state["parts"]`; return what to go on with, or why they stay unsaid."""
    done = dict(state.get("comment") or {})
    if "looks" not in done:
        tries = done.get("tries", 0) + 1
        done = {"tries": tries, "looks": 0}
        await progress({**state, "comment": done})
        try:
            await _say(words, state, account, http)
        except Uncertain:
            pass  # looked for at once, below
        except TryLater as error:
            if tries >= MOST:
                return f"{error.reason}, {tries} times"
            return Pending({**state, "comment": {"tries": tries}}, error.after or AGAIN)
        except PlatformError as error:
            return error.reason
        else:
            return None
    if await _there(words, state, account, http):
        return None
    if done["looks"] + 1 >= MOST:
        return "instagram: the call's answer was lost, and no such comment is to be seen"
    return Pending({**state, "comment": {**done, "looks": done["looks"] + 1}}, AGAIN)


async def _say(words: str, state: Mapping[str, Any], account: Account, http: Http) -> None:
    path = f"{state['parts'][0]['id']}/comments"
    await call(account, http, "POST", path, operation="comment", mutates=True, json={"message": words})


async def _there(words: str, state: Mapping[str, Any], account: Account, http: Http) -> bool:
    """Say whether the comment is below the post; what cannot be read now is not seen now."""
    path = f"{state['parts'][0]['id']}/comments"
    params = {"fields": "id,text,username", "limit": 50}
    try:
        told = (await call(account, http, "GET", path, operation="comments", params=params)).json
    except PlatformError:
        return False
    handle = account.handle.removeprefix("@")
    return any(one.get("username") == handle and _same(one.get("text"), words) for one in told.get("data") or [])


def _same(read: Any, words: str) -> bool:
    return str(read or "").replace("@", "").strip() == words.replace("@", "").strip()
