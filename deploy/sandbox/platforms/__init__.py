"""The stand-ins, one folder each; the folder is the registration.

A folder's `__init__.py` defines `open_platform(world: World) -> Platform`.
"""

import importlib
import pkgutil

from deploy.sandbox.wire import Platform
from deploy.sandbox.world import World


def open_platforms(world: World) -> dict[str, Platform]:
    """Open every stand-in in this folder, by name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        platform: Platform = importlib.import_module(f"{__name__}.{module.name}").open_platform(world)
        found[platform.name] = platform
    return found
