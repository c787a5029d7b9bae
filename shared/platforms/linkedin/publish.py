"""Publishing on LinkedIn: uploads first, then one call that makes the post public, then its first comment.

No key makes a repeat harmless, and a list without the post proves nothing, so a lost answer may end with a person. An
exact duplicate is refused and named: where that is this attempt's own, from a try whose answer was lost, it is taken.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, Pending, Progress, Published
from shared.adapter.errors import Rejected, Uncertain
from shared.payload import Payload
from shared.platforms.linkedin.comment import commented, published
from shared.platforms.linkedin.connect import call, encoded, organization
from shared.platforms.linkedin.little import escape
from shared.platforms.linkedin.search import PROCESSED, is_live, landed, post_at
from shared.platforms.linkedin.search import find as find
from shared.platforms.linkedin.search import recent as recent
from shared.platforms.linkedin.share import permalink_of, share_of
from shared.platforms.linkedin.upload import Uploads


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Upload, wait until all is available, post, comment; each from where an earlier try left off."""
    done = dict(attempt.resume)
    if urn := done.pop("processed", None):
        if not await _is_done(urn, account, http):
            return Pending({**done, "processed": urn}, PROCESSED)
        done["parts"] = [{"id": urn}]
    if not done.get("parts"):
        made = [dict(one) for one in done.get("media", [])]
        uploads = Uploads(account, http, media, progress, made, done.get("anew", 0))
        ready = await uploads.ready(payload)
        if isinstance(ready, Pending):
            return ready
        body = share_of(payload, organization(account), ready)
        if ready:  # else nothing came between the claim and this call
            await progress(uploads.kept())
        done = {**uploads.kept(), "parts": [{"id": await _post(body, account, attempt, http)}]}
    if payload.first_comment:
        return await commented(payload.first_comment, done, account, http, progress)
    return published(done["parts"][0]["id"])


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Take posts down; LinkedIn answers alike for what is gone already, so a lost answer is harmless.

    A 404 is no such answer: some calls that are not permitted get one (error-handling).
    """
    for urn in external_ids:
        headers, path = {"X-RestLi-Method": "DELETE"}, f"/posts/{encoded(urn)}"
        await call(account, http, "DELETE", path, operation="post_delete", headers=headers, expected=(204,))


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Change the commentary of a public post; to set the same again changes nothing, so a lost answer is harmless."""
    patch = {"patch": {"$set": {"commentary": escape(payload.pieces[0].text)}}}
    headers, path = {"X-RestLi-Method": "PARTIAL_UPDATE"}, f"/posts/{encoded(external_id)}"
    expected = (200, 204)
    await call(account, http, "POST", path, operation="post_edit", json=patch, headers=headers, expected=expected)
    return Published(external_id, permalink_of(external_id), (external_id,))


async def _post(body: Mapping[str, Any], account: Account, attempt: Attempt, http: Http) -> str:
    answer = await call(account, http, "POST", "/posts", operation="post", mutates=True, json=body, expected=(201, 422))
    if answer.status == 422:
        return await landed(answer, body, account, attempt, http)
    if not (urn := answer.headers.get("x-restli-id")):
        raise Uncertain("linkedin post: 201 without x-restli-id")
    return str(urn)


async def _is_done(urn: str, account: Account, http: Http) -> bool:
    """Say whether a post that LinkedIn was still processing is public now."""
    post = await post_at(urn, account, http)
    if post is None:
        raise Uncertain(f"linkedin: {urn} was there and is not any more; a person must look")
    if post.get("lifecycleState") == "PUBLISH_FAILED":
        raise Rejected(f"linkedin: it could not process {urn}; post it again with other media")
    return is_live(post)
