"""The state follows from what happened, not from the order in which it was heard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.standing import FINAL, MEANS, RANK, State, revision_in_force, standing


@dataclass(frozen=True)
class Said:
    emitter: str
    sequence: int
    type: str
    revision: int = 1
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


def policy(sequence: int, what: str, revision: int = 1) -> Said:
    return Said("policy", sequence, f"post.{what}", revision)


def publisher(sequence: int, what: str, revision: int = 1, **data: Any) -> Said:
    return Said("publisher", sequence, f"post.{what}", revision, data)


def settled(sequence: int, change: str, settlement: str, revision: int = 1) -> Said:
    return publisher(sequence, "change_settled", revision, change=change, settlement=settlement)


def revised(revision: int) -> Said:
    return Said("ingest", revision, "post.revised", revision, {"told": True})


def cancel(told: bool = True, since: int = 0, sequence: int = 2) -> Said:
    return Said("ingest", sequence, "post.cancelled", 1, {"told": told, "since": since})


APPLIED, TOO_LATE = settled(5, "revision", "applied", 2), settled(5, "revision", "too_late", 2)
STORIES: list[tuple[State, int, bool, list[Said]]] = [
    (State.PREPARING, 1, False, []),
    (State.REQUESTED, 1, True, []),
    (State.APPROVED, 1, True, [policy(1, "approved")]),
    (State.SCHEDULED, 1, True, [policy(1, "approved"), publisher(1, "scheduled")]),
    (State.REFUSED, 1, True, [policy(1, "approved"), publisher(1, "scheduled"), policy(2, "refused")]),
    (State.SCHEDULED, 1, True, [policy(1, "refused"), policy(2, "approved"), publisher(1, "scheduled")]),
    (State.IN_REVIEW, 1, True, [policy(7, "review_requested")]),
    (State.SCHEDULED, 1, True, [policy(1, "approved"), publisher(1, "held"), publisher(2, "scheduled")]),
    (State.HELD, 1, True, [policy(1, "approved"), publisher(1, "scheduled"), publisher(2, "held")]),
    (State.UNCERTAIN, 1, True, [policy(1, "approved"), publisher(2, "uncertain")]),
    (State.FAILED, 1, True, [publisher(2, "uncertain"), publisher(3, "failed")]),
    (State.PUBLISHED, 1, True, [publisher(2, "uncertain"), publisher(3, "published"), publisher(4, "measured")]),
    (State.EXPIRED, 1, True, [policy(1, "review_requested"), publisher(3, "expired")]),
    (State.UNPREPARABLE, 1, False, [Said("ingest", 2, "post.unpreparable")]),
    (State.PREPARING, 2, False, [Said("ingest", 2, "post.unpreparable"), Said("ingest", 3, "post.revised", 2)]),
    (State.CHANGING, 2, True, [policy(1, "approved"), publisher(1, "scheduled"), revised(2)]),
    (State.CHANGING, 2, True, [revised(2), policy(2, "approved", 2)]),
    (State.APPROVED, 2, True, [revised(2), policy(2, "approved", 2), APPLIED]),
    (State.REFUSED, 2, True, [policy(1, "approved"), revised(2), APPLIED, policy(2, "refused", 2)]),
    (State.SCHEDULED, 2, True, [policy(1, "approved"), publisher(1, "scheduled"), revised(2), TOO_LATE]),
    (State.PUBLISHED, 2, True, [revised(2), TOO_LATE, publisher(6, "published")]),
    (State.CANCELLING, 1, True, [publisher(1, "scheduled"), cancel(since=1)]),
    (State.CANCELLED, 1, True, [publisher(1, "scheduled"), cancel(since=1), settled(2, "cancel", "applied")]),
    (State.SCHEDULED, 1, True, [publisher(1, "scheduled"), cancel(since=1), settled(2, "cancel", "too_late")]),
    (State.CANCELLING, 1, True, [cancel(), settled(2, "cancel", "too_late"), cancel(since=2, sequence=3)]),
    (State.CANCELLED, 1, False, [cancel(told=False)]),
    (State.PUBLISHED, 1, True, [cancel(), settled(2, "cancel", "too_late"), publisher(3, "published")]),
]  # fmt: skip


@given(story=st.sampled_from(STORIES), data=st.data())
def test_any_order_and_any_duplicates_give_the_same_state(
    story: tuple[State, int, bool, list[Said]], data: st.DataObject
) -> None:
    state, revision, prepared, said = story
    heard = data.draw(st.permutations(said + (data.draw(st.lists(st.sampled_from(said), max_size=4)) if said else [])))
    assert standing(revision, prepared, heard) is state


WORDS = sorted({key for key in MEANS if key[0] != "ingest"})
ANY = st.builds(
    lambda word, sequence, revision: Said(word[0], sequence, word[1], revision),
    st.sampled_from(WORDS),
    st.integers(1, 6),
    st.integers(1, 3),
) | st.builds(
    settled,
    st.integers(1, 6),
    st.sampled_from(["revision", "cancel"]),
    st.sampled_from(["applied", "too_late"]),
    st.integers(1, 3),
)


@given(said=st.lists(ANY, max_size=12), revision=st.integers(1, 3), prepared=st.booleans(), data=st.data())
def test_even_what_nobody_would_say_is_heard_the_same_in_any_order(
    said: list[Said], revision: int, prepared: bool, data: st.DataObject
) -> None:
    expected = standing(revision, prepared, said)
    assert standing(revision, prepared, data.draw(st.permutations(said + said[:3]))) is expected
    assert 1 <= revision_in_force(revision, said) <= revision


def test_ranks_are_the_documented_ones() -> None:
    table = standing.__globals__["__doc__"]
    for state, rank in RANK.items():
        assert any(line.startswith(f"| {rank} ") and f"| {state} " in line for line in table.splitlines()), state
    assert {State.EXPIRED, State.FAILED, State.CANCELLED, State.PUBLISHED} == FINAL
