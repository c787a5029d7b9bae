"""Facebook: the Graph API with its hosts for videos, uploads and signing in, under `/facebook`.

Every name is a Page's; its token is `sandbox-` and the name, its id follows from the name.
"""

from deploy.sandbox.platforms.facebook.comments import Comments
from deploy.sandbox.platforms.facebook.errors import FacebookRefusals
from deploy.sandbox.platforms.facebook.feed import Feed
from deploy.sandbox.platforms.facebook.login import Login
from deploy.sandbox.platforms.facebook.nodes import Nodes
from deploy.sandbox.platforms.facebook.photos import PHOTO_LIMIT, Photos
from deploy.sandbox.platforms.facebook.state import NAME, State
from deploy.sandbox.platforms.facebook.videos import Videos
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

QUOTAS = {
    "calls_24h": Quota(48_000, 86_400),  # 4,800 for each of ten people who engaged with the Page
    "reels_24h": Quota(30, 86_400),
}
PART_LIMIT = 70_000_000


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any Page, token `sandbox-<name>`; POST /facebook/v26.0/<page id>/feed",
        routes(state),
        FacebookRefusals(world.now),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    feed, photos, videos = Feed(state), Photos(state), Videos(state)
    comments, nodes, login = Comments(state), Nodes(state), Login(state)
    return (
        Route("POST", "/{version}/oauth/access_token", login.token),
        Route("GET", "/{version}/oauth/access_token", login.token),
        Route("GET", "/{version}/me/accounts", login.accounts),
        Route("DELETE", "/{version}/me/permissions", login.revoke),
        Route("POST", "/{version}/{id}/feed", feed.post),
        Route("GET", "/{version}/{id}/published_posts", feed.published),
        Route("POST", "/{version}/{id}/photos", photos.post, PHOTO_LIMIT),
        Route("POST", "/{version}/{id}/videos", videos.post, PART_LIMIT),
        Route("POST", "/{version}/{id}/video_reels", videos.reel),
        Route("POST", "/video-upload/{version}/{id}", videos.upload, PART_LIMIT),
        Route("POST", "/{version}/{id}/comments", comments.post),
        Route("GET", "/{version}/{id}/comments", comments.listed),
        Route("GET", "/{version}/{id}/insights", nodes.insights),
        Route("GET", "/{version}/{id}", nodes.get),
        Route("POST", "/{version}/{id}", nodes.edit),
        Route("DELETE", "/{version}/{id}", nodes.delete),
        Route("POST", "/{version}/", nodes.batch),
    )
