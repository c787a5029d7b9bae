"""What people say to the account: replies below its posts, and mentions. Quotes are listed nowhere."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from shared.adapter.contract import Account, Heard, Http
from shared.platforms.threads.body import node_of
from shared.platforms.threads.connect import me
from shared.platforms.threads.listed import listing

ANSWERED = timedelta(days=30)
"""How old a post may be for replies below it to be looked for: ours, for each costs a call."""
FIELDS = "id,text,username,timestamp,permalink,replied_to,is_reply_owned_by_me,is_quote_post,quoted_post"


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the replies and mentions since then, oldest first."""
    if since >= datetime.now(UTC):
        return []  # the API refuses a time that is still to come
    found: dict[str, Heard] = {}
    posts = listing(account, http, f"{me(account)}/threads", fields="id,has_replies", since=_time(since - ANSWERED))
    async for post in posts:
        if not post.get("has_replies"):
            continue
        path = f"/{post['id']}/conversation"
        async for reply in listing(account, http, path, fields=FIELDS):
            if not reply.get("is_reply_owned_by_me") and _at(reply) >= since:
                found[str(reply["id"])] = _heard(reply, "reply", node_of(reply.get("replied_to")))
    async for mention in listing(account, http, f"{me(account)}/mentions", fields=FIELDS, since=_time(since)):
        if str(mention["id"]) not in found and _at(mention) >= since:
            quoted = node_of(mention.get("quoted_post"))
            found[str(mention["id"])] = _heard(mention, "quote" if mention.get("is_quote_post") else "mention", quoted)
    return sorted(found.values(), key=lambda one: one.at)


def _heard(post: Mapping[str, Any], kind: Literal["reply", "mention", "quote"], to: str | None) -> Heard:
    author = str(post.get("username") or "")
    return Heard(str(post["id"]), kind, str(post.get("text") or ""), author, _at(post), post.get("permalink"), to)


def _at(post: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(post["timestamp"])


def _time(moment: datetime) -> int:
    return int(moment.timestamp())
