"""Threads: graph.threads.net, version 1.0, under `/threads`; the token of an account is `sandbox-` and its name."""

from deploy.sandbox.platforms.threads.containers import Containers
from deploy.sandbox.platforms.threads.errors import ThreadsRefusals
from deploy.sandbox.platforms.threads.insights import Insights
from deploy.sandbox.platforms.threads.posts import Posts
from deploy.sandbox.platforms.threads.reads import Reads
from deploy.sandbox.platforms.threads.state import NAME, State
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

QUOTAS = {
    "posts_24h": Quota(250, 86_400),
    "replies_24h": Quota(1_000, 86_400),
    "deletes_24h": Quota(100, 86_400),
}


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any account, token `sandbox-<account>`; POST /threads/v1.0/me/threads, then /threads/v1.0/me/threads_publish",
        routes(state),
        ThreadsRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    posts, insights = Posts(state), Insights(state)
    containers = Containers(state, posts)
    reads = Reads(state, containers)
    return (
        Route("POST", "/oauth/access_token", state.tokens.exchange),
        Route("GET", "/access_token", state.tokens.lengthen),
        Route("GET", "/refresh_access_token", state.tokens.refresh),
        Route("GET", "/v1.0/profile_posts", reads.profile_posts),
        Route("GET", "/v1.0/{id}", reads.node),
        Route("DELETE", "/v1.0/{id}", posts.delete),
        Route("POST", "/v1.0/{id}/threads", containers.create),
        Route("GET", "/v1.0/{id}/threads", reads.threads),
        Route("POST", "/v1.0/{id}/threads_publish", posts.publish_container),
        Route("GET", "/v1.0/{id}/threads_publishing_limit", reads.limit),
        Route("GET", "/v1.0/{id}/replies", reads.replies),
        Route("GET", "/v1.0/{id}/conversation", reads.conversation),
        Route("GET", "/v1.0/{id}/mentions", reads.mentions),
        Route("GET", "/v1.0/{id}/insights", insights.media),
        Route("GET", "/v1.0/{id}/threads_insights", insights.user),
        Route("POST", "/v1.0/{id}/repost", posts.repost),
    )
