"""The act: an approved post is published once. Claim, call, settle."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher import pace
from services.publisher.accounts import Accounts
from services.publisher.claim import Claimed, claim, keep, others, still
from services.publisher.door import GONE, Door
from services.publisher.handlers import Planner
from services.publisher.outcome import Outcome, Tried
from services.publisher.resumes import Resumes
from services.publisher.settings import PublisherSettings
from services.publisher.settle import UNSAID, settle
from services.publisher.stance import now_of
from shared.adapter.contract import Http, Media, Pending, Publisher
from shared.adapter.errors import PlatformError, Rejected, TryLater, Uncertain
from shared.adapter.spec import Safe, Spec
from shared.addresses import Addresses
from shared.channels import Registry
from shared.database import Session, statements
from shared.events import Event, PostDue
from shared.media import MediaStore

MARGIN = timedelta(minutes=5)
"""How long before the end of a platform's window for safe repeats it is no longer relied on: its clock is not ours."""


class Deliver:
    """Publishes what is due on one platform."""

    name = "deliver"

    def __init__(
        self,
        spec: Spec,
        publisher: Publisher,
        *,
        engine: AsyncEngine,
        accounts: Accounts,
        registry: Callable[[], Registry],
        http: Http,
        media: Media,
        resumes: Resumes,
        settings: PublisherSettings,
    ) -> None:
        self._spec = spec
        UNSAID.labels(spec.name)  # a series that begins with its first event shows no increase
        self._publisher = publisher
        self._engine = engine
        self._accounts = accounts
        self._registry = registry
        self._planner = Planner(settings, registry)
        self._http = http
        self._media = media
        self._resumes = resumes
        self._settings = settings
        self._worker = uuid4()
        self._running: set[UUID] = set()
        self._counts: tuple[str, list[pace.Window]] = ("", [])

    async def claim(self, events: Sequence[PostDue], db: Session) -> Sequence[Claimed]:
        """Claim the posts that may be tried now; the others wait for their next look."""
        claims = await claim(
            [event.post for event in events],
            self._spec.name,
            worker=self._worker,
            running=self._running,
            channels=self._channels(),
            counts=pace.values(await self._counted(db)),
            db=db,
            settings=self._settings,
        )
        self._running |= {one.post for one in claims}
        return [self._opened(one) for one in claims]

    async def call(self, claim: Claimed) -> Tried:
        """Publish, or find out what became of an earlier try; whatever happens is an outcome."""
        asked = claim.trusted_until - self._settings.trust_seconds
        door = Door(self._http, partial(self._still, claim), allowed=claim.allowed, asked=asked)
        try:
            async with asyncio.timeout(claim.trusted_until - monotonic()):
                outcome = await self._try(claim, door)
        except PlatformError as error:
            outcome = error
        except TimeoutError:
            reason = f"no answer within {self._settings.trust_seconds:.0f} seconds"
            outcome = Uncertain(reason) if door.touched else TryLater(reason)
        outcome = await self._accounts.heard(claim.channel, outcome)
        return Tried(outcome, touched=door.touched, failing=door.failing, spent=door.spent)

    async def settle(self, claim: Claimed, outcome: Tried, db: Session) -> Sequence[Event]:
        """Write down what became of it."""
        db.when_committed(partial(self._running.discard, claim.post))
        if isinstance(pending := outcome.outcome, Pending):
            sealed = replace(pending, resume=self._resumes.sealed(pending.resume, claim.post))
            outcome = replace(outcome, outcome=sealed)
        return await settle(claim, outcome, self._spec, db, self._planner, self._settings, self._counts[1])

    async def _try(self, claim: Claimed, door: Door) -> Outcome:
        if claim.payload.digest() != claim.payload_hash:
            raise Rejected("the stored payload is not the one that was approved")
        account = await self._accounts.of(claim.channel)
        if claim.uncertain and not (claim.allowed and self._repeatable(claim)):
            attempt = replace(claim.attempt, others=await self._others(claim))
            return await self._publisher.find(claim.payload, account, attempt, door)
        progress = partial(self._progress, claim, door)
        return await self._publisher.publish(claim.payload, account, claim.attempt, door, self._media, progress)

    def _opened(self, claim: Claimed) -> Claimed:
        resume = self._resumes.opened(claim.attempt.resume, claim.post)
        return replace(claim, attempt=replace(claim.attempt, resume=resume))

    async def _counted(self, db: Session) -> list[pace.Window]:
        """Return the platform's counts; makes their rows when the registry has changed."""
        registry = self._registry()
        if self._counts[0] != registry.digest:
            counts = pace.windows(self._spec, registry)
            await pace.ensure(counts, db)
            self._counts = registry.digest, counts
        return self._counts[1]

    def _channels(self) -> list[str]:
        return now_of(self._registry()).open

    async def _others(self, claimed: Claimed) -> frozenset[str]:
        """Return the ids of the channel's posts that are known to be other ones, so that a look-up passes them over."""
        async with statements(self._engine) as db:
            return await others(claimed, db)

    async def _still(self, claimed: Claimed) -> bool:
        async with statements(self._engine) as db:
            return await still(claimed, self._channels(), db)

    async def _progress(self, claimed: Claimed, door: Door, resume: Mapping[str, Any]) -> None:
        """Write down what is done so far; raises TryLater when nothing more may be made public now."""
        sealed = self._resumes.sealed(resume, claimed.post)
        async with statements(self._engine) as db:
            kept = await keep(
                claimed, sealed, touched=door.touched, channels=self._channels(), db=db, settings=self._settings
            )
        if not kept:
            raise TryLater(GONE)
        door.granted()

    def _repeatable(self, claim: Claimed) -> bool:
        """Say whether the platform itself makes the same call harmless, still."""
        repeat = self._spec.repeat
        if not isinstance(repeat, Safe):
            return False
        return repeat.covers(claim.attempt.created_at, datetime.now(UTC) + MARGIN)


class Offered:
    """The media store as a platform may use it: what cannot be read now may be later, and nothing was sent yet."""

    def __init__(self, store: MediaStore, addresses: Addresses | None = None) -> None:
        self._store = store
        self._addresses = addresses

    async def read(self, sha256: str) -> bytes:
        """Return the bytes; raises TryLater."""
        with _told(sha256):
            return await self._store.read(sha256)

    async def part(self, sha256: str, start: int, end: int) -> bytes:
        """Return some of the bytes; raises TryLater."""
        with _told(sha256):
            return await self._store.part(sha256, start, end)

    def address(self, sha256: str) -> str:
        """Return where the platform can fetch the medium; raises TryLater where no address can be made."""
        if self._addresses is None:
            raise TryLater("media have no public address: set MEDIA_PUBLIC_URL and MEDIA_KEY")
        return self._addresses.address(sha256)


@contextmanager
def _told(sha256: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = f"the medium {sha256[:12]}… cannot be read ({type(error).__name__})"
        raise TryLater(reason) from error
