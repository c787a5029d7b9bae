"""X: version 2 of its API under `/x/2`; the token of an account is `sandbox-` and its name.

An account whose name begins with `selfserve` belongs to an app that pays by use: it may not quote, answers only who
mentioned it, and edits nothing.
"""

from deploy.sandbox.platforms.x.errors import XRefusals
from deploy.sandbox.platforms.x.media import PICTURE_BYTES, SEGMENT_BYTES, Media
from deploy.sandbox.platforms.x.oauth import OAuth
from deploy.sandbox.platforms.x.posts import Posts
from deploy.sandbox.platforms.x.state import NAME, State
from deploy.sandbox.platforms.x.timelines import Timelines
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

QUOTAS = {
    "create_15min": Quota(100, 900),
    "posts_3h": Quota(300, 10_800),
    "delete_15min": Quota(50, 900),
    "reposts_15min": Quota(50, 900),
    "upload_15min": Quota(500, 900),
    "chunks_15min": Quota(1_875, 900),
    "status_15min": Quota(1_000, 900),
    "metadata_15min": Quota(500, 900),
    "own_posts_15min": Quota(900, 900),
    "mentions_15min": Quota(300, 900),
    "lookup_15min": Quota(5_000, 900),
    "me_15min": Quota(75, 900),
}
FORM = 100_000
"""Bytes that a form may have beside its file."""


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any account, token `sandbox-<account>`; POST /x/2/tweets",
        routes(state),
        XRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    posts, timelines, media, oauth = Posts(state), Timelines(state), Media(state), OAuth(state)
    return (
        Route("POST", "/2/tweets", posts.create),
        Route("GET", "/2/tweets", timelines.by_ids),
        Route("DELETE", "/2/tweets/{id}", posts.delete),
        Route("POST", "/2/users/{id}/retweets", posts.repost),
        Route("DELETE", "/2/users/{id}/retweets/{source}", posts.unrepost),
        Route("GET", "/2/users/me", timelines.me),
        Route("GET", "/2/users/{id}/tweets", timelines.own),
        Route("GET", "/2/users/{id}/mentions", timelines.mentions),
        Route("POST", "/2/media/upload", media.upload, 3 * PICTURE_BYTES),
        Route("GET", "/2/media/upload", media.status),
        Route("POST", "/2/media/upload/initialize", media.initialize),
        Route("POST", "/2/media/upload/{id}/append", media.append, SEGMENT_BYTES + FORM),
        Route("POST", "/2/media/upload/{id}/finalize", media.finalize),
        Route("POST", "/2/media/metadata", media.describe),
        Route("POST", "/2/oauth2/token", oauth.token),
        Route("POST", "/2/oauth2/revoke", oauth.revoke),
    )
