"""Measuring on LinkedIn: a page's own figures, which are organic only, and what people say below its posts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Heard, Http, Measured, People
from shared.platforms.linkedin.comment import comments_of
from shared.platforms.linkedin.connect import call, encoded, organization
from shared.platforms.linkedin.search import page_of
from shared.platforms.linkedin.share import permalink_of
from shared.platforms.linkedin.spec import SPEC

MOST = 20
"""Posts in one call; ours, for an address has its length and the page names no number."""
LISTENED = 25
"""How many of the newest posts are asked for comments, a call each."""
PAGE, MOST_PAGES = 100, 5
"""Comments in one call, and how many calls a post gets."""


async def measure(external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
    """Return the figures of those posts that are there.

    LinkedIn leaves out who had no reader yet: such a post, if it is there, has all of its figures still to come.
    """
    found: list[Measured] = []
    for start in range(0, len(external_ids), MOST):
        some = external_ids[start : start + MOST]
        told = await _statistics(some, account, http)
        quiet = [urn for urn in some if urn not in told]
        there = await _existing(quiet, account, http) if quiet else set()
        for urn in some:
            if urn in told:
                found.append(Measured(urn, told[urn], told[urn]))
            elif urn in there:
                found.append(Measured(urn, {}, awaited=frozenset(SPEC.metrics.values())))
    return found


async def followers(account: Account, http: Http) -> int:
    """Return how many follow the page now."""
    path = f"/networkSizes/{encoded(organization(account))}?edgeType=COMPANY_FOLLOWED_BY_MEMBER"
    return int((await call(account, http, "GET", path, operation="network_size")).json["firstDegreeSize"])


async def people(_account: Account, _http: Http) -> People:
    """Return nobody: LinkedIn counts by places of its own (`urn:li:geo`), by no country code and no age.

    Source: follower-statistics.
    """
    return People()


async def heard(since: datetime, account: Account, http: Http) -> Sequence[Heard]:
    """Return the comments below the newest posts since then, oldest first; mentions elsewhere are not read.

    Their authors are ids: LinkedIn tells an application no member's name there.
    """
    said: list[Heard] = []
    for post in await page_of(0, LISTENED, account, http):
        for page in range(MOST_PAGES):
            comments = await comments_of(post["id"], page * PAGE, PAGE, account, http)
            said += [one for one in _heard(comments, post["id"], account) if one.at >= since]
            if len(comments) < PAGE:
                break
    return sorted(said, key=lambda one: one.at)


def _heard(comments: Sequence[Mapping[str, Any]], post: str, account: Account) -> Iterator[Heard]:
    for one in comments:
        actor = str(one.get("actor", ""))
        if actor != organization(account):
            yield Heard(
                id=str(one.get("commentUrn") or one.get("$URN") or f"urn:li:comment:({post},{one.get('id')})"),
                kind="reply",
                text=str((one.get("message") or {}).get("text") or ""),
                author=actor.rpartition(":")[2],
                at=datetime.fromtimestamp(one["created"]["time"] / 1000, UTC),
                permalink=permalink_of(post),
                to=post,
            )


async def _statistics(urns: Sequence[str], account: Account, http: Http) -> dict[str, dict[str, int]]:
    """Return the figures that LinkedIn tells, by post; shares and ugcPosts are asked for apart."""
    found: dict[str, dict[str, int]] = {}
    for name, kind, key in (("shares", "urn:li:share:", "share"), ("ugcPosts", "urn:li:ugcPost:", "ugcPost")):
        if some := [urn for urn in urns if urn.startswith(kind)]:
            asked = f"q=organizationalEntity&organizationalEntity={encoded(organization(account))}"
            path = f"/organizationalEntityShareStatistics?{asked}&{name}={_listed(some)}"
            told = (await call(account, http, "GET", path, operation="share_statistics")).json or {}
            found |= {str(one.get(key)): _values(one.get("totalShareStatistics") or {}) for one in told["elements"]}
    return found


async def _existing(urns: Sequence[str], account: Account, http: Http) -> set[str]:
    path, headers = f"/posts?ids={_listed(urns)}", {"X-RestLi-Method": "BATCH_GET"}
    told = (await call(account, http, "GET", path, operation="posts_batch", headers=headers)).json or {}
    return set(told.get("results") or {})


def _values(told: Mapping[str, Any]) -> dict[str, int]:
    return {ours: told[theirs] for theirs, ours in SPEC.metrics.items() if isinstance(told.get(theirs), int)}


def _listed(urns: Sequence[str]) -> str:
    """Return a list as Rest.li 2.0 writes it: its brackets and commas stay as they are, the URNs are encoded."""
    return f"List({','.join(map(encoded, urns))})"
