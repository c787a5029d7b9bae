"""Videos: announced, then sent in chunks to an address that is good for an hour; the last chunk is what publishes.

One announcement makes one post at the most, however often its chunks are sent. So a lost chunk is simply sent again,
and only a video whose upload can no longer be completed is announced anew.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapter.contract import Account, Answer, Http, Media, Pending, Progress
from shared.adapter.errors import TryLater
from shared.payload import Payload, Rendition
from shared.platforms.tiktok.calls import call
from shared.platforms.tiktok.creator import PUBLIC, Creator
from shared.platforms.tiktok.status import handed

CHUNK = 16 * 1024 * 1024
"""Bytes: 5 to 64 MB, the last one up to 128 MB, whichever MB is meant (content-posting-api-media-transfer-guide)."""
AT_ONCE = 64 * 1024 * 1024
"""Bytes that are sent before others have their turn."""
FIRST_LOOK = 2.0
"""Seconds from the last chunk to the first question what became of it."""
AGAIN = 60.0
GOOD_FOR = 3_600
"""Seconds (content-posting-api-reference-direct-post: upload_url is valid for one hour)."""
_HELD = re.compile(r"bytes\s+0-(\d+)/")


def spans(size: int) -> list[tuple[int, int]]:
    """Return where each chunk begins and ends; what is left over belongs to the last one."""
    count = max(1, size // CHUNK)
    return [(number * CHUNK, size if number == count - 1 else (number + 1) * CHUNK) for number in range(count)]


async def announced(payload: Payload, creator: Creator, account: Account, http: Http) -> dict[str, Any]:
    """Announce the video; return its publish_id and where to send it. Nobody sees anything of it yet."""
    piece = payload.pieces[0]
    size, chunks = piece.media[0].size, spans(piece.media[0].size)
    about = {
        "title": piece.text,
        "privacy_level": PUBLIC,
        "disable_comment": creator.no_comments,
        "disable_duet": creator.no_duets,
        "disable_stitch": creator.no_stitches,
        "brand_content_toggle": False,
        "brand_organic_toggle": False,
    }
    source = {
        "source": "FILE_UPLOAD",
        "video_size": size,
        "chunk_size": CHUNK if len(chunks) > 1 else size,
        "total_chunk_count": len(chunks),
    }
    path, body = "/post/publish/video/init/", {"post_info": about, "source_info": source}
    told = await call(account, http, "POST", path, operation="video_init", json=body)
    publish_id, address = told.get("publish_id"), str(told.get("upload_url") or "")
    if not publish_id or not address.startswith(("https://", account.base_url.partition("//")[0])):
        raise TryLater("tiktok video_init: the answer names no safe address for the upload")
    return {"publish_id": str(publish_id), "upload": address, "sent": 0}


async def send(
    resume: Mapping[str, Any], payload: Payload, account: Account, http: Http, media: Media, progress: Progress
) -> Pending:
    """Send the chunks that are missing, as many as one turn allows; what is done is kept before each of them."""
    address = resume.get("upload")
    if not address:
        return _given_up(resume)
    rendition, begun = payload.pieces[0].media[0], resume["sent"]
    for start, end in spans(rendition.size):
        if start < resume["sent"]:
            continue
        if start > begun and end - begun > AT_ONCE:
            return Pending(resume, 0)
        content = await media.part(rendition.sha256, start, end)
        await progress(resume)
        answer = await _put(address, rendition, start, content, http)
        if answer.status in {403, 404}:  # the hour is over, or the upload is
            return Pending({**resume, "upload": None}, 0)
        held = end if answer.status != 416 else held_of(answer, rendition.size)
        resume = {**resume, "sent": held}
        if held != end:
            return Pending(resume, AGAIN if held == start else 0)
    return Pending(handed(resume), FIRST_LOOK)


async def _put(address: str, rendition: Rendition, start: int, content: bytes, http: Http) -> Answer:
    end = start + len(content)
    headers = {"Content-Type": rendition.type, "Content-Range": f"bytes {start}-{end - 1}/{rendition.size}"}
    return await http.call(
        "PUT",
        address,
        operation="upload",
        mutates=end == rendition.size,
        content=content,
        headers=headers,
        expected=(200, 201, 206, 403, 404, 416),
    )


def held_of(answer: Answer, size: int) -> int:
    """Return how many bytes TikTok says it has (`bytes 0-{UPLOADED_BYTES}/{TOTAL_BYTE_LENGTH}`, as the guide has it).

    Whether that is their number or, as in HTTP, the last one's is unconfirmed; chunks end where only one can be meant.
    """
    found = _HELD.match(answer.headers.get("content-range", ""))
    named = int(found[1]) if found else 0
    ends = {0, *(end for _, end in spans(size))}
    return named + 1 if named + 1 in ends else named if named in ends else 0


def _given_up(resume: Mapping[str, Any]) -> Pending:
    """Announce the video anew once the old address is certainly good for nothing; until then, wait."""
    over = datetime.fromisoformat(resume["asked"]) + timedelta(seconds=GOOD_FOR) + timedelta(minutes=5)
    left = (over - datetime.now(UTC)).total_seconds()
    return Pending(resume, left) if left > 0 else Pending({}, 0)
