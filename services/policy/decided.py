"""A decision: a verdict with all that it rests on, and the event that tells it to the others."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

from services.policy.facts import Facts
from services.policy.judge import Outcome, Verdict
from shared.events import Event, PostApproved, PostEvent, PostRefused, PostReviewRequested


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict with the pack that led to it and the facts it rests on; its id is the decision's."""

    id: UUID
    pack: str
    facts: Facts
    verdict: Verdict

    @classmethod
    def of(cls, pack: str, facts: Facts, verdict: Verdict) -> Self:
        """Give a verdict its number."""
        return cls(uuid4(), pack, facts, verdict)

    @property
    def row(self) -> dict[str, Any]:
        """The parameters that write it."""
        return {
            "decision": self.id,
            "pack": self.pack,
            "facts": self.facts.model_dump_json(),
            "verdict": self.verdict.outcome.value,
            "objections": json.dumps([o.model_dump(mode="json") for o in self.verdict.objections]),
        }


UNDECIDED: dict[str, Any] = dict.fromkeys(("decision", "pack", "facts", "verdict", "objections"))


def answer(
    about: PostEvent, payload_hash: str, decided: Decided, valid_until: datetime | None, *, renewed: bool
) -> Event:
    """Return the event that tells a decision."""
    outcome, objections = decided.verdict.outcome, decided.verdict.objections
    if outcome is Outcome.APPROVED:
        assert valid_until is not None
        return PostApproved(
            post=about.post,
            revision=about.revision,
            payload_hash=payload_hash,
            pack=decided.pack,
            decision=decided.id,
            valid_until=valid_until,
            renewed=renewed,
        )
    kind = PostRefused if outcome is Outcome.REFUSED else PostReviewRequested
    return kind(
        post=about.post,
        revision=about.revision,
        payload_hash=payload_hash,
        pack=decided.pack,
        decision=decided.id,
        objections=objections,
    )
