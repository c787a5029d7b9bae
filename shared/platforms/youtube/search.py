"""Finding what an earlier try may have uploaded: the session knows; after it, the channel's list of uploads."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Listed
from shared.adapter.errors import TryLater, Uncertain
from shared.payload import Payload
from shared.platforms.youtube.connect import listed, own_channel
from shared.platforms.youtube.session import asked

CLOCKS = timedelta(minutes=5)
"""By how much our clock and YouTube's may differ."""
LISTED = timedelta(minutes=15)
"""How long an upload may be missing from the list; unconfirmed: no page says."""
DETAILS = 60.0
"""Seconds after which file details that are not there yet are asked for again."""
PAGE = 50
MOST_PAGES = 10


async def made_before(payload: Payload, account: Account, attempt: Attempt, http: Http) -> str | None:
    """Return the id of the video that an earlier try made, None where there is none for certain.

    Raises TryLater while the list may lack it still, Uncertain where two videos fit.
    """
    resume = attempt.resume
    if parts := resume.get("parts"):
        return str(parts[0]["id"])
    if not (session := resume.get("session")):
        return None  # not a byte was sent
    received = await asked(session, payload.pieces[0].media[0].size, account, http)
    if received.made is not None:
        return str(received.made["id"])
    if not received.gone or not (closing := resume.get("closing")):
        return None  # the last chunk is missing, and without it there is no video
    return await _uploaded(payload, account, attempt, datetime.fromisoformat(closing), http)


async def recent(account: Account, since: datetime, http: Http) -> Sequence[Listed]:
    """Return the channel's uploads since then."""
    snippets = [entry["snippet"] for entry in await _since(since, account, http)]
    return [Listed(str(one["resourceId"]["videoId"]), datetime.fromisoformat(one["publishedAt"])) for one in snippets]


async def _uploaded(payload: Payload, account: Account, attempt: Attempt, closing: datetime, http: Http) -> str | None:
    fitting = [video for video in await _candidates(payload, account, attempt, http) if _fits(video, payload)]
    if len(fitting) > 1:
        raise Uncertain(f"youtube: {len(fitting)} uploads fit the post; a person must say which is ours")
    if fitting:
        return str(fitting[0]["id"])
    missing = closing + LISTED - datetime.now(UTC)
    if missing > timedelta():
        raise TryLater("youtube: the upload may not be listed yet", missing.total_seconds())
    return None


async def _candidates(payload: Payload, account: Account, attempt: Attempt, http: Http) -> list[Mapping[str, Any]]:
    """Return the uploads since the attempt with its title, and what file each was made of."""
    entries = await _since(attempt.created_at - CLOCKS, account, http)
    ids = [
        entry["snippet"]["resourceId"]["videoId"]
        for entry in entries
        if entry["snippet"]["title"].strip() == (payload.title or "").strip()
    ]
    ours = [one for one in ids if one not in attempt.others]
    found: list[Mapping[str, Any]] = []
    for first in range(0, len(ours), PAGE):
        some = ",".join(ours[first : first + PAGE])
        found += (await listed(account, http, "videos", part="fileDetails", id=some)).get("items") or []
    return found


def _fits(video: Mapping[str, Any], payload: Payload) -> bool:
    details = video.get("fileDetails") or {}
    if "fileSize" not in details:
        raise TryLater("youtube: what file an upload was made of is not told yet", DETAILS)
    return bool(details["fileSize"] == str(payload.pieces[0].media[0].size))


async def _since(since: datetime, account: Account, http: Http) -> list[Mapping[str, Any]]:
    """Return the entries of the channel's uploads from `since` on; the list has the newest first."""
    playlists = (await own_channel(account, http, "contentDetails"))["contentDetails"]["relatedPlaylists"]
    params: dict[str, Any] = {"part": "snippet", "playlistId": playlists["uploads"], "maxResults": PAGE}
    entries: list[Mapping[str, Any]] = []
    for _ in range(MOST_PAGES):
        page = await listed(account, http, "playlistItems", **params)
        items = page.get("items") or []
        recent = [one for one in items if datetime.fromisoformat(one["snippet"]["publishedAt"]) >= since]
        entries += recent
        if len(recent) < len(items) or not page.get("nextPageToken"):
            return entries
        params["pageToken"] = page["nextPageToken"]
    raise Uncertain(f"youtube: more than {len(entries)} uploads since the attempt; a person must look")
