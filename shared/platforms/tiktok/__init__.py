"""TikTok, by its Content Posting and Display APIs."""

from shared.platforms.tiktok.spec import SPEC

__all__ = ["SPEC"]
