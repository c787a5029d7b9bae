"""YouTube: its Data and Analytics APIs and Google's token endpoint, all under `/youtube`.

The token of a channel is `sandbox-` and its name. A title that ends in `(failed: codec)` or `(rejected: duplicate)`, or
with another reason, becomes so when it is processed. A channel whose name ends in `_hidden` hides its subscribers and
its videos' likes.
"""

from deploy.sandbox.platforms.youtube.channels import Channels
from deploy.sandbox.platforms.youtube.comments import Comments
from deploy.sandbox.platforms.youtube.errors import GoogleRefusals
from deploy.sandbox.platforms.youtube.extras import Extras
from deploy.sandbox.platforms.youtube.oauth import Tokens
from deploy.sandbox.platforms.youtube.reports import Reports
from deploy.sandbox.platforms.youtube.state import NAME, State
from deploy.sandbox.platforms.youtube.uploads import Uploads
from deploy.sandbox.platforms.youtube.videos import Videos
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

DAY = 86_400
QUOTAS = {
    "uploads_day": Quota(100, DAY),  # of the project, as the next one
    "units_day": Quota(10_000, DAY),
    "channel_day": Quota(100, DAY),  # how many videos a channel may upload a day is not published
}
UPLOAD_LIMIT = 256_000_000
"""Bytes of one call; ours, so that a chunk or a whole film fits."""


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any channel, token `sandbox-<channel>`; POST /youtube/upload/youtube/v3/videos?uploadType=resumable",
        routes(state),
        GoogleRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    uploads, videos, channels, extras = Uploads(state), Videos(state), Channels(state), Extras(state)
    comments, reports, tokens = Comments(state), Reports(state), Tokens(state)
    return (
        Route("POST", "/upload/youtube/v3/videos", uploads.start),
        Route("PUT", "/upload/youtube/v3/videos", uploads.put, UPLOAD_LIMIT),
        Route("GET", "/youtube/v3/videos", videos.listed),
        Route("PUT", "/youtube/v3/videos", videos.update),
        Route("DELETE", "/youtube/v3/videos", videos.delete),
        Route("POST", "/upload/youtube/v3/captions", extras.start_captions),
        Route("PUT", "/upload/youtube/v3/captions", extras.put_captions, UPLOAD_LIMIT),
        Route("GET", "/youtube/v3/captions", extras.list_captions),
        Route("POST", "/upload/youtube/v3/thumbnails/set", extras.set_thumbnail, UPLOAD_LIMIT),
        Route("GET", "/youtube/v3/channels", channels.listed),
        Route("GET", "/youtube/v3/playlistItems", channels.uploads),
        Route("POST", "/youtube/v3/commentThreads", comments.insert),
        Route("GET", "/youtube/v3/commentThreads", comments.listed),
        Route("GET", "/v2/reports", reports.query),
        Route("POST", "/token", tokens.token),
        Route("POST", "/revoke", tokens.revoke),
    )
