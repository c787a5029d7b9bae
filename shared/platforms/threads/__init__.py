"""Threads, by Meta's Threads API."""

from shared.platforms.threads.spec import SPEC

__all__ = ["SPEC"]
