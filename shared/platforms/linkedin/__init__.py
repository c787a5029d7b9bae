"""LinkedIn, as an organization's page, by its versioned Community Management API."""

from shared.platforms.linkedin.spec import SPEC

__all__ = ["SPEC"]
