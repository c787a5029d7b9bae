"""A caller changes its mind: a new revision, or a cancel; publisher says whether it came in time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid4

from pydantic import model_validator
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.accept import is_team
from services.ingest.fanout import Channels, Wanted, Wrong, excesses, media_in, renditions_of, timing_wrong
from services.ingest.kept import give_up_at
from services.ingest.originals import find_fitted, find_originals
from services.ingest.requested import cancelled, requested, timing_of
from services.ingest.settings import IngestSettings
from services.ingest.standing import CANCELLED, FINAL, INGEST, PUBLISHER, REVISED, State, last_heard, standing, was_told
from services.ingest.tables import History, Post, Request
from services.ingest.unknown import missing_media
from shared.adapter.render import render
from shared.content import Content, Line, Timing
from shared.events import Requester
from shared.http.auth import Caller
from shared.http.conditional import check_match
from shared.http.problems import Problem
from shared.http.translate import invalid
from shared.mailbox import Transaction
from shared.model import Asked
from shared.payload import Payload
from shared.telemetry import current_traceparent

PREPARE = text(
    """
    INSERT INTO preparation (post_id, revision, give_up_at, traceparent)
    VALUES (:post, :revision, :give_up_at, :traceparent)
    ON CONFLICT (post_id) DO UPDATE SET revision = excluded.revision, give_up_at = excluded.give_up_at, due_at = now(),
        traceparent = excluded.traceparent, tries = 0, last_error = NULL, fence = preparation.fence + 1
    """
)
DROP_PREPARATION = text("DELETE FROM preparation WHERE post_id = :post")


class Revising(Asked):
    """The body of `PATCH /v1/posts/{id}`: what is given replaces what was there, whole."""

    content: Content | None = None
    """What the post is to say; its language stays."""
    timing: Timing | None = None
    """When it is to go out; `{}` means as soon as approved."""
    reason: Line | None = None
    """Why, for the history."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.content is None and self.timing is None:
            raise ValueError("nothing is changed: give 'content', 'timing' or both")
        return self


class Cancelling(Asked):
    """The body of `POST /v1/posts/{id}/cancel`; it may be left out."""

    reason: Line | None = None
    """Why, for the history."""


class Found(NamedTuple):
    """A post with what belongs to it."""

    post: Post
    request: Request
    history: Sequence[History]

    @property
    def state(self) -> State:
        """Where the post stands."""
        return standing(self.post.revision, self.post.payload is not None, self.history)


async def find(db: AsyncSession, post_id: UUID, caller: Caller, *, lock: bool = False) -> Found:
    """Return a post that the caller may see; raises Problem (404) otherwise, whichever the reason."""
    query = select(Post, Request).join(Request, Request.id == Post.request_id).where(Post.id == post_id)
    row = (await db.execute(query.with_for_update(of=Post) if lock else query)).one_or_none()
    if row is None or not (is_team(caller) or row.Request.tool == caller.tool):
        raise not_found("post", post_id)
    history = (await db.execute(select(History).where(History.subject == post_id))).scalars().all()
    return Found(row.Post, row.Request, history)


def not_found(what: str, which: UUID) -> Problem:
    """Return what a caller hears about something that is not there, or not its own."""
    return Problem(404, "not-found", f"There is no {what} {which} of yours.", remedy="Correct the id in the address.")


class Changes:
    """What a caller can do to a post that it asked for."""

    def __init__(self, channels: Channels, settings: IngestSettings) -> None:
        self._channels = channels
        self._settings = settings

    async def revise(
        self, opened: Transaction, post_id: UUID, if_match: str | None, revising: Revising, caller: Caller
    ) -> Found:
        """Make the next revision of a post: rendered and judged anew; raises Problem."""
        found = await _changeable(opened.db, post_id, if_match, caller)
        post = found.post
        content = _in_language(revising.content or Content.model_validate(post.content), post.language)
        timing = revising.timing if revising.timing is not None else timing_of(post)
        payload = await self._rendered(opened.db, found, content, revising, caller)
        told = was_told(post.payload is not None, found.history)
        note = {"reason": revising.reason, "told": told, "before": _before(post)}
        self._apply(post, content, timing, payload)
        _note(opened.db, found, REVISED, caller, note)
        if payload:
            await opened.db.execute(DROP_PREPARATION, {"post": post.id})
            opened.emit(requested(post, found.request))
        else:
            await opened.db.flush()
            await opened.db.execute(PREPARE, self._preparation(post, timing))
        return await _as_it_is_now(opened.db, found)

    async def cancel(
        self, opened: Transaction, post_id: UUID, if_match: str | None, reason: str | None, caller: Caller
    ) -> Found:
        """Take a post back; raises Problem. Publisher has the last word if anybody but ingest knows the post."""
        found = await _changeable(opened.db, post_id, if_match, caller)
        post = found.post
        told = was_told(post.payload is not None, found.history)
        post.version += 1
        post.changed_at = datetime.now(UTC)
        await opened.db.execute(DROP_PREPARATION, {"post": post.id})
        note = {"reason": reason, "told": told, "since": last_heard(found.history, PUBLISHER)}
        _note(opened.db, found, CANCELLED, caller, note)
        if told:
            post.ask_at = self._later()
            opened.emit(cancelled(post, Requester(tool=caller.tool, trust=caller.trust), reason or ""))
        return await _as_it_is_now(opened.db, found)

    async def _rendered(
        self, db: AsyncSession, found: Found, content: Content, revising: Revising, caller: Caller
    ) -> Payload | None:
        """Check and render the content; None when media are still to be prepared. Raises Problem."""
        post = found.post
        spec = self._channels.spec(post.channel)
        if spec is None:
            detail, remedy = self._channels.why_not(post.channel)
            raise Problem(409, "channel-gone", detail, remedy=remedy)
        one = Wanted.of(post.channel, spec, content)
        media, settings = media_in([one]), self._settings
        fresh = settings.commons_fresh_seconds
        originals = await find_originals(db, media, found.request.tool, team=is_team(caller), fresh=fresh)
        wrong: list[Wrong] = [*missing_media(one, originals), *excesses(one, originals)]
        if revising.timing:
            now = datetime.now(UTC)
            wrong += timing_wrong(revising.timing, now, settings.past_tolerance_seconds, settings.furthest_days)
        if wrong:
            raise invalid(wrong)
        forms = renditions_of(one, originals, await find_fitted(db, originals.values()))
        return None if forms is None else render(content, post.channel, spec, forms)

    def _apply(self, post: Post, content: Content, timing: Timing, payload: Payload | None) -> None:
        post.revision += 1
        post.version += 1
        post.content = content.model_dump(mode="json", exclude_defaults=True)
        post.publish_at, post.zone, post.not_after = timing.publish_at, timing.zone, timing.not_after
        post.payload = payload.model_dump(mode="json", exclude_defaults=True) if payload else None
        post.payload_hash = payload.digest() if payload else None
        post.ask_at = self._later() if payload else None
        post.changed_at = datetime.now(UTC)

    def _preparation(self, post: Post, timing: Timing) -> dict[str, Any]:
        until = give_up_at(timing, self._settings)
        trace = current_traceparent()
        return {"post": post.id, "revision": post.revision, "give_up_at": until, "traceparent": trace}

    def _later(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._settings.ask_again_seconds)


async def _changeable(db: AsyncSession, post_id: UUID, if_match: str | None, caller: Caller) -> Found:
    """Lock a post that may still be changed; raises Problem: 404, 428, 412 or 409."""
    found = await find(db, post_id, caller, lock=True)
    check_match(if_match, found.post.version)
    if found.state in FINAL:
        raise Problem(
            409, "final", f"The post is {found.state}: nothing changes that any more.", remedy="Make a new request."
        )
    if found.state is State.CANCELLING:
        raise Problem(
            409,
            "cancelling",
            "The post is being cancelled.",
            remedy="GET it until publisher has answered, then decide.",
        )
    return found


def _in_language(content: Content, language: str) -> Content:
    if "language" in content.model_fields_set and content.language != language:
        detail = f"The post is in '{language}', and a post in another language is another post."
        remedy = f"Leave it out, or write '{language}'; ask for the other language in a new request."
        raise invalid([{"pointer": "/content/language", "detail": detail, "remedy": remedy}])
    return content.model_copy(update={"language": language})


def _before(post: Post) -> Mapping[str, Any]:
    """Return what the revision said that is now replaced: if the new one comes too late, that is what is published."""
    timing = timing_of(post).model_dump(mode="json", exclude_none=True)
    return {
        "revision": post.revision,
        "payload": post.payload,
        "payload_hash": post.payload_hash,
        "content": post.content,
        "timing": timing,
    }


def _note(db: AsyncSession, found: Found, kind: str, caller: Caller, data: Mapping[str, Any]) -> None:
    """Append what ingest itself did to the history; the post's version orders such lines."""
    db.add(
        History(
            subject=found.post.id,
            emitter=INGEST,
            sequence=found.post.version,
            event_id=uuid4(),
            type=kind,
            revision=found.post.revision,
            at=datetime.now(UTC),
            data={"by": {"tool": caller.tool, "trust": caller.trust}, **data},
        )
    )


async def _as_it_is_now(db: AsyncSession, found: Found) -> Found:
    """Return the post with the line of history that was just added."""
    await db.flush()
    history = (await db.execute(select(History).where(History.subject == found.post.id))).scalars().all()
    return found._replace(history=history)
