"""A platform that is out of order is left alone, then asked by one post: the others, and other platforms, feel nothing.

Counted in the database for all workers together. `claim.CLAIM` lets nothing through while it is open, and one post when
its time is over; `outcome.SETTLE` closes it as soon as the platform answers.
"""

from sqlalchemy import text

from services.publisher.settings import PublisherSettings
from shared.database import Session

LONGEST = 600.0
"""Seconds that it stays open at the most."""

FAILED = text(
    """
    INSERT INTO breaker AS b (platform, failures, reason) VALUES (:platform, 1, :reason)
    ON CONFLICT (platform) DO UPDATE SET failures = b.failures + 1, reason = excluded.reason,
        until = CASE WHEN b.probing AND :probe OR b.until IS NULL AND b.failures + 1 >= :most
            THEN now() + make_interval(secs => least(:longest, :seconds * 2 ^ b.opened) * (0.75 + random() / 2))
            ELSE b.until END,
        opened = b.opened
            + CASE WHEN b.probing AND :probe OR b.until IS NULL AND b.failures + 1 >= :most THEN 1 ELSE 0 END,
        probing = b.probing AND NOT :probe
    """
)


# The post that was to ask for all came to nothing before it asked: another one may.
UNASKED = text("UPDATE breaker SET until = now(), probing = false WHERE platform = :platform AND probing")


async def failed(platform: str, reason: str, db: Session, settings: PublisherSettings, *, probe: bool) -> None:
    """Count a failure; from `breaker_failures` in a row on, the platform is left alone.

    When it fails the `probe`, it is so for twice as long as the time before; calls that began earlier do not say more.
    """
    values = {"most": settings.breaker_failures, "seconds": settings.breaker_seconds, "longest": LONGEST}
    await db.execute(FAILED, {"platform": platform, "reason": reason, "probe": probe, **values})


async def unasked(platform: str, db: Session) -> None:
    """Let another post ask."""
    await db.execute(UNASKED, {"platform": platform})
