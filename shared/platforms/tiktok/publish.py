"""Publishing on TikTok: ask what the account allows, hand the post over, then ask until it is public.

What is kept in between: `asked`, when the post was begun; `publish_id`, the only handle; `upload` and `sent`
of a video; `handed`, `parts` and `complete` once TikTok has it all, when nothing of ours can keep it from being public.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, NotFound, Pending, Progress, Published
from shared.adapter.errors import Rejected
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.tiktok.creator import check, creator_of
from shared.platforms.tiktok.photos import handed_over, sought
from shared.platforms.tiktok.photos import recent as recent
from shared.platforms.tiktok.status import Failed, Unsent, handed, look
from shared.platforms.tiktok.video import FIRST_LOOK, announced, send

_PHOTOS = frozenset({Kind.IMAGE, Kind.CAROUSEL})


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Hand the post over, or go on from where it is."""
    resume: Mapping[str, Any] = attempt.resume
    if "publish_id" not in resume:
        creator = await creator_of(account, http)
        check(payload, creator)
        resume = {"asked": datetime.now(UTC).isoformat()}
        await progress(resume)
        if payload.kind in _PHOTOS:
            publish_id = await handed_over(payload, creator, account, http, media)
            return Pending(handed({**resume, "publish_id": publish_id}), FIRST_LOOK)
        resume = {**resume, **await announced(payload, creator, account, http)}
        return await send(resume, payload, account, http, media, progress)
    seen = await look(resume, payload, account, http)
    if isinstance(seen, Unsent):
        return await send(resume, payload, account, http, media, progress)
    if isinstance(seen, Failed):
        await progress({})  # nothing of it is public, and another try begins anew
        raise seen.error
    return seen


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look by the publish_id; a photo post without one among the account's posts, a video without one needs no look."""
    if "publish_id" in attempt.resume:
        seen = await look(attempt.resume, payload, account, http)
        return Pending(attempt.resume, 0) if isinstance(seen, Unsent | Failed) else seen
    if "asked" not in attempt.resume:
        return NotFound()
    if payload.kind in _PHOTOS:
        return await sought(payload, account, attempt, http)
    return Pending({}, 0)  # announced at the most, which shows nothing


async def delete(_external_ids: Sequence[str], _account: Account, _http: Http) -> None:
    """Refuse: the API has no way to take a post down."""
    raise Rejected("tiktok: posts can't be taken down over the API; delete it by hand, in the app or in TikTok Studio")


async def edit(_external_id: str, _payload: Payload, _account: Account, _http: Http) -> Published:
    """Refuse: the API has no way to change a post."""
    raise Rejected("tiktok: posts can't be changed over the API; edit the caption by hand, in the app")
