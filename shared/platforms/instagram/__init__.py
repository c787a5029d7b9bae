"""Instagram, by its API with Instagram Login."""

from shared.platforms.instagram.spec import SPEC

__all__ = ["SPEC"]
