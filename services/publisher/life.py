"""The life of a delivery: its states, and from which to which it may go. `docs/delivery.md` is drawn from this."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a delivery is in its life."""

    AWAITING = "awaiting"
    """Requested but not approved, or approved but not requested: whichever comes first waits for the other."""
    PLANNED = "planned"
    """Approved; its time has not come, or its channel has no room yet."""
    HELD = "held"
    """Its time has come, but a hold covers it or its channel is switched off."""
    DUE = "due"
    """Announced to the workers of its platform."""
    ATTEMPTING = "attempting"
    """A worker holds it, and may be calling the platform."""
    PENDING = "pending"
    """The platform is still at it."""
    UNCERTAIN = "uncertain"
    """A call went out and nobody knows what came of it."""
    NEEDS_REVIEW = "needs_review"
    """Only a person can say what came of it."""
    PUBLISHED = "published"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


_UNTOUCHED_MAY = frozenset(
    {
        State.AWAITING,
        State.PLANNED,
        State.HELD,
        State.DUE,
        State.EXPIRED,
        State.CANCELLED,
        State.FAILED,
        State.NEEDS_REVIEW,
    }
)
NEXT: Mapping[State, frozenset[State]] = {
    # Another revision, a verdict, the clock, a hold and a cancel move what nobody has begun; a form that is not the
    # approved one fails it; a thread that is public in part ends as a question.
    State.AWAITING: _UNTOUCHED_MAY - {State.AWAITING, State.HELD},
    State.PLANNED: _UNTOUCHED_MAY - {State.PLANNED},
    State.HELD: _UNTOUCHED_MAY - {State.HELD},
    State.DUE: _UNTOUCHED_MAY - {State.DUE} | {State.ATTEMPTING},
    # What a try ends in.
    State.ATTEMPTING: frozenset(
        {State.PUBLISHED, State.PENDING, State.PLANNED, State.FAILED, State.UNCERTAIN, State.NEEDS_REVIEW}
    ),
    State.PENDING: frozenset({State.ATTEMPTING, State.EXPIRED, State.NEEDS_REVIEW}),
    State.UNCERTAIN: frozenset({State.ATTEMPTING, State.NEEDS_REVIEW}),
    # A person: it landed, send it again, give up.
    State.NEEDS_REVIEW: frozenset({State.PUBLISHED, State.PLANNED, State.FAILED}),
    # Another revision of what certainly is not public.
    State.FAILED: frozenset({State.AWAITING, State.PLANNED, State.DUE}),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
    State.PUBLISHED: frozenset(),
}
"""Which states may follow which. The database refuses every other change (migration 0002)."""
FIRST = frozenset({State.AWAITING, State.CANCELLED})
"""In which a delivery may begin; cancelled is one whose cancel overtook its request."""

WATCHED = (State.AWAITING, State.PLANNED, State.HELD, State.DUE, State.PENDING, State.UNCERTAIN)
"""States in which `due_at` says when the scheduler looks again; of one that is attempted its lease says it."""
UNTOUCHED = (State.AWAITING, State.PLANNED, State.HELD, State.DUE)
"""States in which nothing is on its way: an edit or a cancel still counts."""
BEGUN = (State.ATTEMPTING, State.PENDING, State.UNCERTAIN, State.NEEDS_REVIEW)
"""States in which a change waits for proof of what happened."""


def quoted(states: tuple[State, ...]) -> str:
    """Return states as a list in SQL."""
    return ", ".join(f"'{state}'" for state in states)
