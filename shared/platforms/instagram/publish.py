"""Publishing on Instagram: a container for each medium, a look until it is ready, then the one call that publishes.

Containers are public to nobody, so those calls may be repeated. Whether a container can be published twice is not
documented: `resume["sent"]` is written down before that call, and no container that says it is public is sent again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, Pending, Progress, Published
from shared.adapter.errors import PlatformError, Rejected, Uncertain
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.instagram.comment import comment
from shared.platforms.instagram.connect import call, own
from shared.platforms.instagram.prepare import prepared
from shared.platforms.instagram.search import find as find
from shared.platforms.instagram.search import recent as recent


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Prepare what is missing, publish, and say the first comment, going on from `attempt.resume`."""
    _check(payload)
    state: dict[str, Any] = dict(attempt.resume)
    if not state.get("parts"):
        ready = await prepared(payload, state, account, http, media, progress)
        if isinstance(ready, Pending):
            return ready
        state = await _made_public(ready, account, http, progress)
    return await _commented(payload, state, account, http, progress)


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Say that only a person can: deleting needs Facebook Login (ig-media)."""
    raise Rejected("instagram deletes nothing over this API; delete the post by hand, in the app or at instagram.com")


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Say that only a person can: the API changes no caption (ig-media)."""
    raise Rejected("instagram changes no caption over this API; edit it by hand, in the app or at instagram.com")


def _check(payload: Payload) -> None:
    """Refuse what has no form here, before anything is made."""
    if len(payload.pieces) != 1 or not payload.pieces[0].media:
        raise Rejected("instagram takes single posts with a picture or a video; add one")
    several = len(payload.pieces[0].media) > 1
    if payload.kind is Kind.CAROUSEL and not several:
        raise Rejected("instagram: a carousel has two media at the least; add one, or send it as a picture or a video")
    if payload.kind in {Kind.STORY, Kind.REEL} and several:
        raise Rejected(f"instagram: a {payload.kind} has one medium; drop the others")
    if payload.kind is Kind.STORY and payload.pieces[0].text:
        raise Rejected("instagram: a story shows no text; leave it out, or make it another kind")
    if payload.kind is Kind.STORY and payload.first_comment:
        raise Rejected("instagram: nothing can be said below a story; leave the first comment out")


async def _made_public(state: dict[str, Any], account: Account, http: Http, progress: Progress) -> dict[str, Any]:
    """Publish the container; a refusal proves that it is not public, and is written down as that."""
    await progress({**state, "sent": datetime.now(UTC).isoformat()})
    path, body = f"{own(account)}/media_publish", {"creation_id": state["container"]}
    try:
        told = (await call(account, http, "POST", path, operation="publish", mutates=True, json=body)).json
    except Uncertain:
        raise
    except PlatformError:
        await progress(state)
        raise
    if not told or not told.get("id"):
        raise Uncertain("instagram publish: an answer without an id")
    return {**state, "parts": [{"id": str(told["id"])}]}


async def _commented(
    payload: Payload, state: dict[str, Any], account: Account, http: Http, progress: Progress
) -> Published | Pending:
    unsaid = None
    if payload.first_comment:
        outcome = await comment(payload.first_comment, state, account, http, progress)
        if isinstance(outcome, Pending):
            return outcome
        unsaid = outcome
    (part,) = state["parts"]
    permalink = await _permalink(part["id"], account, http)
    return Published(part["id"], permalink, (part["id"],), unsaid)


async def _permalink(medium: str, account: Account, http: Http) -> str | None:
    """Return where the post is; it is public with or without the answer, which sometimes denies a new medium."""
    try:
        told = (await call(account, http, "GET", medium, operation="permalink", params={"fields": "permalink"})).json
    except PlatformError:
        return None
    return (told or {}).get("permalink")
