"""Many reads in one call (developers.facebook.com/docs/graph-api/batch-requests)."""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps, loads
from typing import Any

from shared.adapter.contract import Account, Http
from shared.adapter.errors import TryLater
from shared.platforms.facebook.connect import call

MOST = 50


@dataclass(frozen=True, slots=True)
class Reply:
    """What one of the reads answered."""

    status: int
    json: Any


async def batch(addresses: Sequence[str], account: Account, http: Http) -> list[Reply]:
    """Read at the addresses, 50 at the most, and return the replies in that order."""
    asked = [{"method": "GET", "relative_url": address} for address in addresses]
    data = {"batch": dumps(asked), "include_headers": "false"}
    answer = await call(account, http, "POST", "/", operation="batch", data=data)
    return [_reply(one) for one in answer.json]


def _reply(told: Any) -> Reply:
    """Read one reply; null stands for one that was not ready in time."""
    if not isinstance(told, dict):
        raise TryLater("facebook batch: a part was not answered in time")
    try:
        return Reply(int(told["code"]), loads(told["body"]))
    except (KeyError, ValueError, TypeError):
        raise TryLater("facebook batch: a part without a readable answer") from None
