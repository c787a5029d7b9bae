"""Policy on a database of its own, and events as others would send them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.local.databases import DatabaseFactory
from services.policy.facts import CommonsFile
from services.policy.gather import Gather, Lookup
from services.policy.handlers import Desk, handlers
from services.policy.judge import Pack
from services.policy.rules import pack_of
from services.policy.settings import PolicySettings
from shared.channels import load
from shared.content import Kind, Timing
from shared.database import begin, engine_for, statements
from shared.events import Brief, Envelope, Event, PostRequested, Requester, Trust
from shared.mailbox import follow
from shared.payload import Payload, Piece, Rendition

TEAM = Requester(tool="test", trust=Trust.TEAM)
PICTURE = "File:Grace Hopper.jpg"
FREE = CommonsFile(license="cc-by-sa-4.0", license_name="CC BY-SA 4.0")
REGISTRY = load(Path("deploy/samples/config"))
PACK = pack_of(REGISTRY)


def picture(commons: str | None = PICTURE, alt: str = "A woman at a computer", **more: Any) -> Rendition:
    return Rendition(sha256="0" * 64, type="image/png", size=1, alt=alt, commons=commons, **more)


def payload(words: str = "Hello", *media: Rendition, channel: str = "wikipedia/bluesky") -> Payload:
    platform = channel.partition("/")[2]
    return Payload(channel=channel, platform=platform, kind=Kind.POST, pieces=(Piece(text=words, media=media),))


def requested(
    what: Payload | None = None,
    *,
    post: UUID | None = None,
    revision: int = 1,
    requester: Requester = TEAM,
    timing: Timing | None = None,
    payload_hash: str | None = None,
) -> PostRequested:
    what = what or payload()
    brief = Brief(request=uuid4(), channel=what.channel, platform=what.platform, requester=requester)
    return PostRequested(
        post=post or uuid4(),
        revision=revision,
        payload=what,
        payload_hash=payload_hash or what.digest(),
        timing=timing or Timing(),
        brief=brief,
    )


@pytest.fixture
async def settings(migrated: DatabaseFactory, database_url: str, namespace: str) -> PolicySettings:
    await migrated("policy")
    return PolicySettings(_env_file=None, namespace=f"carillon_{namespace}", database_url=database_url, lookup_tries=2)


@pytest.fixture
async def engine(settings: PolicySettings) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(settings, "policy")
    yield engine
    await engine.dispose()


class Policy:
    """Hears events one by one, and looks facts up, as the runner would let it; `pack` may be changed."""

    def __init__(self, engine: AsyncEngine, settings: PolicySettings) -> None:
        self.engine = engine
        self.settings = settings
        self.pack: Pack = PACK
        self.nudge = asyncio.Event()
        self._handlers = handlers(Desk(lambda: self.pack, self.nudge, settings))

    async def hear(self, *events: Event) -> list[Event]:
        """Handle events in one transaction; return those that follow."""
        async with begin(self.engine) as db:
            caused = await follow([Envelope.of(event, "test") for event in events], self._handlers, db, "policy")
        return [one.event for one in caused]

    async def look(self, lookup: Lookup, *, between: Sequence[Event] = ()) -> list[Event]:
        """Perform what is due, once; `between` is heard after the call and before its settling."""
        gather = Gather(lookup, lambda: self.pack, self.settings)
        async with begin(self.engine) as db:
            claims = await gather.claim(2, db)
        outcomes = [await gather.call(claim) for claim in claims]
        following: list[Event] = await self.hear(*between) if between else []
        for claim, outcome in zip(claims, outcomes, strict=True):
            async with begin(self.engine) as db:
                following += [caused.event for caused in await gather.settle(claim, outcome, db)]
        return following

    async def row(self, post: UUID) -> Any:
        """Return the post's row, with `due_in` and `valid_for` in seconds."""
        query = text(
            "SELECT *, extract(epoch FROM due_at - now())::float AS due_in, "
            "extract(epoch FROM valid_until - now())::float AS valid_for FROM post WHERE id = :post"
        )
        async with statements(self.engine) as db:
            return (await db.execute(query, {"post": post})).one()

    async def decisions(self, post: UUID) -> Sequence[Any]:
        async with statements(self.engine) as db:
            query = text("SELECT * FROM decision WHERE post = :post ORDER BY number")
            return (await db.execute(query, {"post": post})).all()

    async def pass_time(self, post: UUID, seconds: float) -> None:
        """Let the post's dates lie so much further back."""
        query = text(
            "UPDATE post SET publish_at = publish_at - make_interval(secs => :s), due_at = due_at - "
            "make_interval(secs => :s), not_after = not_after - make_interval(secs => :s), looked_up_at = "
            "looked_up_at - make_interval(secs => :s), valid_until = valid_until - make_interval(secs => :s) "
            "WHERE id = :post"
        )
        async with begin(self.engine) as db:
            await db.execute(query, {"post": post, "s": seconds})


@pytest.fixture
def policy(engine: AsyncEngine, settings: PolicySettings) -> Policy:
    return Policy(engine, settings)


def known(**files: CommonsFile) -> Lookup:
    """A look-up that knows `Grace Hopper.jpg`, or what is given, and nothing else."""
    told = {PICTURE: FREE} | {f"File:{name}.jpg": file for name, file in files.items()}

    async def lookup(titles: Sequence[str]) -> Mapping[str, CommonsFile]:
        return {title: told.get(title, CommonsFile(found=False)) for title in titles}

    return lookup
