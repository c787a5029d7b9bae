"""Publishing on Facebook: photos and films go up unseen, then one call makes all public, and only that is in doubt.

There is no key that makes a repeat harmless. Codes 1 and 2 and a server's error do not mean that nothing was published.
"""

from collections.abc import Sequence

from shared.adapter.contract import Account, Attempt, Http, Media, Pending, Progress, Published
from shared.adapter.errors import PlatformError, Unauthorized
from shared.payload import Payload
from shared.platforms.facebook.comment import comment
from shared.platforms.facebook.connect import call, call_unless_gone
from shared.platforms.facebook.photos import photos_of
from shared.platforms.facebook.post import body_of, check
from shared.platforms.facebook.search import find as find
from shared.platforms.facebook.search import recent as recent
from shared.platforms.facebook.video import film
from shared.platforms.facebook.work import Work, id_of, whole_address


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Make the payload public, then say the first comment below it; what is public is never made again."""
    work = Work(payload, account, http, media, progress, dict(attempt.resume))
    if not work.done.get("parts"):
        check(payload, account.base_url)
        if waiting := await _public(work):
            return waiting
    unsaid = await comment(work)
    if isinstance(unsaid, Pending):
        return unsaid
    (part,) = work.done["parts"]
    return Published(part["id"], part["url"], (part["id"],), unsaid)


async def _public(work: Work) -> Pending | None:
    """Do what is missing until the post is public; its id is in `work.done` then."""
    if any(medium.type.startswith("video/") for medium in work.piece.media):
        return await film(work)
    photos = await photos_of(work)
    body = body_of(work.payload, photos, work.account.base_url)
    answer = await work.make_public("POST", f"/{work.page}/feed", operation="feed", json=body)
    post_id = id_of(answer)
    work.done["parts"] = [{"id": post_id, "url": await _permalink(post_id, work)}]
    return None


async def _permalink(post_id: str, work: Work) -> str:
    """Return the post's address; one that is not told is made from its id, since the post is public already."""
    try:
        told = (await work.seen(f"/{post_id}", "permalink_url", "permalink")).get("permalink_url")
    except PlatformError:
        told = None
    return whole_address(told, post_id)


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Take the post down; what is gone already is fine."""
    for external_id in external_ids:
        path = f"/{external_id}"
        gone = await call_unless_gone(account, http, "DELETE", path, operation="delete", mutates=True)
        if gone is None and await _is_there(path, account, http):
            raise Unauthorized("facebook: the post is there, and the token may not delete it; connect the Page again")


async def _is_there(path: str, account: Account, http: Http) -> bool:
    """Say whether the post can be read: not there and not allowed are the same error."""
    answer = await call_unless_gone(account, http, "GET", path, operation="post", params={"fields": "id"})
    return answer is not None


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Change the text of a post that our app made (pages-api/posts)."""
    said = {"message": payload.pieces[0].text}
    await call(account, http, "POST", f"/{external_id}", operation="edit", mutates=True, json=said)
    return Published(external_id, whole_address(None, external_id), (external_id,))
