"""`post.requested` and `post.cancelled`, from the rows that say all they need."""

from datetime import datetime
from zoneinfo import ZoneInfo

from services.ingest.tables import Post, Request
from shared.content import About, Content, Timing
from shared.events import Brief, PostCancelled, PostRequested, Requester, Trust
from shared.payload import Payload


def requested(post: Post, request: Request) -> PostRequested:
    """Return the event for a post that is rendered, in its current revision."""
    return PostRequested(
        post=post.id,
        revision=post.revision,
        payload=Payload.model_validate(post.payload),
        payload_hash=post.payload_hash or "",
        timing=timing_of(post),
        sources=Content.model_validate(post.content).sources,
        after=post.after,
        brief=brief_of(post, request),
    )


def cancelled(post: Post, requester: Requester, reason: str) -> PostCancelled:
    """Return the event that takes a post back."""
    return PostCancelled(post=post.id, revision=post.revision, reason=reason, requester=requester)


def brief_of(post: Post, request: Request) -> Brief:
    """Return what everybody down the line may want to know of a post."""
    return Brief(
        request=request.id,
        channel=post.channel,
        platform=post.platform,
        language=post.language,
        about=About.model_validate(post.about),
        requester=requester_of(request),
        accepted_at=request.created_at,
    )


def requester_of(request: Request) -> Requester:
    """Return who asked first."""
    return Requester(tool=request.tool, person=request.person, trust=Trust(request.trust))


def timing_of(post: Post) -> Timing:
    """Return when the post may go out, with the offset of the zone it was meant in."""
    return Timing(publish_at=in_zone(post.publish_at, post.zone), zone=post.zone, not_after=post.not_after)


def in_zone(moment: datetime | None, zone: str | None) -> datetime | None:
    """Give a moment the offset of its zone: the database keeps the moment only."""
    return moment.astimezone(ZoneInfo(zone)) if moment and zone else moment
