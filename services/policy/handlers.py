"""What policy does about what it hears."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from services.policy import posts
from services.policy.decided import Decided
from services.policy.facts import Facts, titles
from services.policy.judge import Pack, judge
from services.policy.settings import PolicySettings
from shared.database import Session
from shared.events import (
    Envelope,
    Event,
    HoldReleased,
    PostCancelled,
    PostEvent,
    PostExpired,
    PostFailed,
    PostPublished,
    PostRequested,
)
from shared.mailbox import Handlers, Together
from shared.payload import digest_of

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

    async def receive(self, envelopes: Sequence[Envelope], db: Session) -> Sequence[Sequence[Event]]:
        """Store requested posts, and judge at once those of which nothing has to be looked up."""
        pack = self._pack()
        arrivals = [self._arrival(cast("PostRequested", one.event), one.traceparent, pack) for one in envelopes]
        if any(arrival.decided is None for arrival in arrivals):
            # The rows must be there before they are looked for.
            db.when_committed(self._nudge.set)
        return await posts.receive(arrivals, db, self._settings)

    async def end(self, envelopes: Sequence[Envelope], db: Session) -> Sequence[Sequence[Event]]:
        """Look no more after posts that are cancelled, public, failed or expired."""
        events = [cast("PostEvent", envelope.event) for envelope in envelopes]
        await posts.end([(event, TERMINAL[type(event)]) for event in events], db)
        return [()] * len(events)

    async def look_again(self, _event: HoldReleased, db: Session) -> Sequence[Event]:
        """Posts that were held past their time need approval again: their facts are looked at now."""
        await posts.look_again(db)
        db.when_committed(self._nudge.set)
        return ()

    def _arrival(self, event: PostRequested, traceparent: str | None, pack: Pack) -> posts.Arrival:
        payload = event.payload.canonical()
        intact = digest_of(payload) == event.payload_hash
        decided = None
        if not titles(event.payload):
            brief = event.brief
            facts = Facts(trust=brief.requester.trust, audience=brief.about.audience, intact=intact)
            decided = Decided.of(pack.version, facts, judge(event.payload, facts, pack))
        return posts.Arrival(event, payload.decode(), intact, decided, traceparent)


def handlers(desk: Desk) -> Handlers:
    """Return who handles what."""
    return {
        PostRequested: Together(desk.receive),
        PostCancelled: Together(desk.end),
        PostPublished: Together(desk.end),
        PostFailed: Together(desk.end),
        PostExpired: Together(desk.end),
        HoldReleased: desk.look_again,
    }
