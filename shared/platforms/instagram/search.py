"""Finding on Instagram what became of a call that published, or not: its container knows, and the list knows which.

PUBLISHED is public for certain (ig-container says to ask for it when no id came back). Nothing leads from a container
to its medium, so that is looked for in the account's own list: made since the call, with the same caption, of the same
product, and no other post of ours. FINISHED soon after the call proves nothing; after some minutes, with nothing in the
list, it does. Whatever else they say together is for a later look, and then for a person.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed, NotFound, Pending, Published
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
    """Look whether the container was published, and which medium it became; Pending where its comment is to be made.

    Raises Uncertain where it was and no single medium fits, or where it is too early to say that it was not.
    """
    state = attempt.resume
    if state.get("parts"):
        return Pending(state, 0)  # it is public for certain, and its comment is not settled
    if "sent" not in state:
        return NotFound()  # it is written down before every call that publishes
    status = await status_of(state["container"], account, http)
    since = datetime.fromisoformat(state["sent"])
    listed = await _listed(product_of(payload), since - CLOCKS, account, http)
    fitting = [one for one in listed if one["id"] not in attempt.others and _fits(one, payload)]
    if status.code is Code.PUBLISHED and len(fitting) == 1:
        medium = fitting[0]
        if payload.first_comment:
            return Pending({**state, "parts": [{"id": medium["id"]}]}, 0)
        return Published(medium["id"], medium.get("permalink"), (medium["id"],))
    settled = status.code is Code.FINISHED and datetime.now(UTC) - since >= SETTLED
    if not fitting and (settled or status.code in {Code.ERROR, Code.EXPIRED}):
        return NotFound()
    raise Uncertain(f"instagram: the container is {status.code}, and {len(fitting)} listed media fit the post")


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the account's media since then, stories too."""
    media = [*await _listed("FEED", since, account, http), *await _listed("STORY", since, account, http)]
    found = {str(one["id"]): datetime.fromisoformat(one["timestamp"]) for one in media}
    return [Listed(id_, at) for id_, at in found.items()]


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
