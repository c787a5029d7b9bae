"""Publishing on Threads: containers first, which nobody sees; then each is published, and kept as sent before that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.adapter.contract import Account, Attempt, Http, Media, NotFound, Pending, Progress, Published
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.content import Kind
from shared.payload import Payload
from shared.platforms.threads.about import about
from shared.platforms.threads.body import Said, check, said_in
from shared.platforms.threads.connect import call, id_in, look_at
from shared.platforms.threads.container import Desk, Waiting
from shared.platforms.threads.listed import our_repost
from shared.platforms.threads.listed import recent as recent
from shared.platforms.threads.sending import LOOK, LOOKS, bring, look

PARTS = 5
"""How many parts of a thread one try makes."""
COMMENT_TRIES = 5

_ABOUT_ANOTHER = {Kind.REPLY, Kind.QUOTE, Kind.REPOST}


async def publish(
    payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
) -> Published | Pending:
    """Make the missing parts public one after the other, then the first comment; raises PlatformError."""
    check(payload)
    resume = dict(attempt.resume)
    if payload.kind in _ABOUT_ANOTHER and "about" not in resume:
        resume["about"] = await about(payload.refers_to, account, http)
    if payload.kind is Kind.REPOST:
        return await _reposted(resume, account, attempt, http, progress)
    made = 0
    while (number := len(resume.get("parts", ()))) < len(payload.pieces):
        if made == PARTS:
            return Pending(resume, 0)
        if made:
            await progress(resume)
        desk = _desk(resume, account, attempt, http)
        said = said_in(payload, number, resume.get("parts", ()), resume.get("about"))
        brought = await bring(said, resume.get("now", {}), desk, media, _Kept(progress, resume, "now"))
        if isinstance(brought, Waiting):
            return Pending({**resume, "now": brought.state}, brought.after)
        resume, made = _with(resume, brought), made + 1
    if payload.first_comment:
        return await _commented(payload.first_comment, resume, account, attempt, http, media, progress)
    return await _done(resume["parts"], account, http)


async def find(payload: Payload, account: Account, attempt: Attempt, http: Http) -> Published | Pending | NotFound:
    """Look whether what was sent is public: by its container, then among the account's own posts.

    What was not kept as sent was never sent. Raises Uncertain where two posts fit, or only a person can tell.
    """
    resume = dict(attempt.resume)
    if payload.kind is Kind.REPOST:
        return await _found_repost(resume, account, attempt, http)
    parts, now = resume.get("parts", []), resume.get("now", {})
    if len(parts) < len(payload.pieces) and "sent" in now:
        said = said_in(payload, len(parts), parts, resume.get("about"))
        seen = await look(said, now, _desk(resume, account, attempt, http))
        if isinstance(seen, Waiting):
            return Pending({**resume, "now": seen.state}, seen.after)
        resume = _with(resume, seen) if seen else resume
    parts = resume.get("parts", [])
    if not parts:
        return NotFound()
    if len(parts) < len(payload.pieces) or payload.first_comment:
        return Pending(resume, 0)
    return await _done(parts, account, http)


async def delete(external_ids: Sequence[str], account: Account, http: Http) -> None:
    """Take a post down, its parts in the order given; what is gone already is fine. Raises PlatformError."""
    for external_id in external_ids:
        await look_at(account, http, "DELETE", f"/{external_id}", operation="delete")


async def edit(_external_id: str, _payload: Payload, _account: Account, _http: Http) -> Published:
    """Threads has no call for it; raises Rejected."""
    raise Rejected("threads: a post cannot be changed over the API; change it by hand in the app, or delete it")


@dataclass
class _Kept:
    """Writes down how far one post is, below its name in `resume`; `state` is what was written last."""

    progress: Progress
    resume: Mapping[str, Any]
    name: str
    state: Mapping[str, Any] = field(default_factory=dict)

    async def __call__(self, state: Mapping[str, Any]) -> None:
        self.state = state
        await self.progress({**self.resume, self.name: state})


def _desk(resume: Mapping[str, Any], account: Account, attempt: Attempt, http: Http) -> Desk:
    return Desk(account, http, attempt.others | frozenset(resume.get("parts", ())))


def _with(resume: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Return what is done with one more part of it public."""
    kept = {key: value for key, value in resume.items() if key != "now"}
    return {**kept, "parts": [*resume.get("parts", ()), part]}


async def _done(parts: Sequence[str], account: Account, http: Http, unsaid: str | None = None) -> Published:
    return Published(parts[0], await _permalink(parts[0], account, http), tuple(parts), unsaid)


async def _permalink(external_id: str, account: Account, http: Http) -> str | None:
    params = {"fields": "permalink"}
    try:
        told = await call(account, http, "GET", f"/{external_id}", operation="permalink", params=params)
    except PlatformError:
        return None  # the post is public all the same
    return told.json.get("permalink") or None


# ---- the first comment -----------------------------------------------------------------------------------------------


async def _commented(
    words: str,
    resume: Mapping[str, Any],
    account: Account,
    attempt: Attempt,
    http: Http,
    media: Media,
    progress: Progress,
) -> Published | Pending:
    """Reply to the post that is now public; whatever becomes of that, the post is there, and says what is missing."""
    parts, tries = resume["parts"], int(resume.get("comment_tries", 0))
    if tries >= COMMENT_TRIES:
        return await _done(parts, account, http, f"the first comment, after {tries} tries: {resume['comment_failed']}")
    if "comment" not in resume:
        await progress({**resume, "comment": {}})
    kept = _Kept(progress, resume, "comment", resume.get("comment", {}))
    said = Said(words, reply_to=parts[0])
    try:
        brought = await bring(said, kept.state, _desk(resume, account, attempt, http), media, kept)
    except (TryLater, Uncertain) as error:
        after = error.after if isinstance(error, TryLater) else None
        told = {"comment": kept.state, "comment_tries": tries + 1, "comment_failed": error.reason}
        return Pending({**resume, **told}, after or LOOK)
    except (Rejected, Unauthorized) as error:
        return await _done(parts, account, http, f"the first comment: {error.reason}")
    if isinstance(brought, Waiting):
        return Pending({**resume, "comment": brought.state}, brought.after)
    return await _done(parts, account, http)


# ---- reposts ---------------------------------------------------------------------------------------------------------


async def _reposted(
    resume: Mapping[str, Any], account: Account, attempt: Attempt, http: Http, progress: Progress
) -> Published | Pending:
    """Repost at once, for there is no container; one that was sent before is looked for first, for some minutes."""
    if "sent" in resume:
        found = await _found_repost(resume, account, attempt, http)
        if not isinstance(found, NotFound):
            return found
    unsent = {"about": resume["about"]}
    await progress({**unsent, "sent": datetime.now(UTC).timestamp(), "looks": 0})
    try:
        told = await call(account, http, "POST", f"/{resume['about']}/repost", operation="repost", mutates=True)
        node = id_in(told, Uncertain)
    except Uncertain:
        raise
    except PlatformError:
        await progress(unsent)
        raise
    return await _done([node], account, http)


async def _found_repost(
    resume: Mapping[str, Any], account: Account, attempt: Attempt, http: Http
) -> Published | Pending | NotFound:
    if "sent" not in resume:
        return NotFound()
    found = await our_repost(resume["about"], float(resume["sent"]), attempt.others, account, http)
    if found:
        return await _done([found], account, http)
    looks = int(resume.get("looks", 0))
    return Pending({**resume, "looks": looks + 1}, LOOK) if looks < LOOKS else NotFound()
