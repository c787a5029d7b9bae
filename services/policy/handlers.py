"""What policy does about what it hears."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from services.policy import posts
from services.policy.decided import Decided
from services.policy.facts import Facts, titles
from services.policy.judge import Pack, judge
from services.policy.settings import PolicySettings
from shared.database import Session
from shared.events import Event, PostCancelled, PostEvent, PostExpired, PostFailed, PostPublished, PostRequested
from shared.mailbox import Handler
from shared.payload import digest_of
from shared.telemetry import current_traceparent

TERMINAL: Mapping[type[Event], str] = {
    PostCancelled: "cancelled",
    PostPublished: "published",
    PostFailed: "failed",
    PostExpired: "expired",
}


class Desk:
    """Where posts arrive; `pack` gives the rules in force, `nudge` wakes who looks facts up.

    What is newer is told by revision, and by rank among ends: a cancel and a publication are final, a failure or an
    expiry only until the next revision. So the order in which events arrive does not matter.
    """

    def __init__(self, pack: Callable[[], Pack], nudge: asyncio.Event, settings: PolicySettings) -> None:
        self._pack = pack
        self._nudge = nudge
        self._settings = settings

    async def receive(self, event: PostRequested, db: Session) -> Sequence[Event]:
        """Store a requested post, and judge it at once if nothing has to be looked up."""
        payload = event.payload.canonical()
        intact = digest_of(payload) == event.payload_hash
        decided = None
        if not titles(event.payload):
            pack, facts = self._pack(), Facts(trust=event.brief.requester.trust, intact=intact)
            decided = Decided.of(pack.version, facts, judge(event.payload, facts, pack))
        else:
            # The row must be there before it is looked for.
            db.when_committed(self._nudge.set)
        return await posts.receive(event, payload.decode(), intact, decided, current_traceparent(), db, self._settings)

    async def end(self, event: PostEvent, db: Session) -> Sequence[Event]:
        """Look no more after a post that is cancelled, public, failed or expired."""
        await posts.end(event, TERMINAL[type(event)], db)
        return ()


def handlers(desk: Desk) -> Mapping[type[Event], Handler]:
    """Return who handles what."""
    return {
        PostRequested: desk.receive,
        PostCancelled: desk.end,
        PostPublished: desk.end,
        PostFailed: desk.end,
        PostExpired: desk.end,
    }
