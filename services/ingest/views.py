"""What a caller reads: a request, and a post with its whole history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.accept import is_team
from services.ingest.change import Found, not_found
from services.ingest.requested import timing_of
from services.ingest.standing import INGEST, State, revision_in_force, standing
from services.ingest.tables import History, Person, Post, Request
from shared.content import About, Content, Timing
from shared.http.auth import Caller
from shared.model import Travelling
from shared.payload import Payload


class PostLine(Travelling):
    """A post in a request's answer."""

    id: UUID
    channel: str
    language: str
    state: State
    url: str


class RequestView(Travelling):
    """A request and where its posts stand."""

    id: UUID
    state: str
    """`accepted`; what became of it, each post tells."""
    posts: tuple[PostLine, ...]
    tool: str | None = None
    requested_by: str | None = None
    """The person behind the call; None when none was named, or the name is erased by now."""
    created_at: datetime | None = None


class Happening(Travelling):
    """One line of a post's history: who, when, what and why."""

    at: datetime
    by: str
    """The service that said so; what a person or tool did is told in `data`."""
    type: str
    revision: int
    data: Mapping[str, Any] = Field(default_factory=dict)


class PublishedView(Travelling):
    """Where the post can be seen."""

    revision: int
    external_id: str
    permalink: str | None
    published_at: datetime


class PostView(Travelling):
    """A post: what it says, where it stands, and how it got there."""

    id: UUID
    request: UUID
    channel: str
    platform: str
    language: str
    state: State
    revision: int
    """The newest one asked for."""
    revision_in_force: int
    """The newest one that did not come too late."""
    content: Content
    payload: Payload | None
    """What the channel says, final; None while media are being prepared."""
    payload_hash: str | None
    timing: Timing
    about: About
    after: UUID | None
    published: PublishedView | None
    numbers: Mapping[str, int]
    """The newest figures; what the platform does not say is absent."""
    created_at: datetime
    changed_at: datetime
    history: tuple[Happening, ...]


async def request_view(db: AsyncSession, request_id: UUID, caller: Caller) -> RequestView:
    """Return a request that the caller may see; raises Problem (404) otherwise."""
    query = select(Request, Person.name).outerjoin(Person, Person.id == Request.person).where(Request.id == request_id)
    row = (await db.execute(query)).one_or_none()
    if row is None or not (is_team(caller) or row.Request.tool == caller.tool):
        raise not_found("request", request_id)
    posts = (await db.execute(select(Post).where(Post.request_id == request_id).order_by(Post.ordinal))).scalars().all()
    lines = (await db.execute(select(History).where(History.subject.in_([post.id for post in posts])))).scalars().all()
    return RequestView(
        id=request_id,
        state="accepted",
        posts=tuple(_line(post, [line for line in lines if line.subject == post.id]) for post in posts),
        tool=row.Request.tool,
        requested_by=row.name,
        created_at=row.Request.created_at,
    )


def _line(post: Post, history: Sequence[History]) -> PostLine:
    state = standing(post.revision, post.payload is not None, history)
    return PostLine(id=post.id, channel=post.channel, language=post.language, state=state, url=f"/v1/posts/{post.id}")


def post_view(found: Found) -> PostView:
    """Return a post with everything that happened to it."""
    post, history = found.post, found.history
    return PostView(
        id=post.id,
        request=post.request_id,
        channel=post.channel,
        platform=post.platform,
        language=post.language,
        state=found.state,
        revision=post.revision,
        revision_in_force=revision_in_force(post.revision, history),
        content=Content.model_validate(post.content),
        payload=Payload.model_validate(post.payload) if post.payload else None,
        payload_hash=post.payload_hash,
        timing=timing_of(post),
        about=About.model_validate(post.about),
        after=post.after,
        published=_published(history),
        numbers=_numbers(history),
        created_at=post.created_at,
        changed_at=post.changed_at,
        history=_happenings(found),
    )


def _happenings(found: Found) -> tuple[Happening, ...]:
    """Return the history in order, begun by the request itself; an event heard twice is told once."""
    request, post = found.request, found.post
    by = {"tool": request.tool, "person": str(request.person) if request.person else None}
    lines = [Happening(at=post.created_at, by=INGEST, type="post.accepted", revision=1, data={"by": by})]
    once = {line.event_id: line for line in found.history}.values()
    lines += [
        Happening(at=line.at, by=line.emitter, type=line.type, revision=line.revision, data=line.data)
        for line in sorted(once, key=lambda line: (line.at, line.emitter, line.sequence))
    ]
    return tuple(lines)


def _published(history: Sequence[History]) -> PublishedView | None:
    said = [line for line in history if line.type == "post.published"]
    if not said:
        return None
    first = min(said, key=lambda line: line.sequence)
    return PublishedView(revision=first.revision, **_picked(first.data, "external_id", "permalink", "published_at"))


def _numbers(history: Sequence[History]) -> Mapping[str, int]:
    """Lay newer measurements over older ones: a figure that is missing in the newest is still the last one known."""
    numbers: dict[str, int] = {}
    measured = [line.data for line in history if line.type == "post.measured"]
    for data in sorted(measured, key=lambda data: datetime.fromisoformat(data["measured_at"])):
        numbers |= data["values"]
    return numbers


def _picked(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data.get(name) for name in names}
