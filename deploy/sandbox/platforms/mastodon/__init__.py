"""Mastodon: one server of version 4.7.3 under `/mastodon/api`; the token of an account is `sandbox-` and its name."""

from deploy.sandbox.platforms.mastodon.accounts import Accounts
from deploy.sandbox.platforms.mastodon.boosts import Boosts
from deploy.sandbox.platforms.mastodon.errors import MastodonRefusals
from deploy.sandbox.platforms.mastodon.limits import VIDEO_BYTES
from deploy.sandbox.platforms.mastodon.media import Uploads
from deploy.sandbox.platforms.mastodon.notifications import Notifications
from deploy.sandbox.platforms.mastodon.state import NAME, State
from deploy.sandbox.platforms.mastodon.statuses import Statuses
from deploy.sandbox.platforms.mastodon.tokens import OAuth
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

QUOTAS = {
    "statuses_3h": Quota(300, 10_800, aligned=True),
    "requests_5min": Quota(300, 300, aligned=True),
    "media_30min": Quota(30, 1_800, aligned=True),
    "deletes_30min": Quota(30, 1_800, aligned=True),
}
UPLOAD_LIMIT = VIDEO_BYTES + 1_000_000


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any account, token `sandbox-<account>`; POST /mastodon/api/v1/statuses",
        routes(state),
        MastodonRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    statuses, uploads, accounts, boosts = Statuses(state), Uploads(state), Accounts(state), Boosts(state)
    notifications, oauth = Notifications(state), OAuth(state)
    return (
        Route("POST", "/oauth/token", oauth.token),
        Route("POST", "/oauth/revoke", oauth.revoke),
        Route("GET", "/api/v2/instance", accounts.instance),
        Route("POST", "/api/v1/statuses", statuses.post),
        Route("GET", "/api/v1/statuses", statuses.several),
        Route("POST", "/api/v2/media", uploads.post, UPLOAD_LIMIT),
        Route("GET", "/api/v1/media/{id}", uploads.get),
        Route("PUT", "/api/v1/media/{id}", uploads.put, UPLOAD_LIMIT),
        Route("GET", "/api/v1/accounts/verify_credentials", accounts.verify_credentials),
        Route("GET", "/api/v1/accounts/lookup", accounts.lookup),
        Route("GET", "/api/v1/accounts/{id}", accounts.get),
        Route("GET", "/api/v1/accounts/{id}/statuses", accounts.statuses),
        Route("GET", "/api/v1/statuses/{id}", statuses.get),
        Route("PUT", "/api/v1/statuses/{id}", statuses.edit),
        Route("DELETE", "/api/v1/statuses/{id}", statuses.delete),
        Route("GET", "/api/v1/statuses/{id}/source", statuses.source),
        Route("GET", "/api/v1/statuses/{id}/context", statuses.context),
        Route("POST", "/api/v1/statuses/{id}/reblog", boosts.boost),
        Route("POST", "/api/v1/statuses/{id}/unreblog", boosts.unboost),
        Route("GET", "/api/v1/notifications", notifications.listed),
        Route("GET", "/api/v2/search", notifications.search),
    )
