"""Hear: what others say to our channels (replies, mentions, quotes), read every few minutes and forgotten in time."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from prometheus_client import Counter
from sqlalchemy import text

from services.metrics.rounds import Round, Rounds
from services.metrics.settings import MetricsSettings
from shared import platforms
from shared.adapter.contract import Account, Heard, Http, Measurer
from shared.channels import Channel
from shared.database import Session
from shared.events import Event

HEARD = Counter("carillon_metrics_heard_total", "Replies, mentions and quotes that were new", ["channel", "kind"])

FIRST = timedelta(days=7)
"""How far back a channel's first round looks."""
OVERLAP = timedelta(minutes=10)
"""How far each round looks back behind the one before: platforms show some things late."""
LOCK = 0x68656172
"""Rounds write one after another, so that who reads on by `seq` passes over nothing ("hear" in ASCII)."""
HOUR = 3_600.0

ORDER = text("SELECT pg_advisory_xact_lock(CAST(:lock AS bigint))")
# What two of our channels were told at once is one row with both.
KEEP = text(
    """
    WITH told AS (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb))
        AS t (id text, kind text, text text, author text, at timestamptz, permalink text, "to" text)
    ), kept AS (
        INSERT INTO heard AS h (platform, id, channels, kind, text, author, at, permalink, to_id)
        SELECT DISTINCT ON (id) :platform, id, ARRAY[:channel], kind, text, author, at, permalink, "to" FROM told
        ON CONFLICT (platform, id) DO UPDATE SET channels = h.channels || excluded.channels
        WHERE NOT h.channels @> excluded.channels
        RETURNING kind
    )
    SELECT kind, count(*) AS count FROM kept GROUP BY kind
    """
)
# What remains counts: when, where and of what kind. The id leads to the author on some platforms, so it goes too.
ERASE = text(
    """
    UPDATE heard SET text = NULL, author = NULL, permalink = NULL, erased_at = now(),
                     id = encode(sha256(convert_to(id, 'UTF8')), 'hex')
    WHERE erased_at IS NULL AND heard_at < now() - CAST(:kept AS interval)
    """
)


class Hear(Rounds[Sequence[Heard]]):
    """Claim channels whose turn has come, ask their platform, keep what is new."""

    name = "heard"

    def channels(self) -> Iterable[Channel]:
        """Return the channels that are not off, on platforms whose replies can be read."""
        specs = platforms.specs()
        return (channel for channel in self._accounts.counted() if specs[channel.platform].replies)

    async def ask(self, measurer: Measurer, account: Account, http: Http, claim: Round) -> Sequence[Heard]:
        """Ask what was said since the last round."""
        return await measurer.heard(self.since_of(claim), account, http)

    def since_of(self, claim: Round) -> datetime:
        """Return from when on is read: never what would have been erased already."""
        earliest = claim.began - timedelta(days=self._settings.heard_days)
        return max(earliest, claim.since - OVERLAP if claim.since else claim.began - FIRST)

    def next(self, channel: str, now: datetime) -> datetime:
        """Return when the channel's turn comes again."""
        minutes = self._settings.hear_minutes_of.get(channel, self._settings.hear_minutes)
        return now + timedelta(minutes=minutes)

    async def keep(self, claim: Round, answer: Sequence[Heard], now: datetime, db: Session) -> None:
        """Keep each once."""
        if not answer:
            return
        await db.execute(ORDER, {"lock": LOCK})
        told = json.dumps([_plain(one) for one in answer])
        values = {"told": told, "channel": claim.channel, "platform": claim.channel.partition("/")[2]}
        for row in await db.execute(KEEP, values):
            HEARD.labels(claim.channel, row.kind).inc(row.count)


class Forget:
    """Erases texts and authors whose time is over."""

    def __init__(self, settings: MetricsSettings) -> None:
        self._kept = timedelta(days=settings.heard_days)

    async def tick(self, db: Session) -> tuple[Sequence[Event], float | None]:
        """Erase what is due; look again in an hour."""
        await db.execute(ERASE, {"kept": self._kept})
        return (), HOUR


def _plain(one: Heard) -> dict[str, str | None]:
    said: dict[str, str | None] = {
        "id": one.id,
        "kind": one.kind,
        "text": one.text,
        "author": one.author,
        "at": one.at.isoformat(),
    }
    said |= {"permalink": one.permalink, "to": one.to}
    return {name: value and _storable(value) for name, value in said.items()}


def _storable(said: str) -> str:
    """Leave out what PostgreSQL cannot keep: NUL, and halves of surrogate pairs."""
    return said.replace("\0", "").encode("utf-8", "replace").decode()
