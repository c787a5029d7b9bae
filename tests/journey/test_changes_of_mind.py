"""Cancels and edits race against publishing: what is cancelled is never public, what is public is what it says."""

import asyncio
import random
from typing import Any

import httpx
import pytest

from tests.journey.stage import PATIENCE, Stage, asking, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

POSTS = 48
TOGETHER = 6
SEED = 20251001
LONGEST = 0.4
FINAL = {"published", "cancelled", "failed", "expired"}


async def change(stage: Stage, post: str, method: str, path: str, body: dict[str, Any]) -> int:
    """Change a post as it is now; return the answer's status."""
    url = f"{stage.stack.urls['ingest-api']}/v1/posts/{post}"
    token = {"Authorization": f"Bearer {stage.token}"}
    tag = (await stage.http.get(url, headers=token)).headers["ETag"]
    answer = await stage.http.request(method, url + path, headers={**token, "If-Match": tag}, json=body)
    assert answer.status_code in {httpx.codes.ACCEPTED, httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED}
    return answer.status_code


async def race(stage: Stage, number: int, chance: random.Random) -> str:
    """Ask, and change one's mind some moments later; return the post."""
    name = f"c{number:03}"
    texts = [f"{name}: part {part}" for part in (1, 2, 3)] if number % 3 == 0 else [f"{name}: as asked"]
    (post,) = await stage.ask(asking(*texts, channels=[("wikipedia/bluesky", "foundation/mastodon")[number % 2]]))
    await asyncio.sleep(chance.random() * LONGEST)
    if number % 2 or chance.random() < 0.5:
        await change(stage, post, "PATCH", "", {"content": {"text": f"{name}: edited"}, "timing": {}})
        await asyncio.sleep(chance.random() * LONGEST / 4)
    await change(stage, post, "POST", "/cancel", {"reason": "on second thought"})
    return post


async def final(stage: Stage, post: str) -> dict[str, Any]:
    """Return a post when nothing more will happen to it."""
    seen: dict[str, Any] = {}

    async def is_final() -> bool:
        seen.update((await stage.get(f"/v1/posts/{post}")).json())
        return seen["state"] in FINAL

    assert await until(is_final, PATIENCE), f"{seen}\n{await stage.where()}"
    return seen


async def test_what_is_cancelled_is_never_public(stage: Stage) -> None:
    chance = random.Random(SEED)
    posts: list[str] = []
    for number in range(0, POSTS, TOGETHER):
        posts += await asyncio.gather(*(race(stage, n, chance) for n in range(number, number + TOGETHER)))
    ends = [await final(stage, post) for post in posts]

    async def quiet() -> bool:
        return not await stage.outboxes() and not await stage.queues()

    assert await until(quiet), await stage.where()
    shown = sorted(post["text"] for post in await stage.ledger())
    promised = sorted(piece["text"] for end in ends if end["state"] == "published" for piece in in_force(end)["pieces"])
    assert shown == promised
    assert {end["state"] for end in ends} <= {"published", "cancelled"}


def in_force(end: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of the revision that ingest says was published."""
    revision = end["published"]["revision"]
    if revision == end["revision"]:
        return dict(end["payload"])
    edits = [line["data"] for line in end["history"] if line["type"] == "post.revised"]
    return next(dict(edit["before"]["payload"]) for edit in edits if edit["before"]["revision"] == revision)
