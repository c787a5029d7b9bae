"""Facebook Pages, by the Graph API."""

from shared.platforms.facebook.spec import SPEC

__all__ = ["SPEC"]
