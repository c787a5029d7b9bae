"""YouTube, by its Data API; figures of watching by its Analytics API."""

from shared.platforms.youtube.spec import SPEC

__all__ = ["SPEC"]
