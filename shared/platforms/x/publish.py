"""Publishing on X: uploads first, then the parts one after the other, each the answer to the one before.

X has no key that makes a repeat harmless. What protects is its refusal of a text that the account said before (403,
"duplicate content"): after a call whose outcome is unknown it means that the post is public under an id that is not
told, and so it is not a refusal then but `Uncertain`: a look may find the post, and else a person must.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapter.answers import failure_of
from shared.adapter.contract import Account, Answer, Attempt, Http, Media, Pending, Progress, Published
from shared.adapter.errors import Rejected, Uncertain
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.x.connect import call, own_id
from shared.platforms.x.post import REPOST, body_of, checked, post_meant
from shared.platforms.x.search import about, published
from shared.platforms.x.search import find as find
from shared.platforms.x.search import recent as recent
from shared.platforms.x.spec import SPEC
from shared.platforms.x.upload import SEGMENT, step, usable

AT_ONCE = 64 * 1024 * 1024
"""Bytes of segments that one try sends."""
_BY_HAND = "x: {what} cannot be edited over the API; edit it by hand on x.com, or delete it and post anew"


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Upload what is missing, wait until all of it is ready, then post the missing parts one after the other."""
    if payload.kind is Kind.REPOST:
        return await _repost(payload, account, attempt, http, progress)
    checked(payload)
    parts: list[str] = list(attempt.resume.get("parts", []))
    about(payload, 0, parts, account)  # a wrong address is told before anything is uploaded
    waiting = await _uploads(payload, account, attempt, http, media, progress)
    if waiting.after or waiting.resume["unsent"]:
        return waiting
    uploads, begun = waiting.resume["media"], attempt.resume.get("begun", -1)
    for number in range(len(parts), len(payload.pieces)):
        # Also before the first: from here on, a duplicate is what an earlier try may have made.
        await progress({"parts": parts, "media": uploads, "begun": number})
        parts = [*parts, await _post(payload, number, parts, uploads, account, http, again=begun >= number)]
    return published(parts, account)


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Take posts down, and reposts back; to do so again changes nothing, so a lost answer is no question."""
    for external_id in external_ids:
        if external_id.startswith(REPOST):
            path = f"/2/users/{await own_id(account, http)}/retweets/{external_id.removeprefix(REPOST)}"
        else:
            path = f"/2/tweets/{external_id}"
        await call(account, http, "DELETE", path, operation="delete", expected=(200, 404))


async def edit(external_id: str, payload: Payload, account: Account, http: Http) -> Published:
    """Change a post's text, which gives it a new id; X allows that to subscribers, for half an hour (Edit Posts).

    Raises Rejected for what X does not let one edit, and for a post with media: whether they would stay is unconfirmed.
    """
    piece = payload.pieces[0]
    if piece.media or piece.poll:
        raise Rejected(_BY_HAND.format(what="a post with media or a poll"))
    if payload.kind in {Kind.REPLY, Kind.QUOTE, Kind.REPOST}:
        raise Rejected(_BY_HAND.format(what=f"a {payload.kind}"))
    body = {"text": piece.text, "edit_options": {"previous_post_id": external_id}}
    answer = await call(
        account, http, "POST", "/2/tweets", operation="edit_post", mutates=True, json=body, expected=(201,)
    )
    return published([str(answer.json["data"]["id"])], account)


async def _repost(payload: Payload, account: Account, attempt: Attempt, http: Http, progress: Progress) -> Published:
    """Repost a post; X tells no id of the repost, and one post can be reposted only once."""
    if any(piece.text or piece.media or piece.poll for piece in payload.pieces):
        raise Rejected("x: a repost says nothing of its own; leave text and media out, or make it a quote")
    subject = post_meant(payload.refers_to, account)
    path = f"/2/users/{await own_id(account, http)}/retweets"
    await progress(attempt.resume)
    answer = await call(account, http, "POST", path, operation="repost", mutates=True, json={"tweet_id": subject})
    if not (answer.json.get("data") or {}).get("retweeted"):
        raise Uncertain("x repost: X does not say that it is reposted")
    return published([REPOST + subject], account)


async def _post(
    payload: Payload,
    number: int,
    parts: Sequence[str],
    uploads: Mapping[str, Sequence[Mapping[str, Any]]],
    account: Account,
    http: Http,
    *,
    again: bool,
) -> str:
    ids = [one["id"] for one in uploads.get(str(number), ())]
    body = body_of(payload, number, ids, about(payload, number, parts, account))
    answer = await call(
        account, http, "POST", "/2/tweets", operation="create_post", mutates=True, json=body, expected=(201, 403)
    )
    if answer.status != 201:
        raise _refusal(answer, number, again)
    return str(answer.json["data"]["id"])


def _refusal(answer: Answer, number: int, again: bool) -> Exception:
    """Return what a 403 means: X tells a duplicate by its words only."""
    told = answer.json if isinstance(answer.json, dict) else {}
    if "duplicate content" not in str(told.get("detail")).lower():
        return failure_of(SPEC, "create_post", answer.status, told, answer.headers, mutates=True)
    if again:
        return Uncertain(f"x: part {number + 1} was refused as a duplicate: an earlier try has made it, id unknown")
    return Rejected("x: the account has said just this a short while ago (duplicate content); say it in other words")


async def _uploads(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Pending:
    """Go on with the uploads, each step kept before the next; `after` is 0 and `unsent` false when all are ready."""
    resume: dict[str, Any] = {"parts": [], "begun": -1, **attempt.resume, "unsent": False}
    uploads = resume["media"] = {number: list(made) for number, made in attempt.resume.get("media", {}).items()}
    waiting, sent = 0.0, 0
    for number in range(len(resume["parts"]), len(payload.pieces)):
        for place, rendition in enumerate(payload.pieces[number].media):
            made = uploads.setdefault(str(number), [])
            while (known := made[place] if place < len(made) else None) is None or not usable(known):
                if sent >= AT_ONCE:
                    return Pending({**resume, "unsent": True}, 0)
                sent += SEGMENT if known and known["next"] == "append" else 0
                made[place : place + 1] = [await step(known, rendition, account, http, media)]
                await progress(resume)
                if made[place].get("after"):
                    waiting = max(waiting, made[place]["after"])
                    break
    return Pending(resume, waiting)
