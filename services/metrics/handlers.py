"""What metrics does about what it hears."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ARRAY, DateTime, Text, bindparam, text

from services.metrics.cadence import next_age
from shared.database import Session
from shared.events import (
    AccountRefreshed,
    Event,
    PostChangeSettled,
    PostExpired,
    PostFailed,
    PostHeld,
    PostPublished,
    PostUncertain,
)
from shared.mailbox import Handlers, envelope_of
from shared.telemetry import current_traceparent

KEEP = text(
    """
    WITH kept AS (
        INSERT INTO publication (post, revision, channel, platform, external_id, permalink, parts, published_at, brief,
                                 campaign, traceparent, due_at)
        VALUES (:post, :revision, :channel, :platform, :external_id, :permalink, :parts, :published_at,
                CAST(:brief AS jsonb), :campaign, :traceparent,
                :published_at + CAST(:first AS interval))
        ON CONFLICT (post) DO NOTHING RETURNING 1
    )
    INSERT INTO tally AS t (day, event, count) SELECT (now() AT TIME ZONE 'UTC')::date, 'post.published', 1 FROM kept
    ON CONFLICT (day, event) DO UPDATE SET count = t.count + 1
    """
).bindparams(bindparam("parts", type_=ARRAY(Text)), bindparam("published_at", type_=DateTime(timezone=True)))
COUNT = text(
    """
    INSERT INTO tally AS t (day, event, count) VALUES ((now() AT TIME ZONE 'UTC')::date, :event, 1)
    ON CONFLICT (day, event) DO UPDATE SET count = t.count + 1
    """
)

TOKEN = text(
    """
    INSERT INTO token AS t (channel, sealed, account_id, expires_at, sequence)
    VALUES (:channel, :sealed, :account_id, :expires_at, :sequence)
    ON CONFLICT (channel) DO UPDATE SET
        sealed = excluded.sealed, account_id = excluded.account_id, expires_at = excluded.expires_at,
        sequence = excluded.sequence, received_at = now()
    WHERE t.sequence < excluded.sequence
    """
)


class Intake:
    """Where events arrive; `ages` says when a post is measured."""

    def __init__(self, ages: Sequence[timedelta]) -> None:
        self._ages = ages

    async def keep(self, event: PostPublished, db: Session) -> Sequence[Event]:
        """Remember a public post and when it is measured first; once is enough."""
        about = event.brief.about
        values = {
            "post": event.post,
            "revision": event.revision,
            "channel": event.brief.channel,
            "platform": event.brief.platform,
            "external_id": event.external_id,
            "permalink": event.permalink,
            "parts": list(event.parts),
            "published_at": event.published_at,
            "brief": event.brief.model_dump_json(),
            "campaign": about.campaign,
            "traceparent": current_traceparent(),
            "first": next_age(timedelta(0), self._ages),
        }
        db.add(KEEP, values)
        return ()

    async def keep_token(self, event: AccountRefreshed, db: Session) -> Sequence[Event]:
        """Remember an account's newest token, sealed as it is."""
        values = {
            "channel": event.channel,
            "sealed": event.sealed_token,
            "account_id": event.account_id,
            "expires_at": event.expires_at,
            "sequence": envelope_of(db).sequence,
        }
        await db.execute(TOKEN, values)
        return ()

    async def count(self, event: Event, db: Session) -> Sequence[Event]:
        """Count what happens to posts on their way, for reports."""
        db.add(COUNT, {"event": event.name})
        return ()


def handlers(intake: Intake) -> Handlers:
    """Return who handles what."""
    return {
        PostPublished: intake.keep,
        AccountRefreshed: intake.keep_token,
        PostFailed: intake.count,
        PostUncertain: intake.count,
        PostHeld: intake.count,
        PostExpired: intake.count,
        PostChangeSettled: intake.count,
    }
