"""What a try's outcome means: pure rules, from what came of a call to where its delivery goes."""

import random
from dataclasses import dataclass, replace
from typing import TypeAlias

from services.publisher.claim import Claimed
from services.publisher.life import State
from services.publisher.settings import PublisherSettings
from shared.adapter.answers import Spent
from shared.adapter.contract import NotFound, Pending, Published
from shared.adapter.errors import Limited, PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.spec import Absence, Spec

# The platform is asked again after an outage of ours or of its accounts, sooner after a passing fault.
UNAUTHORIZED_AFTER = 300.0
LIMITED_FOR = 60.0
"""Seconds that an account is left alone that has done enough, where the platform does not say for how long."""
MOST_LOOKS = 20
"""Looks after which an unknown outcome is no longer looked up but asked of a person."""
ENOUGH_LOOKS = 2
"""Looks in a row that must have found nothing before absence counts."""


Outcome: TypeAlias = Published | Pending | NotFound | PlatformError


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try, and what its calls were like."""

    outcome: Outcome
    touched: bool = False
    """Whether something may have been made public."""
    failing: bool | None = None
    """Whether the platform was out of order; None where it was not asked."""
    spent: Spent | None = None
    """A quota that is used up, as the platform's answers said, whatever came of the try."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a try's outcome makes of its delivery."""

    state: State
    outcome: str
    after: float | None = None
    reason: str | None = None
    absent: int = 0
    spent: bool = True
    """Whether it counts as a try."""


def decide(tried: Claimed, outcome: Outcome, spec: Spec, settings: PublisherSettings) -> Next:
    """Return what follows from an outcome; pure."""
    match outcome:
        case Published():
            return Next(State.PUBLISHED, "published", None, outcome.unsaid)
        case Pending():
            return Next(State.PENDING, "pending", outcome.after)
        case NotFound():
            return _not_found(tried, spec, settings)
        case Uncertain():
            return _unproven(tried, "uncertain", outcome.reason)
        case _ if tried.uncertain:
            # This call certainly failed, but what became of the one before it is still not known.
            then = _unproven(tried, "uncertain, and failed", outcome.reason, absent=tried.absent)
            return _no_sooner(then, outcome)
        case _:
            return _not_done(tried, outcome, settings)


def _not_found(tried: Claimed, spec: Spec, settings: PublisherSettings) -> Next:
    """Take absence for proof only after looks that came late enough, and only where the platform's word is proof."""
    absent = tried.absent + 1
    left = settings.proof_after(spec.lag) - tried.since
    if absent < ENOUGH_LOOKS or left > 0:
        then = _unproven(tried, "not found", "nothing was found yet", absent)
        soon = min(then.after or left, left) if left > 0 else then.after
        return replace(then, after=soon) if then.state is State.UNCERTAIN else then
    if spec.absence is Absence.PROVES:
        return Next(State.PLANNED, "absent", 0.0, f"{absent} looks in a row found nothing: it is not public")
    reason = f"{absent} looks in a row found nothing, which on this platform proves nothing"
    return Next(State.NEEDS_REVIEW, "unresolved", None, reason, absent)


def _not_done(tried: Claimed, error: PlatformError, settings: PublisherSettings) -> Next:
    """Return what follows when the platform certainly did not do it."""
    more = tried.tries < settings.most_tries
    match error:
        case Limited():
            return Next(State.PLANNED, "limited", error.after or LIMITED_FOR, error.reason, spent=False)
        case TryLater() if more:
            return Next(State.PLANNED, "try later", error.after or _later(tried.tries), error.reason)
        case Unauthorized() if more:
            return Next(State.PLANNED, "unauthorized", UNAUTHORIZED_AFTER, error.reason)
        case Rejected():
            return Next(State.FAILED, "rejected", None, error.reason)
        case _:
            return Next(State.FAILED, "gave up", None, f"{tried.tries} tries, the last one: {error.reason}")


def _unproven(tried: Claimed, outcome: str, reason: str, absent: int = 0) -> Next:
    """Look again later; a person is asked when looking has not helped for long."""
    if tried.looks >= MOST_LOOKS:
        return Next(State.NEEDS_REVIEW, outcome, None, f"{tried.looks} looks, the last one: {reason}", absent)
    return Next(State.UNCERTAIN, outcome, _later(tried.looks + 1), reason, absent)


def _no_sooner(then: Next, error: PlatformError) -> Next:
    """Obey a platform that says when to ask again."""
    if then.after is None or not isinstance(error, TryLater) or error.after is None:
        return then
    return replace(then, after=max(then.after, error.after))


def _later(tries: int) -> float:
    """Return the seconds until the next try: doubling from two, jittered, never more than ten minutes."""
    return float(min(600.0, 2.0 * 2 ** min(tries - 1, 10)) * random.uniform(0.75, 1.25))  # noqa: S311 - not a secret
