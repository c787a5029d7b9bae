"""Deliveries that are due, claimed as workers claim them; time passes by moving the rows that keep it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher import pace
from services.publisher.claim import Claimed, claim
from services.publisher.outcome import Tried
from services.publisher.pace import Window
from services.publisher.settings import PublisherSettings
from services.publisher.settle import settle
from shared import platforms
from shared.content import Kind
from shared.database import begin, statements
from shared.events import Brief, Event
from shared.payload import Payload, Piece
from tests.publisher.conftest import REQUESTER, Publisher

DUE = text(
    """
    INSERT INTO delivery (post, state, due_at, revision, channel, platform, payload, payload_hash, brief, publish_at,
        not_after, verdict, approved_revision, approved_hash, approved_until, cost, urgency, tries, unproven)
    VALUES (:post, :state, now() + interval '1 minute', 1, :channel, :platform, CAST(:payload AS jsonb), :hash,
        CAST(:brief AS jsonb), now() - make_interval(secs => :age), now() + interval '30 days', 'approved', 1, :hash,
        now() + interval '30 days', :cost, :urgency, 0, :state = 'uncertain')
    """
)
AGAIN = text("UPDATE delivery SET state = 'due' WHERE post = ANY(:posts) AND state = 'planned'").bindparams(
    bindparam("posts", type_=ARRAY(Uuid))
)
CLEAN = text("TRUNCATE delivery, try, pace, block, breaker, transition")


class Lane:
    """One platform's deliveries, and as many workers as a test wants."""

    def __init__(
        self, publisher: Publisher, settings: PublisherSettings, *, platform: str, counts: Sequence[Window] = ()
    ) -> None:
        self.engine: AsyncEngine = publisher.engine
        self.publisher = publisher
        self.settings = settings
        self.platform = platform
        self.counts = list(counts)

    async def clean(self, *counts: Window) -> None:
        """Forget everything; count this from now on."""
        self.counts = list(counts)
        async with begin(self.engine) as db:
            await db.execute(CLEAN)
            await pace.ensure(self.counts, db)

    async def due(self, channel: str, *, cost: int = 1, urgency: int = 0, age: float = 0, state: str = "due") -> UUID:
        """Write a delivery down whose time came `age` seconds ago."""
        post = uuid4()
        payload = Payload(
            channel=channel, platform=self.platform, kind=Kind.POST, pieces=tuple(Piece(text="x") for _ in range(cost))
        )
        brief = Brief(request=uuid4(), channel=channel, platform=self.platform, requester=REQUESTER)
        values: Mapping[str, Any] = {
            "post": post,
            "state": state,
            "channel": channel,
            "platform": self.platform,
            "payload": payload.canonical().decode(),
            "hash": payload.digest(),
            "brief": brief.model_dump_json(),
            "age": age,
            "cost": cost,
            "urgency": urgency,
        }
        async with statements(self.engine) as db:
            await db.execute(DUE, values)
        return post

    async def claim(self, *posts: UUID, counts: Sequence[Window] | None = None) -> list[Claimed]:
        """Claim as one worker would; return the claims."""
        async with statements(self.engine) as db:
            return await claim(
                posts,
                self.platform,
                worker=uuid4(),
                running=(),
                channels=[f"{brand}/{self.platform}" for brand in ("one", "two")],
                counts=pace.values(self.counts if counts is None else counts),
                db=db,
                settings=self.settings,
            )

    async def went(self, *posts: UUID) -> set[UUID]:
        """Claim; return which posts may be tried."""
        return {one.post for one in await self.claim(*posts)}

    async def settle(self, claimed: Claimed, tried: Tried) -> Sequence[Event]:
        """Write down what became of a claim."""
        planner: Any = None  # nothing waits
        async with begin(self.engine) as db:
            spec = platforms.specs()[self.platform]
            return await settle(claimed, tried, spec, db, planner, self.settings, self.counts)

    async def due_again(self, *posts: UUID) -> None:
        """Announce what waits, as the scheduler would in its time."""
        async with statements(self.engine) as db:
            await db.execute(AGAIN, {"posts": list(posts)})

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass for quotas, blocks and breakers."""
        async with begin(self.engine) as db:
            for table, column in (("pace", "full_at"), ("block", "until"), ("breaker", "until")):
                move = f"UPDATE {table} SET {column} = {column} - make_interval(secs => :seconds)"
                await db.execute(text(move), {"seconds": seconds})

    async def waits(self, post: UUID) -> float:
        """Return the seconds until a post is looked at again."""
        statement = text("SELECT extract(epoch FROM due_at - now())::float FROM delivery WHERE post = :post")
        async with statements(self.engine) as db:
            return float((await db.execute(statement, {"post": post})).scalar_one())

    async def one(self, statement: str) -> Any:
        """Return the only row of a query, None without one."""
        async with statements(self.engine) as db:
            return (await db.execute(text(statement))).one_or_none()


def quota(posts: int, seconds: float, account: str) -> Window:
    """Count so many posts of an account in so many seconds."""
    return pace.window(account, posts, timedelta(seconds=seconds))


def most_within(moments: Sequence[tuple[float, int]], seconds: float) -> int:
    """Return the most that any stretch of so many seconds holds."""
    ends = [at for at, _ in moments]
    return max((sum(n for at, n in moments if end - seconds < at <= end) for end in ends), default=0)
