"""Finding on Instagram what became of a call that published, or not: its container knows, and the list knows which.

PUBLISHED is public for certain (ig-container says to ask for it when no id came back). Nothing leads from a container
to its medium, so that is looked for in the account's own list: made since the call, with the same caption, of the same
product, and no other post of ours. FINISHED soon after the call proves nothing; after some minutes, with nothing in the
list, it does.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, NotFound, Pending, Published
from shared.adapter.errors import Uncertain
from shared.payload import Payload
from shared.platforms.instagram.connect import call, own
from shared.platforms.instagram.container import Code, product_of, status_of

CLOCKS = timedelta(seconds=60)
"""By how much our clock and Instagram's may differ."""
SETTLED = timedelta(minutes=10)
"""Ours: how long after the call a container that is not published, will not be by it."""
PAGE = 50
MOST_PAGES = 20
"""A thousand posts; more since the call is for a person to look through."""
_FIELDS = "id,caption,timestamp,media_product_type,permalink"


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look whether the container was published, and which medium it became.

    Raises Uncertain where it was and no single medium fits, or where it is too early to say that it was not.
    """
    state = attempt.resume
    if state.get("parts"):
        return Pending(state, 0)  # it is public for certain, and its comment is not settled
    if "sent" not in state:
        return NotFound()  # it is written down before every call that publishes
    code, found = await seen(payload, account, attempt, http)
    if found:
        return Published(found["id"], found.get("permalink"), (found["id"],))
    early = datetime.now(UTC) - datetime.fromisoformat(state["sent"]) < SETTLED
    if code in {Code.ERROR, Code.EXPIRED} or (code is Code.FINISHED and not early):
        return NotFound()
    raise Uncertain(f"instagram: the container is {code}, and nothing is listed that it could have become")


async def seen(
    payload: Payload, account: Account, attempt: Attempt, http: Http
) -> tuple[Code, Mapping[str, Any] | None]:
    """Return how far the container is, and the one medium that it may have become.

    Raises Uncertain where several may be it, or it is published and none is listed.
    """
    status = await status_of(attempt.resume["container"], account, http)
    since = datetime.fromisoformat(attempt.resume["sent"]) - CLOCKS
    listed = await _listed(product_of(payload), since, account, http)
    fitting = [one for one in listed if one["id"] not in attempt.others and _fits(one, payload)]
    if len(fitting) > 1:
        raise Uncertain(f"instagram: {len(fitting)} media fit the post; a person must say which is ours")
    if status.code is Code.PUBLISHED and not fitting:
        raise Uncertain("instagram: the post is public, and which medium it is cannot be seen yet")
    return status.code, fitting[0] if fitting else None


def _fits(medium: Mapping[str, Any], payload: Payload) -> bool:
    """Say whether a listed medium may be the post; what is read of a story has no caption."""
    product = product_of(payload)
    if medium.get("media_product_type") != product:
        return False
    return product == "STORY" or _plain(medium.get("caption") or "") == _plain(payload.pieces[0].text)


def _plain(caption: str) -> str:
    """Return a caption as it compares: ig-media says that what is read may lack the @ of mentions."""
    return caption.replace("@", "").strip()


async def _listed(product: str, since: datetime, account: Account, http: Http) -> list[Mapping[str, Any]]:
    """Return the account's media since then, newest first; stories are in a list of their own."""
    edge = "stories" if product == "STORY" else "media"
    params: dict[str, Any] = {"fields": _FIELDS, "limit": PAGE}
    if edge == "media":
        params["since"] = int(since.timestamp())
    listed: list[Mapping[str, Any]] = []
    for _ in range(MOST_PAGES):
        told = (await call(account, http, "GET", f"{own(account)}/{edge}", operation=edge, params=params)).json
        page = told.get("data") or []
        recent = [one for one in page if datetime.fromisoformat(one["timestamp"]) >= since]
        listed += recent
        after = ((told.get("paging") or {}).get("cursors") or {}).get("after")
        if len(recent) < len(page) or not page or not after:
            return listed
        params["after"] = after
    raise Uncertain(f"instagram: more than {len(listed)} media since the call; a person must look")
