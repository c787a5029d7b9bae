"""TikTok: its Content Posting and Display APIs under `/tiktok/v2`; an account's token is `sandbox-` and its name."""

from deploy.sandbox.platforms.tiktok.accounts import Accounts
from deploy.sandbox.platforms.tiktok.checks import LAST_CHUNK
from deploy.sandbox.platforms.tiktok.errors import TikTokRefusals
from deploy.sandbox.platforms.tiktok.posting import Posting
from deploy.sandbox.platforms.tiktok.state import NAME, STATUS, State
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

QUOTAS = {
    "init_min": Quota(6, 60),
    "status_min": Quota(30, 60),
    "creator_info_min": Quota(20, 60),
    "reads_min": Quota(600, 60),
    "posts_day": Quota(15, 86_400),
}


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any account, token `sandbox-<account>`; POST /tiktok/v2/post/publish/video/init/",
        routes(state),
        TikTokRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    posting, accounts = Posting(state), Accounts(state)
    return (
        Route("POST", "/v2/post/publish/creator_info/query/", posting.creator_info),
        Route("POST", "/v2/post/publish/video/init/", posting.video_init),
        Route("POST", "/v2/post/publish/content/init/", posting.photo_init),
        Route("PUT", "/video/", posting.upload, LAST_CHUNK),
        Route("POST", STATUS, posting.status),
        Route("POST", "/v2/video/list/", accounts.video_list),
        Route("POST", "/v2/video/query/", accounts.video_query),
        Route("GET", "/v2/user/info/", accounts.user_info),
        Route("POST", "/v2/oauth/token/", accounts.token),
        Route("POST", "/v2/oauth/revoke/", accounts.revoke),
    )
