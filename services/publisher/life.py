"""The life of a delivery: its states, and from which to which it may go. `docs/delivery.md` is drawn from this."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """Where a delivery is in its life; `MEANING` says what each is."""

    AWAITING = "awaiting"
    PLANNED = "planned"
    HELD = "held"
    DUE = "due"
    ATTEMPTING = "attempting"
    PENDING = "pending"
    UNCERTAIN = "uncertain"
    NEEDS_REVIEW = "needs_review"
    PUBLISHED = "published"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


MEANING: Mapping[State, tuple[str, str]] = {
    State.AWAITING: ("requested and not approved, or approved and not requested", "at `not_after`"),
    State.PLANNED: ("approved; its time has not come, or its channel has no room", "then"),
    State.HELD: ("its time has come; a hold covers it, or its channel is switched off", "at the release, or in 30 s"),
    State.DUE: ("announced to the workers of its platform", "after `REWAKE_SECONDS`, to announce it again"),
    State.ATTEMPTING: ("a worker holds it and may be calling", "when its lease ends"),
    State.PENDING: ("the platform is still at it", "when the platform said"),
    State.UNCERTAIN: ("a call went out, and nobody knows what came of it", "after a pause that doubles"),
    State.NEEDS_REVIEW: ("only a person can say what came of it", "a person's"),
    State.PUBLISHED: ("public", "–"),
    State.FAILED: ("certainly not public, and not sent again unless it is revised", "–"),
    State.EXPIRED: ("its time ran out before it could go", "–"),
    State.CANCELLED: ("taken back before anything was public", "–"),
}
"""What each state means, and when somebody looks at the delivery next."""

_VOIDED = "no longer approved, or revised"
_CANCELLED, _OVER = "cancelled", "its time is over"
_WRONG, _IN_PART = "not the form that was named", "its time is over, a part of it is public"
WHY: Mapping[tuple[State, State], str] = {
    (State.AWAITING, State.PLANNED): "approved",
    (State.AWAITING, State.DUE): "approved, and its time has come",
    (State.PLANNED, State.DUE): "its time has come",
    (State.PLANNED, State.HELD): "held",
    (State.HELD, State.PLANNED): "released",
    (State.HELD, State.DUE): "switched on again",
    (State.DUE, State.HELD): "held",
    (State.DUE, State.PLANNED): "no room yet",
    **{(was, State.AWAITING): _VOIDED for was in (State.PLANNED, State.HELD, State.DUE)},
    **{(was, State.EXPIRED): _OVER for was in (State.AWAITING, State.PLANNED, State.HELD, State.DUE, State.PENDING)},
    **{(was, State.CANCELLED): _CANCELLED for was in (State.AWAITING, State.PLANNED, State.HELD, State.DUE)},
    **{(was, State.FAILED): _WRONG for was in (State.AWAITING, State.PLANNED, State.HELD, State.DUE)},
    **{(was, State.NEEDS_REVIEW): _IN_PART for was in (State.AWAITING, State.PLANNED, State.HELD, State.DUE)},
    (State.DUE, State.ATTEMPTING): "claimed",
    (State.PENDING, State.ATTEMPTING): "claimed, to ask how far it is",
    (State.UNCERTAIN, State.ATTEMPTING): "claimed, to look",
    (State.ATTEMPTING, State.PUBLISHED): "it is public",
    (State.ATTEMPTING, State.PENDING): "the platform is still at it",
    (State.ATTEMPTING, State.PLANNED): "certainly not done: later",
    (State.ATTEMPTING, State.FAILED): "rejected, or tried too often",
    (State.ATTEMPTING, State.UNCERTAIN): "no answer, or the lease ended",
    (State.ATTEMPTING, State.NEEDS_REVIEW): "nothing proves what came of it",
    (State.PENDING, State.NEEDS_REVIEW): "its time is over, the platform still at it",
    (State.UNCERTAIN, State.NEEDS_REVIEW): "looked up in vain for long",
    (State.NEEDS_REVIEW, State.PUBLISHED): "a person: it landed",
    (State.NEEDS_REVIEW, State.PLANNED): "a person: it did not, send it again",
    (State.NEEDS_REVIEW, State.FAILED): "a person: give up",
    (State.FAILED, State.AWAITING): "revised",
    (State.FAILED, State.PLANNED): "revised, and approved before",
    (State.FAILED, State.DUE): "revised, approved before, and its time has come",
}
"""Every change of state that there is, and why it happens. The database refuses all others (migration 0002)."""

NEXT: Mapping[State, frozenset[State]] = {
    state: frozenset(became for was, became in WHY if was is state) for state in State
}
"""Which states may follow which."""
FIRST = frozenset({State.AWAITING, State.CANCELLED})
"""In which a delivery may begin; cancelled is one whose cancel overtook its request."""

WATCHED = (State.AWAITING, State.PLANNED, State.HELD, State.DUE, State.PENDING, State.UNCERTAIN)
"""States in which `due_at` says when the scheduler looks again; of one that is attempted its lease says it."""
UNTOUCHED = (State.AWAITING, State.PLANNED, State.HELD, State.DUE)
"""States in which nothing is on its way: an edit or a cancel still counts."""
BEGUN = (State.ATTEMPTING, State.PENDING, State.UNCERTAIN, State.NEEDS_REVIEW)
"""States in which a change waits for proof of what happened."""

ENDED = (State.PUBLISHED, State.FAILED, State.EXPIRED, State.CANCELLED)
"""States in which nothing happens any more, unless somebody asks for another revision of what failed."""


def quoted(states: tuple[State, ...]) -> str:
    """Return states as a list in SQL."""
    return ", ".join(f"'{state}'" for state in states)


def mover(tool: str, person: UUID | None) -> str:
    """Return who moved a delivery, as its `moved_by` says it: a tool, for a person if it named one."""
    return f"{tool} for {person}" if person else tool
