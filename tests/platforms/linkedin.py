"""What LinkedIn's tests share: raw calls with the account's token, and what the sandbox wrote down of ours."""

from typing import Any

from shared.platforms.linkedin.connect import call, encoded
from tests.platforms.conftest import Stage


def requests(stage: Stage, method: str, path: str) -> list[dict[str, Any]]:
    """Return the calls to paths that begin so, oldest first."""
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "linkedin"}).raise_for_status()
    found: list[dict[str, Any]] = told.json()["requests"]
    return [one for one in found if one["method"] == method and one["path"].startswith(path)]


async def told(stage: Stage, urn: str) -> dict[str, Any]:
    """Return a post as LinkedIn tells it."""
    return dict((await call(stage.account, stage.http, "GET", f"/posts/{encoded(urn)}", operation="read")).json)


def all_said(stage: Stage) -> list[dict[str, Any]]:
    """Return what readers see, the account's own comments with it."""
    return stage.sandbox.posts("linkedin", stage.account.handle.removeprefix("@"))
