"""Publisher's own tables with many planned posts in them, and a bare table of the same number to compare with.

Rows are written straight into the tables that publisher's migrations made, as the planner leaves an approved post.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.measure import Meter
from deploy.local.databases import own_databases
from services.publisher.facets import facets_of
from services.publisher.schedule import BATCH, Scheduler
from services.publisher.settings import PublisherSettings
from shared.channels import load
from shared.content import Kind
from shared.database import begin, engine_for
from shared.events import Brief, Requester
from shared.mailbox.outbox import here, store
from shared.payload import Payload, Piece
from shared.process import migrate

CHANNEL, PLATFORM = "wikipedia/bluesky", "bluesky"
TEXT = (
    "Three hearts, eight arms and blue blood. The octopus keeps surprising us, and volunteers around the world keep "
    "writing down how. 🐙 #octopus"
)
CONFIG = Path(__file__).parents[1] / "deploy" / "samples" / "config"

PLAN = """
    INSERT INTO delivery (post, state, due_at, revision, channel, platform, payload, payload_hash, brief, publish_at,
        not_after, verdict, approved_revision, approved_hash, approved_until, approval_sequence, facets, traceparent)
    SELECT gen_random_uuid(), 'planned', at, 1, $4, $5, $6, $7, $8, at, at + interval '2 hours', 'approved', 1, $7,
        at + interval '2 hours', n, $9, '00-' || md5(n::text) || '-' || left(md5(n::text), 16) || '-01'
    FROM (SELECT n, now() + $2::interval + n * $3::interval AS at FROM generate_series(1, $1::int) n) AS time
    RETURNING post, due_at
"""
CLEAR = "DELETE FROM delivery WHERE due_at < now() + $1::interval"
# Each post is given a time that is over, announced, and put off: three versions of its row, and the entries of the old
# ones at the low end of the index, where the scheduler begins to read.
CHURNED_AT_ONCE, VERSIONS = 10_000, 3
CHURN = (
    f"""
    CREATE TEMPORARY TABLE moved AS SELECT post FROM delivery
    WHERE state = 'planned' AND due_at > now() + interval '1 hour' ORDER BY due_at LIMIT {CHURNED_AT_ONCE}
    """,  # noqa: S608 - a number
    "UPDATE delivery d SET due_at = now() - interval '1 minute' FROM moved m WHERE d.post = m.post",
    "UPDATE delivery d SET state = 'due', due_at = now() + interval '1 minute' FROM moved m WHERE d.post = m.post",
    """
    UPDATE delivery d SET state = 'planned', due_at = now() + interval '60 days' + random() * interval '1 day'
    FROM moved m WHERE d.post = m.post
    """,
    "DROP TABLE moved",
)
BARE = """
    CREATE TABLE bare_post (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), due_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'planned', tries int NOT NULL DEFAULT 0, data jsonb NOT NULL);
    CREATE INDEX ON bare_post (due_at) WHERE state = 'planned';
    CREATE TABLE bare_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL,
        topic text NOT NULL, data jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz);
    CREATE INDEX ON bare_outbox (id) WHERE sent_at IS NULL
"""
PLAN_BARE = """
    INSERT INTO bare_post (due_at, data)
    SELECT now() + $2::interval + n * $3::interval, $4 FROM generate_series(1, $1::int) n
"""
CLAIM_BARE = """
    WITH due AS (
        SELECT id FROM bare_post WHERE state = 'planned' AND due_at <= now()
        ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE bare_post p SET state = 'due', tries = tries + 1 FROM due WHERE p.id = due.id RETURNING p.data
    )
    INSERT INTO bare_outbox (event_id, topic, data) SELECT gen_random_uuid(), 'post.due', data FROM taken
"""
FAR, SOON, SECOND, MS = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1), timedelta(milliseconds=1)


@dataclass(frozen=True)
class Planned:
    """One database of publisher with planned posts, and the bare table beside them."""

    settings: PublisherSettings
    engine: AsyncEngine
    pool: asyncpg.Pool

    async def plan(self, count: int, start: timedelta, step: timedelta) -> list[tuple[UUID, datetime]]:
        """Add planned posts, the first `start` from now, the others a `step` after one another; return their times."""
        payload = Payload(channel=CHANNEL, platform=PLATFORM, kind=Kind.POST, pieces=(Piece(text=TEXT),))
        brief = Brief(request=uuid4(), channel=CHANNEL, platform=PLATFORM, requester=Requester(tool="bench"))
        words = (CHANNEL, PLATFORM, payload.canonical().decode(), payload.digest(), brief.model_dump_json())
        rows = await self.pool.fetch(PLAN, count, start, step, *words, facets_of(brief), timeout=600)
        return [(row["post"], row["due_at"]) for row in rows]

    async def plan_bare(self, count: int, start: timedelta, step: timedelta) -> None:
        """Add rows to the bare table."""
        await self.pool.execute(PLAN_BARE, count, start, step, json.dumps({"text": TEXT}), timeout=600)

    async def vacuum(self) -> None:
        """Sweep what earlier rounds left."""
        for table in ("delivery", "bare_post", "outbox", "transition", "bare_outbox"):
            await self.pool.execute(f"VACUUM ANALYZE {table}", timeout=600)

    async def clear(self) -> None:
        """Remove what a round has claimed and what it caused."""
        await self.pool.execute(CLEAR, SOON, timeout=600)
        await self.pool.execute("DELETE FROM bare_post WHERE due_at < now() + $1::interval", SOON)
        await self.pool.execute("TRUNCATE outbox, transition, bare_outbox")

    async def churn(self, versions: int) -> None:
        """Make so many row versions, by what posts go through that are announced and put off."""
        async with self.pool.acquire() as db:
            await db.execute("SET session_replication_role = replica")  # the moves' own rows are not what is churned
            for _ in range(0, versions, CHURNED_AT_ONCE * VERSIONS):
                for statement in CHURN:
                    await db.execute(statement, timeout=60)
            await db.execute("RESET session_replication_role")

    def scheduler(self) -> Scheduler:
        """Return publisher's own."""
        registry = load(CONFIG)
        return Scheduler(self.settings, lambda: registry)

    async def claim(self, count: int) -> Meter:
        """Let the scheduler announce what is due, as its clock does, until nothing is."""
        scheduler, left = self.scheduler(), count
        with Meter(count) as meter:
            while left:
                async with begin(self.engine) as db:
                    events, _ = await scheduler.tick(db)
                    await store(db, "publisher", here(events))
                assert events, f"{left} that are due were not found"
                left -= len(events)
        return meter

    async def claim_bare(self, count: int) -> Meter:
        """Let the one statement do it."""
        left = count
        with Meter(count) as meter:
            while left:
                taken = int((await self.pool.execute(CLAIM_BARE, BATCH)).split()[-1])
                assert taken, f"{left} that are due were not found"
                left -= taken
        return meter


@asynccontextmanager
async def planned(database_url: str, name: str, count: int) -> AsyncIterator[Planned]:
    """Give a database of its own with so many planned posts; it is gone at the end."""
    async with own_databases(database_url, name) as database:
        address = await database("publisher")
        settings = PublisherSettings(_env_file=None, namespace=f"carillon_{name}", database_url=SecretStr(database_url))
        await migrate("publisher", settings)
        engine = engine_for(settings, "publisher")
        async with asyncpg.create_pool(address, min_size=1, max_size=2) as pool:
            await pool.execute(BARE)
            one = Planned(settings, engine, pool)
            for at in range(0, count, 100_000):
                some, start = min(100_000, count - at), FAR + at * SECOND
                await one.plan(some, start, SECOND)
                await one.plan_bare(some, start, SECOND)
            await one.vacuum()
            try:
                yield one
            finally:
                await engine.dispose()
