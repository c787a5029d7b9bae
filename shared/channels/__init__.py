"""The channels and the strategy: what `config/` says, checked, typed, and read again when it changes."""

from shared.channels.load import ConfigError, load
from shared.channels.registry import (
    Channel,
    Followers,
    OwnerRole,
    QuietHours,
    Registry,
    Stance,
)
from shared.channels.strategy import Objective, Regions, Review, Strategy, TierLimit
from shared.channels.watch import RegistryFile

__all__ = [
    "Channel",
    "ConfigError",
    "Followers",
    "Objective",
    "OwnerRole",
    "QuietHours",
    "Regions",
    "Registry",
    "RegistryFile",
    "Review",
    "Stance",
    "Strategy",
    "TierLimit",
    "load",
]
