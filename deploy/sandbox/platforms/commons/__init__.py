"""Wikimedia Commons: `/commons/w/api.php` over recorded files, and their bytes under `/commons/media`."""

from deploy.sandbox.platforms.commons.api import Api
from deploy.sandbox.platforms.commons.errors import CommonsRefusals
from deploy.sandbox.wire import Platform, Route
from deploy.sandbox.world import World


def open_platform(world: World) -> Platform:
    """Return this stand-in."""
    api = Api(world.settings.samples)
    return Platform(
        "commons",
        f"recorded file pages and licences of {len(api.files)} files; GET /commons/w/api.php",
        (
            Route("GET", "/w/api.php", api.get),
            Route("POST", "/w/api.php", api.post),
            Route("GET", "/media/{name}", api.media),
        ),
        CommonsRefusals(),
        {},
        lambda: None,
    )
