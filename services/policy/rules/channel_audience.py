"""channel.audience (C9, C10): an internal channel is for internal content, and no other channel is."""

from collections.abc import Iterable

from services.policy.facts import Facts
from services.policy.judge import Finding, Pack, review
from shared.payload import Payload

RULE, CLAUSE, PLACE = "channel.audience", "C9", "/channel"


def check(payload: Payload, facts: Facts, pack: Pack) -> Iterable[Finding]:
    """Ask a person where the post and its channel are for different people."""
    audience = pack.audiences.get(payload.channel, facts.audience)
    if audience is not facts.audience:
        yield review(
            RULE,
            CLAUSE,
            PLACE,
            f"{payload.channel} is for the {audience} audience, and this is for the {facts.audience} one.",
            "Choose another channel, change 'about.audience', or let the team decide.",
        )
