"""Photo posts: TikTok fetches the pictures itself, so the call that names them is the one that publishes.

Its answer names the post's publish_id. Where it is lost, nothing else tells of it: the post is looked for among the
account's own, and where it is not found a person is asked.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed, Media, NotFound, Published
from shared.adapter.errors import Uncertain
from shared.payload import Payload
from shared.platforms.tiktok.calls import call
from shared.platforms.tiktok.creator import PUBLIC, Creator
from shared.platforms.tiktok.status import address_of

CLOCKS = timedelta(minutes=5)
"""By how much our clock and TikTok's may differ."""
SOUGHT = timedelta(hours=1)
"""How long after the call the post may still appear: moderation takes a minute, at times hours
(content-posting-api-reference-get-video-status); a person need not wait for the longest."""
CUT = 150
"""As many characters of a description are listed (tiktok-api-v2-video-object)."""
PAGE = 20
MOST_PAGES = 10
_FIELDS = "id,create_time,share_url,title,video_description"


async def handed_over(payload: Payload, creator: Creator, account: Account, http: Http, media: Media) -> str:
    """Have TikTok fetch the pictures and publish them; return the publish_id."""
    piece = payload.pieces[0]
    about: dict[str, Any] = {
        "description": piece.text,
        "privacy_level": PUBLIC,
        "disable_comment": creator.no_comments,
        "auto_add_music": False,
        "brand_content_toggle": False,
        "brand_organic_toggle": False,
    }
    source = {
        "source": "PULL_FROM_URL",
        "photo_images": [media.address(one.sha256) for one in piece.media],
        "photo_cover_index": 0,
    }
    body = {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": about | ({"title": payload.title} if payload.title else {}),
        "source_info": source,
    }
    path = "/post/publish/content/init/"
    told = await call(account, http, "POST", path, operation="photo_init", mutates=True, json=body)
    if not (publish_id := told.get("publish_id")):
        raise Uncertain("tiktok photo_init: the answer names no publish_id")
    return str(publish_id)


async def sought(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | NotFound:
    """Look among the account's posts since the call for the one with our description.

    Raises Uncertain where several fit, and while it may yet appear.
    """
    asked = datetime.fromisoformat(attempt.resume["asked"])
    words = payload.pieces[0].text.strip()
    listed = [video async for video in _listed(asked - CLOCKS, account, http)]
    fitting = [one for one in listed if str(one["id"]) not in attempt.others and _says(one, words)]
    if len(fitting) > 1:
        raise Uncertain(f"tiktok: {len(fitting)} posts fit; a person must say which is ours")
    if fitting:
        found = str(fitting[0]["id"])
        return Published(found, address_of(fitting[0]), (found,))
    if datetime.now(UTC) < asked + SOUGHT:
        raise Uncertain("tiktok: the photo post is not listed; it may yet be")
    return NotFound()


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the account's public posts since then."""
    videos = [video async for video in _listed(since, account, http)]
    return [Listed(str(one["id"]), datetime.fromtimestamp(int(one["create_time"]), UTC)) for one in videos]


def _says(video: Mapping[str, Any], words: str) -> bool:
    """Say whether a post has our description, of which the list may hold the beginning only; none proves nothing."""
    said = str(video.get("video_description") or video.get("title") or "").strip()
    return bool(said) and (said == words or (len(said) >= CUT and words.startswith(said)))


async def _listed(since: datetime, account: Account, http: Http) -> AsyncIterator[Mapping[str, Any]]:
    """Give the account's public posts from `since` on, newest first."""
    body: dict[str, Any] = {"max_count": PAGE}
    for _ in range(MOST_PAGES):
        told = await call(
            account, http, "POST", "/video/list/", operation="video_list", params={"fields": _FIELDS}, json=body
        )
        for video in told.get("videos") or ():
            if int(video.get("create_time") or 0) < since.timestamp():
                return
            yield video
        if not told.get("has_more"):
            return
        body["cursor"] = told.get("cursor")
    raise Uncertain(f"tiktok: more than {MOST_PAGES * PAGE} posts since the call; a person must look")
