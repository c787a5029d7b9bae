"""Metrics: a published post is measured by its age, and every channel's followers are counted daily."""
