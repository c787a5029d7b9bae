"""Instagram: the API with Instagram Login under `/instagram`; the token of an account is `sandbox-` and its name."""

from deploy.sandbox.platforms.instagram.comments import Comments
from deploy.sandbox.platforms.instagram.containers import Containers
from deploy.sandbox.platforms.instagram.errors import InstagramRefusals
from deploy.sandbox.platforms.instagram.insights import Insights
from deploy.sandbox.platforms.instagram.nodes import Nodes
from deploy.sandbox.platforms.instagram.publishing import Publishing
from deploy.sandbox.platforms.instagram.sign_in import SignIn
from deploy.sandbox.platforms.instagram.state import CONTAINERS_A_DAY, NAME, POSTS_A_DAY, State
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

QUOTAS = {"posts_24h": Quota(POSTS_A_DAY, 86_400), "containers_24h": Quota(CONTAINERS_A_DAY, 86_400)}


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any account, token `sandbox-<account>`; POST /instagram/v26.0/me/media, then /media_publish",
        routes(state),
        InstagramRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    nodes, containers, publishing = Nodes(state), Containers(state), Publishing(state)
    comments, insights, sign_in = Comments(state), Insights(state), SignIn(state)
    return (
        Route("POST", "/oauth/access_token", sign_in.exchange),
        Route("GET", "/access_token", sign_in.lengthen),
        Route("GET", "/refresh_access_token", sign_in.refresh),
        Route("GET", "/{version}/{id}", nodes.get),
        Route("DELETE", "/{version}/{id}", nodes.delete),
        Route("POST", "/{version}/{id}/media", containers.create),
        Route("GET", "/{version}/{id}/media", nodes.media),
        Route("GET", "/{version}/{id}/stories", nodes.stories),
        Route("POST", "/{version}/{id}/media_publish", publishing.publish),
        Route("GET", "/{version}/{id}/content_publishing_limit", publishing.limit),
        Route("GET", "/{version}/{id}/comments", comments.read),
        Route("POST", "/{version}/{id}/comments", comments.post),
        Route("GET", "/{version}/{id}/insights", insights.get),
    )
