"""What a rehearsal shows: the posts' way while they go, then the ledger, the refusals and the first numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from deploy.local.rehearsal import Ringing

COLOURS = {"published": "green", "refused": "yellow", "in_review": "yellow", "rejected": "yellow", "cancelled": "cyan"}
STEPS = {
    "post.requested": "requested",
    "post.approved": "approved",
    "post.scheduled": "scheduled",
    "post.published": "published",
    "post.refused": "refused",
    "post.review_requested": "to a person",
    "post.change_settled": "changed",
    "post.measured": "measured",
}

Shown = Sequence[Mapping[str, Any]]


async def ledger(sandbox: str) -> Shown:
    """Return every post that the sandbox shows, as it keeps them."""
    async with httpx.AsyncClient(timeout=30) as http:
        posts: Shown = (await http.get(f"{sandbox}/_ledger")).raise_for_status().json()["posts"]
        return posts


def table(posts: Sequence[Ringing]) -> Table:
    """Return every post's way so far."""
    drawn = Table("sample", "channel", "way", "state", box=None, pad_edge=False)
    for post in posts:
        colour = COLOURS.get(post.state, "white" if not post.settled else "red")
        mark = "" if not post.settled else " ✓" if post.right else f" ✗ (must be {post.expected})"
        drawn.add_row(post.sample, post.channel, _way(post), f"[{colour}]{post.state}[/]{mark}")
    return drawn


def _way(post: Ringing) -> str:
    steps = [STEPS[line["type"]] for line in post.history if line["type"] in STEPS]
    return " → ".join(dict.fromkeys(steps))


def told(posts: Sequence[Ringing], shown: Shown) -> list[RenderableType]:
    """Return the ledger, what did not go out and why, and the first measurements."""
    return ["", _ledger_table(shown), "", _refusals(posts), "", _numbers(posts), ""]


def _ledger_table(shown: Shown) -> Table:
    drawn = Table("platform", "account", "what the platform shows", "media", title="The ledger", title_justify="left")
    for post in shown:
        alts = "; ".join(str(medium.get("alt") or "") for medium in post.get("media", []))
        text = " ⏎ ".join(str(post.get("text", "")).splitlines())
        drawn.add_row(str(post["platform"]), str(post["account"]), escape(text), escape(alts))
    return drawn


def _refusals(posts: Sequence[Ringing]) -> Table:
    drawn = Table("sample", "channel", "state", "why", title="What did not go out, and why", title_justify="left")
    for post in posts:
        if post.state not in ("published", "cancelled"):
            drawn.add_row(post.sample, post.channel, post.state, escape(post.why))
    return drawn


def _numbers(posts: Sequence[Ringing]) -> Table:
    drawn = Table("sample", "channel", "figures", "permalink", title="First measurements", title_justify="left")
    for post in posts:
        if post.state == "published":
            figures = ", ".join(f"{name} {value}" for name, value in sorted(post.numbers.items()))
            drawn.add_row(post.sample, post.channel, figures or "none yet", post.permalink or "")
    return drawn


def agrees(posts: Sequence[Ringing], shown: Shown) -> list[str]:
    """Return where the posts did not end as they must, or where the ledger tells otherwise; empty when all is well."""
    wrong = [
        f"{post.sample} on {post.channel} is {post.state}, not {post.expected}" for post in posts if not post.right
    ]
    openings = Counter(str(post["platform"]) for post in shown if not post.get("reply_to"))
    ours = Counter(post.channel.partition("/")[2] for post in posts if post.state == "published")
    return wrong + [
        f"{platform} shows {openings[platform]} posts, and {ours[platform]} were published"
        for platform in sorted(openings | ours)
        if openings[platform] != ours[platform]
    ]
