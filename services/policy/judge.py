"""The verdict: a pure function of payload, facts and pack, so that a decision can be replayed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.policy.facts import Facts
from shared.channels import Stance
from shared.content import Audience
from shared.events import Objection, Trust
from shared.payload import Payload


class Severity(StrEnum):
    """How much an objection weighs."""

    BLOCK = "block"
    REVIEW = "review"


class Outcome(StrEnum):
    """What becomes of the post; the words are those of the events that say so."""

    APPROVED = "approved"
    REFUSED = "refused"
    REVIEW_REQUESTED = "review_requested"


@dataclass(frozen=True, slots=True)
class Finding:
    """An objection and its weight."""

    severity: Severity
    objection: Objection


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules in force, with the configuration that they read."""

    version: str
    """SHA-256 over the rules' sources and the configuration's digest."""
    rules: tuple["Rule", ...]
    stances: Mapping[str, Stance]
    """By channel, such as `wikipedia/bluesky`."""
    audiences: Mapping[str, Audience]
    """Whom each channel is for."""


Rule = Callable[[Payload, Facts, Pack], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policy thinks of a post, and why."""

    outcome: Outcome
    objections: tuple[Objection, ...]


def judge(payload: Payload, facts: Facts, pack: Pack) -> Verdict:
    """Weigh all findings: one that blocks refuses, one that asks for review asks a person, else the post is approved.

    A refusal names everything there is to object, so that the caller can mend it in one go.
    """
    findings = [*_always(facts), *(finding for rule in pack.rules for finding in rule(payload, facts, pack))]
    findings.sort(key=lambda found: (found.severity, found.objection.place, found.objection.rule))
    weights = {found.severity for found in findings}
    return Verdict(_outcome(weights), tuple(found.objection for found in findings))


def _outcome(weights: set[Severity]) -> Outcome:
    if Severity.BLOCK in weights:
        return Outcome.REFUSED
    return Outcome.REVIEW_REQUESTED if Severity.REVIEW in weights else Outcome.APPROVED


def _always(facts: Facts) -> Iterable[Finding]:
    """Return what no pack may leave out: whom policy may approve for, and that it has read all it approves."""
    if facts.trust is Trust.GUEST:
        yield review(
            "caller.guest",
            "C46",
            "",
            "The team weighs requests from outside by relevance, appeal and strategic value.",
            "Wait for the team's answer.",
        )
    if not facts.intact:
        yield review(
            "payload.hash",
            "",
            "",
            "The post holds something that this version of policy cannot read.",
            "Let a person look at the payload, or send it again once policy is up to date.",
        )


def block(rule: str, clause: str, place: str, message: str, remedy: str) -> Finding:
    """Object so that the post is refused."""
    return Finding(Severity.BLOCK, Objection(rule=rule, clause=clause, place=place, message=message, remedy=remedy))


def review(rule: str, clause: str, place: str, message: str, remedy: str) -> Finding:
    """Object so that a person is asked."""
    return Finding(Severity.REVIEW, Objection(rule=rule, clause=clause, place=place, message=message, remedy=remedy))
