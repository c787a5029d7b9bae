"""What must hold for a post to go out, in SQL: the same words in every statement that asks."""

from sqlalchemy import ARRAY, Text, bindparam

OPEN_CHANNELS = bindparam("open_channels", type_=ARRAY(Text))
"""The channels whose stance lets them publish."""

HOLDS = "EXISTS (SELECT FROM hold h WHERE h.released_at IS NULL AND h.scope <@ {0}.facets)"
HELD = HOLDS.format("d")
"""A standing hold covers it."""

APPROVED = """(d.verdict = 'approved' AND d.approved_hash = d.payload_hash AND d.approved_revision = d.revision
    AND d.approved_until > now())"""
"""Policy approves this revision in exactly this form, now."""

MAY_GO = f"(d.channel = ANY(:open_channels) AND d.not_after > now() AND {APPROVED} AND NOT {HELD})"
"""All of it: stance, time, approval, holds. Asked when a post is claimed, and before each call that makes it public."""
