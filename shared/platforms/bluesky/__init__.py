"""Bluesky, by the AT Protocol."""

from shared.platforms.bluesky.spec import SPEC

__all__ = ["SPEC"]
