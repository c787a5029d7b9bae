"""Gather: look the facts of due posts up, then judge. First looks, and those that renew an approval or take it back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter

from services.policy import posts
from services.policy.decided import Decided
from services.policy.facts import CommonsFile, Facts, titles
from services.policy.judge import Pack, judge
from services.policy.posts import Look
from services.policy.settings import PolicySettings
from shared.adapter.errors import PlatformError, TryLater
from shared.database import Session
from shared.events import Event
from shared.mailbox import Caused

log = structlog.get_logger()

Lookup = Callable[[Sequence[str]], Awaitable[Mapping[str, CommonsFile]]]
"""Asks Commons about files by title, `TITLES` at the most in one call; raises PlatformError."""

TITLES = 50
"""Files that Commons tells about in one call."""
POSTS = 50
"""Posts in one batch, so that its settling stays short."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries at the most: an approval waits for the facts, and it ends."""

LOOKUPS = Counter("carillon_policy_lookups_total", "Calls that look facts up", ["outcome"])


@dataclass(frozen=True, slots=True)
class Batch:
    """Posts whose files are asked for together."""

    looks: tuple[Look, ...]

    @property
    def subject(self) -> str:
        """The posts' ids."""
        return " ".join(str(look.post) for look in self.looks)

    @property
    def traceparent(self) -> str | None:
        """The trace of the post, if it is only one."""
        return self.looks[0].traceparent if len(self.looks) == 1 else None


@dataclass(frozen=True, slots=True)
class Failed:
    """The look-up did not work; `after` says when to ask again, if Commons told."""

    reason: str
    after: float | None = None


class Gather:
    """Claim posts that are due for a look, ask Commons about their files, judge."""

    name = "gather"

    def __init__(self, lookup: Lookup, pack: Callable[[], Pack], settings: PolicySettings) -> None:
        self._lookup = lookup
        self._pack = pack
        self._settings = settings

    async def claim(self, most: int, db: Session) -> Sequence[Batch]:
        """Claim due posts, in batches: their files are asked for together."""
        lease = timedelta(seconds=self._settings.lookup_lease_seconds)
        looks = await posts.claim(most * POSTS, lease, db)
        return [Batch(tuple(looks[start : start + POSTS])) for start in range(0, len(looks), POSTS)]

    async def rest(self, db: Session) -> float | None:
        """Return the seconds until the next look."""
        return await posts.seconds_until_due(db)

    async def call(self, claim: Batch) -> Mapping[str, CommonsFile] | Failed:
        """Ask Commons about all files of the batch."""
        wanted = list(dict.fromkeys(title for look in claim.looks for title in titles(look.payload)))
        found: dict[str, CommonsFile] = {}
        try:
            for start in range(0, len(wanted), TITLES):
                found |= await self._lookup(wanted[start : start + TITLES])
                LOOKUPS.labels("answered").inc()
        except PlatformError as error:
            LOOKUPS.labels("failed").inc()
            log.warning("a look-up failed", reason=error.reason, files=len(wanted))
            return Failed(error.reason, error.after if isinstance(error, TryLater) else None)
        return found

    async def settle(self, claim: Batch, outcome: Mapping[str, CommonsFile] | Failed, db: Session) -> Sequence[Caused]:
        """Judge each post by what was found out; after a failure ask again, or make do with what is known."""
        caused = []
        for look in claim.looks:
            failed = isinstance(outcome, Failed) and bool(titles(look.payload))
            if failed and look.tries + 1 < self._settings.lookup_tries:
                await posts.postpone(look, pause(look.tries, outcome), db)
                continue
            known = self._last_known(look) if isinstance(outcome, Failed) else outcome
            if event := await self._judge(look, known, fresh=not failed, db=db):
                caused.append(Caused(event, look.traceparent))
        return caused

    def _last_known(self, look: Look) -> Mapping[str, CommonsFile]:
        """Return what Commons said the last time, as long as that counts."""
        counts = look.age is not None and look.age <= self._settings.fact_grace
        return look.files or {} if counts else {}

    async def _judge(self, look: Look, known: Mapping[str, CommonsFile], *, fresh: bool, db: Session) -> Event | None:
        files = {title: known[title] for title in titles(look.payload) if title in known}
        facts = Facts(trust=look.trust, audience=look.audience, intact=look.intact, files=files)
        pack = self._pack()
        decided = Decided.of(pack.version, facts, judge(look.payload, facts, pack))
        return await posts.record(look, decided, fresh=fresh, db=db, settings=self._settings)


def pause(tries: int, outcome: object) -> timedelta:
    """Return how long to wait after so many failures: what Commons told, or 2, 4, 8 … seconds."""
    told = outcome.after if isinstance(outcome, Failed) and outcome.after else 0.0
    return timedelta(seconds=min(LONGEST_PAUSE, max(told, 2.0 ** (min(tries, 10) + 1))))
