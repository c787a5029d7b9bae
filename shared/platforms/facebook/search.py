"""Finding on Facebook what an earlier try may have made: by video, or by app, time, text, link and photos.

What is found proves that it landed. What is not found proves nothing: the list is ranked and holds some 600 posts a
year (graph-api/reference/page/feed).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed, NotFound, Pending, Published
from shared.adapter.errors import Rejected, Uncertain
from shared.payload import Payload
from shared.platforms.facebook.comment import MADE
from shared.platforms.facebook.connect import call, call_unless_gone, page_of
from shared.platforms.facebook.post import looks_like
from shared.platforms.facebook.video_state import FIELDS, Stage, parts_of, stage_of
from shared.platforms.facebook.work import whole_address

BEFORE = timedelta(seconds=60)
"""How far before the first try the look begins: Facebook's clock is not ours."""
PAGE = 100
MOST_PAGES = 6
"""As many as a year's list has; more since the attempt is for a person to look through."""
POST_FIELDS = (
    "id,message,created_time,permalink_url,is_published,application{id},"
    "attachments{media_type,target,url,unshimmed_url,subattachments}"
)


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look whether an earlier try made it; Pending where something is left to do, such as the first comment.

    Raises Uncertain where two posts fit, or Facebook will not tell.
    """
    try:
        return await _found(payload, account, attempt, http)
    except Rejected as refusal:
        raise Uncertain(refusal.reason) from None


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the Page's posts since then."""
    posts = await _listed(since, "id,created_time", account, http)
    listed = [Listed(str(one["id"]), datetime.fromisoformat(one["created_time"])) for one in posts]
    return [one for one in listed if one.at >= since]


async def _found(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    resume = dict(attempt.resume)
    if resume.get("parts"):
        return _public(resume, payload)
    if _is_film(payload):
        return await _film(payload, account, resume, http)
    if len(resume.get("photos", ())) < len(payload.pieces[0].media):
        return NotFound()  # it was never posted: not all of its photos went up
    post = await _post(payload, account, attempt, http)
    if post is None:
        return NotFound()
    parts = [{"id": str(post["id"]), "url": whole_address(post.get("permalink_url"), str(post["id"]))}]
    return _public({**resume, "parts": parts}, payload)


def _public(resume: Mapping[str, Any], payload: Payload) -> Published | Pending:
    """Return the post; where its first comment is not known to be there, publishing goes on with that."""
    if payload.first_comment and resume.get("comment") != MADE:
        return Pending(resume, 0)
    (part,) = resume["parts"]
    return Published(part["id"], part["url"], (part["id"],))


def _is_film(payload: Payload) -> bool:
    return any(medium.type.startswith("video/") for medium in payload.pieces[0].media)


async def _film(
    payload: Payload, account: Account, resume: Mapping[str, Any], http: Http
) -> Published | Pending | NotFound:
    """Ask the video itself: its id was kept before the call that made it public."""
    if not resume.get("sent"):
        return NotFound()
    path = f"/{resume['video']['id']}"
    answer = await call_unless_gone(account, http, "GET", path, operation="video", params={"fields": FIELDS})
    if answer is None or (stage := stage_of(answer.json)) is Stage.UNFINISHED:
        return NotFound()
    if stage is Stage.PUBLIC and answer.json.get("post_id"):
        return _public({**resume, "finished": True, "parts": parts_of(answer.json, page_of(account))}, payload)
    return Pending({**resume, "finished": True}, 0)


async def _post(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Mapping[str, Any] | None:
    photos = list(attempt.resume.get("photos", ()))
    listed = await _listed(attempt.created_at - BEFORE, POST_FIELDS, account, http)
    fitting = [
        post
        for post in listed
        if post["id"] not in attempt.others
        and post.get("is_published") is not False
        and looks_like(post, payload, photos, account.base_url)
    ]
    ours = await _by_our_app(fitting, account, http)
    if len(ours) > 1:
        raise Uncertain(f"facebook: {len(ours)} posts fit; a person must say which is ours")
    return ours[0] if ours else await _by_photo(photos, account, http)


async def _by_our_app(posts: Sequence[Mapping[str, Any]], account: Account, http: Http) -> list[Mapping[str, Any]]:
    """Return those posts that the token's app made; people and other tools may say the same."""
    if not posts:
        return []
    own = (await call(account, http, "GET", "/app", operation="app", params={"fields": "id"})).json["id"]
    return [post for post in posts if (post.get("application") or {}).get("id") == own]


async def _by_photo(photos: Sequence[str], account: Account, http: Http) -> Mapping[str, Any] | None:
    """Return the post that a single photo says it is in (graph-api/reference/photo: only once it is published)."""
    if len(photos) != 1:
        return None
    fields = {"fields": "page_story_id"}
    photo = await call_unless_gone(account, http, "GET", f"/{photos[0]}", operation="photo", params=fields)
    if photo is None or not (post_id := photo.json.get("page_story_id")):
        return None
    return {"id": post_id}


async def _listed(since: datetime, fields: str, account: Account, http: Http) -> list[Mapping[str, Any]]:
    """Return the Page's public posts since then."""
    params: dict[str, Any] = {"fields": fields, "since": int(since.timestamp()), "limit": PAGE}
    listed: list[Mapping[str, Any]] = []
    for _ in range(MOST_PAGES):
        path = f"/{page_of(account)}/published_posts"
        told = (await call(account, http, "GET", path, operation="published_posts", params=params)).json
        listed += told["data"]
        paging = told.get("paging") or {}
        if not paging.get("next") or not (after := (paging.get("cursors") or {}).get("after")):
            return listed
        params["after"] = after
    raise Uncertain(f"facebook: more than {len(listed)} posts since then; a person must look")
