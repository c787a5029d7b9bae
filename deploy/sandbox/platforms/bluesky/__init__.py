"""Bluesky: an account's own server (PDS) and the public reads of the AppView, both under `/bluesky/xrpc`."""

from deploy.sandbox.platforms.bluesky.errors import XrpcRefusals
from deploy.sandbox.platforms.bluesky.notifications import Notifications
from deploy.sandbox.platforms.bluesky.reads import Reads
from deploy.sandbox.platforms.bluesky.schema import VIDEO_BYTES
from deploy.sandbox.platforms.bluesky.server import Server
from deploy.sandbox.platforms.bluesky.state import NAME, State
from deploy.sandbox.platforms.bluesky.video import Videos
from deploy.sandbox.platforms.bluesky.writes import Writes
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

HOUR, DAY = 3_600, 86_400
QUOTAS = {
    "requests_5min": Quota(3_000, 300),
    "points_hour": Quota(5_000, HOUR),
    "points_day": Quota(35_000, DAY),
    "logins_5min": Quota(30, 300),
    "logins_day": Quota(300, DAY),
    "uploads_day": Quota(1_000, DAY),
}


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    videos = Videos(state)

    def forget() -> None:
        state.forget()
        videos.forget()

    return Platform(
        NAME,
        "AT Protocol: any handle, password `sandbox`; records under /bluesky/xrpc/com.atproto.repo.*",
        routes(state, videos),
        XrpcRefusals(world.now),
        QUOTAS,
        forget,
        processes_media=True,
    )


def routes(state: State, videos: Videos) -> tuple[Route, ...]:
    """Return every method of the XRPC interface that is stood in for."""
    server, writes, reads, notifications = Server(state), Writes(state), Reads(state), Notifications(state)
    blob_limit = state.world.settings.bluesky_blob_limit
    return (
        Route("POST", "/xrpc/com.atproto.server.createSession", server.create_session),
        Route("POST", "/xrpc/com.atproto.server.refreshSession", server.refresh_session),
        Route("POST", "/xrpc/com.atproto.server.deleteSession", server.delete_session),
        Route("GET", "/xrpc/com.atproto.server.getSession", server.get_session),
        Route("GET", "/xrpc/com.atproto.server.describeServer", server.describe_server),
        Route("GET", "/xrpc/_health", server.health),
        Route("GET", "/xrpc/com.atproto.identity.resolveHandle", server.resolve_handle),
        Route("POST", "/xrpc/com.atproto.repo.uploadBlob", server.upload_blob, blob_limit),
        Route("POST", "/xrpc/com.atproto.repo.createRecord", writes.create_record),
        Route("POST", "/xrpc/com.atproto.repo.putRecord", writes.put_record),
        Route("POST", "/xrpc/com.atproto.repo.applyWrites", writes.apply_writes),
        Route("POST", "/xrpc/com.atproto.repo.deleteRecord", writes.delete_record),
        Route("GET", "/xrpc/com.atproto.repo.getRecord", reads.get_record),
        Route("GET", "/xrpc/com.atproto.repo.listRecords", reads.list_records),
        Route("GET", "/xrpc/app.bsky.feed.getPosts", reads.get_posts),
        Route("GET", "/xrpc/app.bsky.actor.getProfile", reads.get_profile),
        Route("GET", "/xrpc/app.bsky.notification.listNotifications", notifications.listed),
        Route("GET", "/xrpc/com.atproto.server.getServiceAuth", videos.get_service_auth),
        Route("POST", "/xrpc/app.bsky.video.uploadVideo", videos.upload, VIDEO_BYTES),
        Route("GET", "/xrpc/app.bsky.video.getJobStatus", videos.job_status),
    )
