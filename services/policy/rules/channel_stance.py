"""channel.stance (C12): which channels are used is the owners' decision, kept in `config/channels.yaml`."""

from collections.abc import Iterable

from services.policy.facts import Facts
from services.policy.judge import Finding, Pack, block, review
from shared.channels import Stance
from shared.payload import Payload

RULE, CLAUSE, PLACE = "channel.stance", "C12", "/channel"


def check(payload: Payload, _: Facts, pack: Pack) -> Iterable[Finding]:
    """Block what is for a channel that is off; ask a person about a limited or unknown one."""
    stance = pack.stances.get(payload.channel)
    if stance is Stance.OFF:
        yield block(
            RULE,
            CLAUSE,
            PLACE,
            f"{payload.channel} is off: nothing is published there.",
            "Choose another channel, or ask the channel's owners to change its stance.",
        )
    elif stance is Stance.LIMITED:
        yield review(
            RULE,
            CLAUSE,
            PLACE,
            f"{payload.channel} is limited: effort goes to the other channels for now.",
            "Choose another channel, or let the team decide.",
        )
    elif stance is None:
        yield review(
            RULE,
            CLAUSE,
            PLACE,
            f"{payload.channel} is not in the channel registry that policy reads.",
            "Add the channel to config/channels.yaml, or let the team decide.",
        )
