"""Measuring on Facebook: many posts in one call, two questions each; comments below our posts.

Sources, under developers.facebook.com/docs: graph-api/batch-requests, graph-api/reference/page/insights; and
facebook-business-sdk-codegen, api_specs/specs/{PagePost,Page}.json.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.adapter.answers import codes_of, failure_of
from shared.adapter.contract import Account, Heard, Http, Measured, People
from shared.platforms.facebook.batch import MOST, Reply, batch
from shared.platforms.facebook.connect import call, is_gone, page_of
from shared.platforms.facebook.spec import SPEC

INSIGHTS = ("post_media_view", "post_total_media_view_unique", "post_clicks")
COUNTED = ("reactions", "comments")
FIGURES = f"id,shares,{','.join(f'{name}.limit(0).summary(true)' for name in COUNTED)}"
POSTS = 25
"""So many posts a page when their comments are read: Facebook refuses to answer too much at once."""
MOST_PAGES = 4
BAD_PARAMETER = "100"


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that are there, 25 posts a call."""
    found: list[Measured] = []
    for first in range(0, len(external_ids), MOST // 2):
        some = external_ids[first : first + MOST // 2]
        replies = await batch([url for one in some for url in (_figures(one), _insights(one, INSIGHTS))], account, http)
        for external_id, counts, insights in zip(some, replies[::2], replies[1::2], strict=True):
            if not is_gone(counts.json):
                found.append(await _measured(external_id, counts, insights, account, http))
    return found


def _figures(post_id: str) -> str:
    return f"{post_id}?fields={FIGURES}"


def _insights(post_id: str, names: Iterable[str]) -> str:
    return f"{post_id}/insights?metric={','.join(names)}"


async def _measured(post_id: str, counts: Reply, insights: Reply, account: Account, http: Http) -> Measured:
    """Put a post's figures together; a name that Facebook no longer knows costs no more than itself."""
    _expect_answer(counts)
    told = [insights]
    if insights.status == 400 and BAD_PARAMETER in codes_of(insights.json, SPEC.codes):
        one_by_one = await batch([_insights(post_id, [name]) for name in INSIGHTS], account, http)
        told = [reply for reply in one_by_one if reply.status == 200]
    for reply in told:
        _expect_answer(reply)
    named = {one["name"]: one for reply in told for one in reply.json.get("data", ())}
    values = {SPEC.metrics[name]: value for name, one in named.items() if (value := _latest(one)) is not None}
    waiting = {SPEC.metrics[name] for name in INSIGHTS if name not in named} if told == [insights] else set()
    return Measured(post_id, {**_counted(counts.json), **values}, awaited=frozenset(waiting))


def _expect_answer(reply: Reply) -> None:
    if reply.status != 200:
        raise failure_of(SPEC, "batch", reply.status, reply.json, {}, mutates=False)


def _latest(insight: Mapping[str, Any]) -> int | None:
    values = insight.get("values") or [{}]
    value = values[-1].get("value")
    return value if isinstance(value, int) else None


def _counted(told: Mapping[str, Any]) -> dict[str, int]:
    """Return what is counted on the post itself; shares are left out by Facebook until there is one."""
    said = {name: ((told.get(name) or {}).get("summary") or {}).get("total_count") for name in COUNTED}
    said["shares"] = (told.get("shares") or {}).get("count")
    return {SPEC.metrics[name]: value for name, value in said.items() if isinstance(value, int)}


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the Page now."""
    params = {"fields": "followers_count"}
    answer = await call(account, http, "GET", f"/{page_of(account)}", operation="page", params=params)
    return int(answer.json["followers_count"])


async def people(account: Account, http: Http) -> People:
    """Return nothing: the figures by country and age ended with `page_fans` (page/insights)."""
    return People()


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return what others commented since then below the Page's newest 100 posts, oldest first; 100 a post."""
    comments = f"comments.since({int(since.timestamp())}).filter(stream).order(chronological).limit(100)"
    fields = f"id,{comments}{{id,message,from,created_time,permalink_url}}"
    params: dict[str, Any] = {"fields": fields, "limit": POSTS}
    found: list[Heard] = []
    for _ in range(MOST_PAGES):
        path = f"/{page_of(account)}/published_posts"
        told = (await call(account, http, "GET", path, operation="comments", params=params)).json
        for post in told["data"]:
            found += [
                _heard(one, str(post["id"]))
                for one in (post.get("comments") or {}).get("data", ())
                if (one.get("from") or {}).get("id") != page_of(account)
            ]
        paging = told.get("paging") or {}
        if not paging.get("next"):
            break
        params["after"] = paging["cursors"]["after"]
    return sorted((one for one in found if one.at >= since), key=lambda one: one.at)


def _heard(comment: Mapping[str, Any], post_id: str) -> Heard:
    """Read a comment; Facebook tells who said it only to apps that may know."""
    return Heard(
        id=str(comment["id"]),
        kind="reply",
        text=str(comment.get("message") or ""),
        author=str((comment.get("from") or {}).get("name") or ""),
        at=datetime.fromisoformat(comment["created_time"]),
        permalink=comment.get("permalink_url"),
        to=post_id,
    )
