"""An instance takes longer texts, then shorter ones: the door learns it from the instance, without a restart."""

from typing import Any
from uuid import uuid4

import pytest

from tests.journey.stage import Stage, until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

CHANNEL = "foundation/mastodon"


def body(length: int) -> dict[str, Any]:
    words = uuid4().hex
    return {"content": {"text": words + "é" * (length - len(words))}, "channels": [{"channel": CHANNEL}]}


async def refused(stage: Stage, length: int) -> list[tuple[int, int]]:
    """Return limit and count of what the door says against a text of this length."""
    url = f"{stage.stack.urls['ingest-api']}/v1/previews"
    answer = await stage.http.post(url, json=body(length), headers={"Authorization": f"Bearer {stage.token}"})
    return [(wrong["limit"], wrong["count"]) for wrong in answer.json().get("errors", [])]


async def read_anew(stage: Stage) -> None:
    """Let the time come at which the worker reads the limits again."""
    await stage.rows("publisher", "UPDATE channel_limits SET due_at = now() WHERE channel = $1", CHANNEL)


async def holds(stage: Stage, most: int) -> bool:
    return not await refused(stage, most) and await refused(stage, most + 1) == [(most, most + 1)]


async def test_the_door_follows_what_the_instance_says(stage: Stage) -> None:
    assert await until(lambda: stage.rows("publisher", "SELECT FROM channel_limits WHERE channel = $1", CHANNEL))
    assert await holds(stage, 500)
    await stage.sandbox("PUT", "/_limits", json={"mastodon_characters": 700})
    try:
        await read_anew(stage)
        assert await until(lambda: holds(stage, 700)), await stage.where()
        await stage.ask(body(700))
        await stage.arrived()
    finally:
        await stage.sandbox("PUT", "/_limits", json={"mastodon_characters": 500})
    # The instance takes less, and nobody has asked it since: the door lets pass what the instance will refuse.
    [late] = await stage.ask(body(700))
    assert await until(lambda: _failed(stage, late)), await stage.where()
    await read_anew(stage)
    assert await until(lambda: holds(stage, 500))


async def _failed(stage: Stage, post: str) -> bool:
    return await stage.state(post) == "failed"
