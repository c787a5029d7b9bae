"""The platforms, a folder each; the folder is the registration."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from shared.adapter.contract import Connector, Measurer, Publisher
from shared.adapter.spec import Spec


@cache
def specs() -> Mapping[str, Spec]:
    """Return every platform's spec by its name; nothing that speaks to a platform is imported."""
    folders = sorted(module.name for module in iter_modules(__path__) if module.ispkg)
    return {name: cast("Spec", import_module(f"{__name__}.{name}").SPEC) for name in folders}


def publisher_of(name: str) -> Publisher:
    """Return what publishes on a platform; for the publisher service only."""
    return cast("Publisher", _part(name, "publish"))


def connector_of(name: str) -> Connector:
    """Return what signs in at a platform; for the publisher service only."""
    return cast("Connector", _part(name, "connect"))


def measurer_of(name: str) -> Measurer:
    """Return what measures on a platform; for the metrics service only."""
    return cast("Measurer", _part(name, "measure"))


def _part(name: str, part: str) -> object:
    if name not in specs():
        raise KeyError(f"there is no platform {name!r}; there are {', '.join(specs())}")
    return import_module(f"{__name__}.{name}.{part}")
