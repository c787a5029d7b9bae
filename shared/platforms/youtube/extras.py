"""What belongs to a video that is public: captions, a thumbnail, the first comment. None of it may cost the post.

What YouTube refuses is left out, and `resume` says why. Captions are not made twice: a second track of a language is
refused with captionExists. A thumbnail replaces the last one. A comment would be made twice, so one whose answer is
lost is looked for, and never sent again.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from shared.adapter.contract import Account, Http, Media, Pending, Progress
from shared.adapter.errors import Rejected, TryLater, Unauthorized, Uncertain
from shared.payload import Payload, Rendition, Track
from shared.platforms.youtube.connect import api, call, channel_id, listed
from shared.platforms.youtube.session import opened
from shared.platforms.youtube.spec import UPLOADS

MOST_LOOKS = 3
LOOK_AFTER = 60.0
"""Seconds between two looks for a comment: how soon it is listed is unconfirmed."""
PAGE = 100
MADE = "made"


def unfinished(payload: Payload, resume: Mapping[str, Any]) -> bool:
    """Say whether something of a public video is still to be made."""
    captions = any(track.language not in resume.get("captions", {}) for track in _film(payload).captions)
    thumbnail = _thumbnail(payload) is not None and "thumbnail" not in resume
    comment = payload.first_comment is not None and "looks" in resume.get("comment", {"looks": 0})
    return captions or thumbnail or comment


def missing(resume: Mapping[str, Any]) -> str | None:
    """Return why the first comment is not below the video, or perhaps not; None where nothing is known to lack."""
    return (resume.get("comment") or {}).get("missing")


async def extras(
    payload: Payload, resume: Mapping[str, Any], account: Account, http: Http, media: Media, progress: Progress
) -> Pending | str | None:
    """Make what is missing, each kept before the next.

    Pending while a comment is looked for; in the end None, or why the comment is missing.
    """
    video = resume["parts"][0]["id"]
    for track in _film(payload).captions:
        if track.language not in (made := resume.get("captions", {})):
            told = await _unless_refused(_captions(track, video, account, http, media))
            resume = {**resume, "captions": {**made, track.language: told}}
            await progress(resume)
    thumbnail = _thumbnail(payload)
    if thumbnail is not None and "thumbnail" not in resume:
        resume = {**resume, "thumbnail": await _unless_refused(_picture(thumbnail, video, account, http, media))}
        await progress(resume)
    if payload.first_comment is None:
        return None
    return await _comment(payload.first_comment, resume, account, http, progress)


async def _unless_refused(making: Awaitable[None]) -> str:
    try:
        await making
    except Rejected as refused:
        return refused.reason
    return MADE


async def _captions(track: Track, video: str, account: Account, http: Http, media: Media) -> None:
    """Upload WebVTT; the name is empty, so that players show the language alone."""
    content = await media.read(track.sha256)
    snippet = {"videoId": video, "language": track.language, "name": "", "isDraft": False}
    try:
        session = await opened(
            account,
            http,
            f"/upload{api(account, 'captions')}",
            {"snippet": snippet},
            len(content),
            "text/vtt",
            operation="start_captions",
            part="snippet",
        )
        headers = {"Content-Type": "text/vtt"}
        await call(
            account,
            http,
            "PUT",
            session,
            operation="captions",
            content=content,
            headers=headers,
            expected=(200, 201),
        )
    except Rejected:
        if not await _has_captions(track, video, account, http):
            raise


async def _has_captions(track: Track, video: str, account: Account, http: Http) -> bool:
    items = (await listed(account, http, "captions", part="snippet", videoId=video)).get("items") or []
    named = [one["snippet"] for one in items]
    return any(one["language"] == track.language and one.get("trackKind") != "ASR" for one in named)


async def _picture(picture: Rendition, video: str, account: Account, http: Http, media: Media) -> None:
    await call(
        account,
        http,
        "POST",
        f"/upload{api(account, 'thumbnails/set')}",
        operation="thumbnail",
        host=UPLOADS,
        params={"videoId": video, "uploadType": "media"},
        content=await media.read(picture.sha256),
        headers={"Content-Type": picture.type},
    )


# ---- the first comment -----------------------------------------------------------------------------------------------


async def _comment(
    text: str, resume: Mapping[str, Any], account: Account, http: Http, progress: Progress
) -> Pending | str | None:
    """Make it once; its place in `resume` is `looks` while its outcome is unknown, then `id`, or why it is missing."""
    noted, video = resume.get("comment"), resume["parts"][0]["id"]
    if noted is None:
        made = await _say(text, video, resume, account, http, progress)
    elif "looks" not in noted:
        return missing(resume)
    elif found := await _said(text, video, account, http):
        made = {"id": found}
    else:
        made = {"looks": noted["looks"] + 1}
    if "looks" in made and made["looks"] < MOST_LOOKS:
        return Pending({**resume, "comment": made}, LOOK_AFTER)
    if "looks" in made:
        made = {"missing": "youtube comment: its answer was lost, and it is not listed; a person must look"}
    resume = {**resume, "comment": made}
    await progress(resume)
    return missing(resume)


async def _say(
    text: str, video: str, resume: Mapping[str, Any], account: Account, http: Http, progress: Progress
) -> dict[str, Any]:
    own = await channel_id(account, http)
    comment = {"snippet": {"textOriginal": text}}
    body = {"snippet": {"channelId": own, "videoId": video, "topLevelComment": comment}}
    path, params = api(account, "commentThreads"), {"part": "snippet"}
    await progress({**resume, "comment": {"looks": 0}})
    try:
        told = await call(account, http, "POST", path, operation="comment", mutates=True, params=params, json=body)
    except Uncertain:
        return {"looks": 0}
    except Rejected as refused:
        return {"missing": refused.reason}
    except (TryLater, Unauthorized):
        await progress(resume)  # it was not said, so it is said again
        raise
    return {"id": str(told.json["id"])}


async def _said(text: str, video: str, account: Account, http: Http) -> str | None:
    """Return the id of our own comment with this text, None where it is not listed."""
    params = {"part": "snippet", "videoId": video, "order": "time", "maxResults": PAGE, "textFormat": "plainText"}
    own = await channel_id(account, http)
    for thread in (await listed(account, http, "commentThreads", **params)).get("items") or []:
        said = thread["snippet"]["topLevelComment"]["snippet"]
        words = (said.get("textOriginal"), said.get("textDisplay"))
        if (said.get("authorChannelId") or {}).get("value") == own and text.strip() in words:
            return str(thread["id"])
    return None


def _film(payload: Payload) -> Rendition:
    return payload.pieces[0].media[0]


def _thumbnail(payload: Payload) -> Rendition | None:
    card = payload.pieces[0].card
    return card.thumbnail if card else None
