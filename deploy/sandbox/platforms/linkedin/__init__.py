"""LinkedIn: api.linkedin.com and www.linkedin.com under `/linkedin`; a page's administrator has `sandbox-<page>`."""

from deploy.sandbox.platforms.linkedin.accounts import Accounts
from deploy.sandbox.platforms.linkedin.comments import Comments
from deploy.sandbox.platforms.linkedin.errors import LinkedInRefusals
from deploy.sandbox.platforms.linkedin.oauth import OAuth
from deploy.sandbox.platforms.linkedin.posts import Posts
from deploy.sandbox.platforms.linkedin.state import NAME, State
from deploy.sandbox.platforms.linkedin.uploads import MOST_AT_ONCE, Uploads
from deploy.sandbox.quotas import Quota
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World

DAY = 86_400
QUOTAS = {
    # LinkedIn tells its numbers in the developer portal only; the first is what third parties say, the second one is
    # large enough not to matter. In the Development tier it is 100.
    "posts_day": Quota(150, DAY, aligned=True),
    "member_day": Quota(100_000, DAY, aligned=True),
}


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    state = State(world)
    return Platform(
        NAME,
        "any page, token `sandbox-<page>`, author urn:li:organization:<its number>; POST /linkedin/rest/posts",
        routes(state),
        LinkedInRefusals(),
        QUOTAS,
        state.forget,
        processes_media=True,
    )


def routes(state: State) -> tuple[Route, ...]:
    """Return every address that is stood in for."""
    posts, uploads, comments, accounts, oauth = (
        Posts(state),
        Uploads(state),
        Comments(state),
        Accounts(state),
        OAuth(state),
    )
    return (
        Route("POST", "/rest/posts", posts.create),
        Route("GET", "/rest/posts", posts.several),
        Route("GET", "/rest/posts/{urn}", posts.get),
        Route("POST", "/rest/posts/{urn}", posts.update),
        Route("DELETE", "/rest/posts/{urn}", posts.delete),
        Route("POST", "/rest/images", uploads.images),
        Route("GET", "/rest/images/{urn}", uploads.get),
        Route("POST", "/rest/videos", uploads.videos),
        Route("GET", "/rest/videos/{urn}", uploads.get),
        Route("PUT", "/dms-uploads/{id}/{part}", uploads.put, MOST_AT_ONCE),
        Route("POST", "/rest/socialActions/{urn}/comments", comments.create),
        Route("GET", "/rest/socialActions/{urn}/comments", comments.listed),
        Route("GET", "/rest/organizationAcls", accounts.acls),
        Route("GET", "/rest/organizations/{id}", accounts.organization),
        Route("GET", "/rest/networkSizes/{urn}", accounts.network),
        Route("GET", "/rest/organizationalEntityShareStatistics", accounts.statistics),
        Route("POST", "/oauth/v2/accessToken", oauth.token),
        Route("POST", "/oauth/v2/revoke", oauth.revoke),
    )
