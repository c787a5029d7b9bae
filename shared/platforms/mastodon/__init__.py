"""Mastodon, by its client API."""

from shared.platforms.mastodon.spec import SPEC

__all__ = ["SPEC"]
