"""Measuring on X: figures in batches of a hundred, and what others say in the timeline of mentions.

Clicks and the unpaid share are told for 30 days only, to the account itself: younger posts are asked for with them.
A repost has no figures of its own. A quote that does not mention the account is not read: X tells those post by post.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from shared.adapter.contract import Account, Heard, Http, Measured, People
from shared.platforms.x.connect import own_id, own_user
from shared.platforms.x.post import REPOST, permalink_of, references
from shared.platforms.x.reading import included, moment, pages, read
from shared.platforms.x.spec import SPEC

BATCH = 100
PRIVATE = timedelta(days=29)
"""Metrics: private figures of posts of the last 30 days; a day less, for the clocks."""
_EPOCH = 1_288_834_974_657
"""Milliseconds since 1970 at which X's ids begin to count."""
_FORMS: Mapping[str, Literal["reply", "quote"]] = {"replied_to": "reply", "quoted": "quote"}


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that X knows, in the order asked."""
    posts = [one for one in external_ids if not one.startswith(REPOST)]
    young = datetime.now(UTC) - PRIVATE
    told: dict[str, Mapping[str, Any]] = {}
    for fields, some in (
        ("public_metrics,non_public_metrics,organic_metrics", [one for one in posts if _made(one) >= young]),
        ("public_metrics", [one for one in posts if _made(one) < young]),
    ):
        for batch in _batches(some):
            params = {"ids": ",".join(batch), "post.fields": fields}
            page = await read("/2/tweets", "posts", params, account, http)
            told |= {str(post["id"]): post for post in page.get("data") or ()}
    return [_measured(one, told[one]) for one in posts if one in told]


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the account now."""
    return int((await own_user(account, http))["public_metrics"]["followers_count"])


async def people(account: Account, http: Http) -> People:
    """Return nothing: X does not say who follows."""
    return People()


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the replies, mentions and quotes that name the account since then, oldest first."""
    if since >= datetime.now(UTC):
        return []  # X refuses a moment that has not come
    params = {
        "start_time": moment(since),
        "post.fields": "created_at,text,entities,note_post",
        "expansions": "author_id,referenced_posts",
        "user.fields": "username",
    }
    own, found = await own_id(account, http), []
    async for page in pages(f"/2/users/{own}/mentions", "mentions", params, account, http):
        names = {str(user["id"]): str(user["username"]) for user in included(page, "users")}
        ours = {str(post["id"]) for post in included(page, "posts", "tweets") if str(post.get("author_id")) == own}
        found += [_heard(post, names, ours, account) for post in page.get("data") or ()]
    return found[::-1]


def _heard(post: Mapping[str, Any], names: Mapping[str, str], ours: set[str], account: Account) -> Heard:
    about = {_FORMS[form]: to for form, to in references(post).items() if form in _FORMS and to in ours}
    form, to = next(iter(about.items()), ("mention", None))
    author = str(post.get("author_id", ""))
    return Heard(
        id=str(post["id"]),
        kind=form,  # type: ignore[arg-type]
        text=str(post["text"]),
        author=names.get(author, author),
        at=datetime.fromisoformat(post["created_at"]),
        permalink=permalink_of(str(post["id"]), account),
        to=to,
    )


def _measured(external_id: str, post: Mapping[str, Any]) -> Measured:
    return Measured(
        external_id,
        {**_ours(post.get("non_public_metrics")), **_ours(post.get("public_metrics"))},
        organic=_ours(post.get("organic_metrics")),
    )


def _ours(told: Mapping[str, Any] | None) -> dict[str, int]:
    return {ours: told[theirs] for theirs, ours in SPEC.metrics.items() if told and isinstance(told.get(theirs), int)}


def _made(post_id: str) -> datetime:
    """Return when a post was made: X's ids begin with the time (X IDs)."""
    number = int(post_id) if post_id.isdecimal() else 0
    return datetime.fromtimestamp(((number >> 22) + _EPOCH) / 1000, UTC)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
