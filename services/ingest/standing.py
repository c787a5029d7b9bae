"""Where a post stands: a pure function of what happened to it, whatever the order in which it was heard.

Nothing is overwritten when an event arrives, so duplicates, late events and events of an older revision need no care of
their own. Of each emitter only the latest word about the revision in force counts, by the emitter's own sequence; among
the words that are left, the one with the highest rank is the state:

| rank | state          | who says so                                                                  |
|------|----------------|------------------------------------------------------------------------------|
| 0    | preparing      | ingest: media are being fetched and fitted                                   |
| 1    | requested      | ingest: rendered, and handed on                                              |
| 2    | approved       | policy                                                                       |
| 3    | scheduled      | publisher                                                                    |
| 4    | held           | publisher: a hold or the channel's stance                                    |
| 5    | in_review      | policy: a person is asked                                                    |
| 6    | refused        | policy: edit it                                                              |
| 7    | unpreparable   | ingest: a medium is missing or cannot be made to fit; edit it                |
| 8    | changing       | ingest: a revision is asked for, publisher has not answered yet              |
| 9    | cancelling     | ingest: a cancel is asked for, publisher has not answered yet                |
| 10   | uncertain      | publisher: a call went out, its outcome is being looked up                   |
| 11   | expired        | publisher: its time ran out                                                  |
| 12   | failed         | publisher, or ingest when media could not be had in time                     |
| 13   | cancelled      | publisher, or ingest when nobody else knew of the post                       |
| 14   | published      | publisher, about whichever revision                                          |

The revision in force is the newest one that publisher did not answer with "too late".
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from shared.events import Change, Settlement


class State(StrEnum):
    """Where a post stands, from the lowest rank to the highest."""

    PREPARING = "preparing"
    REQUESTED = "requested"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    HELD = "held"
    IN_REVIEW = "in_review"
    REFUSED = "refused"
    UNPREPARABLE = "unpreparable"
    CHANGING = "changing"
    CANCELLING = "cancelling"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PUBLISHED = "published"


RANK: Mapping[State, int] = {state: rank for rank, state in enumerate(State)}
FINAL = frozenset({State.EXPIRED, State.FAILED, State.CANCELLED, State.PUBLISHED})
"""Nothing that a caller asks for changes these any more."""

INGEST, POLICY, PUBLISHER = "ingest", "policy", "publisher"
REVISED, UNPREPARABLE = "post.revised", "post.unpreparable"
"""What only ingest says, and only to its own history."""
CANCELLED, REQUESTED, SETTLED = "post.cancelled", "post.requested", "post.change_settled"

MEANS: Mapping[tuple[str, str], State] = {
    (INGEST, UNPREPARABLE): State.UNPREPARABLE,
    (INGEST, "post.failed"): State.FAILED,
    (POLICY, "post.approved"): State.APPROVED,
    (POLICY, "post.review_requested"): State.IN_REVIEW,
    (POLICY, "post.refused"): State.REFUSED,
    (PUBLISHER, "post.scheduled"): State.SCHEDULED,
    (PUBLISHER, "post.held"): State.HELD,
    (PUBLISHER, "post.uncertain"): State.UNCERTAIN,
    (PUBLISHER, "post.expired"): State.EXPIRED,
    (PUBLISHER, "post.failed"): State.FAILED,
    (PUBLISHER, "post.published"): State.PUBLISHED,
}
"""What an emitter's word says of a post; other events tell the history something, but do not move the post."""


class Entry(Protocol):
    """One line of a post's history."""

    @property
    def emitter(self) -> str:
        """Who said it."""

    @property
    def sequence(self) -> int:
        """When, by that emitter's own count."""

    @property
    def type(self) -> str:
        """What was said, such as `post.approved`."""

    @property
    def revision(self) -> int:
        """Of which revision."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The rest of what was said."""


def standing(revision: int, prepared: bool, history: Sequence[Entry]) -> State:
    """Return the state of a post whose newest revision is this one; `prepared` says that it is rendered."""
    if any(MEANS.get((entry.emitter, entry.type)) is State.PUBLISHED for entry in history):
        return State.PUBLISHED
    in_force = revision_in_force(revision, history)
    said = [State.REQUESTED if prepared or in_force < revision else State.PREPARING]
    said += _last_words(in_force, history)
    if is_changing(revision, history):
        said.append(State.CHANGING)
    if asked := cancel_asked(history):
        said += _cancel(asked, history)
    return max(said, key=RANK.__getitem__)


def revision_in_force(revision: int, history: Iterable[Entry]) -> int:
    """Return the newest revision that did not come too late."""
    late = {entry.revision for entry in history if _settles(entry, Change.REVISION, Settlement.TOO_LATE)}
    held = {entry.revision for entry in history if _settles(entry, Change.REVISION, Settlement.APPLIED)}
    return max((number for number in range(1, revision + 1) if number not in late - held), default=1)


def is_changing(revision: int, history: Sequence[Entry]) -> bool:
    """Say whether publisher knows an older revision and has not answered for this one."""
    told = any(entry.type == REVISED and entry.revision == revision and entry.data.get("told") for entry in history)
    return told and not any(_settles(entry, Change.REVISION) and entry.revision == revision for entry in history)


def cancel_asked(history: Iterable[Entry]) -> Entry | None:
    """Return the latest cancel that was asked for."""
    asked = (entry for entry in history if (entry.emitter, entry.type) == (INGEST, CANCELLED))
    return max(asked, key=lambda entry: entry.sequence, default=None)


def is_cancelling(history: Sequence[Entry]) -> bool:
    """Say whether a cancel is asked for that publisher has not answered."""
    asked = cancel_asked(history)
    return asked is not None and _cancel(asked, history) == [State.CANCELLING]


def last_heard(history: Iterable[Entry], emitter: str) -> int:
    """Return the greatest sequence number of an emitter; 0 when it said nothing yet."""
    return max((entry.sequence for entry in history if entry.emitter == emitter), default=0)


def is_answered(revision: int, history: Iterable[Entry]) -> bool:
    """Say whether policy has answered for this revision."""
    return any(entry.emitter == POLICY and entry.revision == revision for entry in history)


def was_told(prepared: bool, history: Iterable[Entry]) -> bool:
    """Say whether anybody but ingest has heard of the post: an edit or a cancel is then answered by publisher."""
    return prepared or any(entry.type == REVISED and entry.data.get("told") for entry in history)


def _last_words(in_force: int, history: Iterable[Entry]) -> list[State]:
    """Return what each emitter said last about the revision in force."""
    latest: dict[str, Entry] = {}
    for entry in history:
        if entry.revision != in_force or (entry.emitter, entry.type) not in MEANS:
            continue
        known = latest.get(entry.emitter)
        if known is None or (entry.sequence, RANK[_meaning(entry)]) > (known.sequence, RANK[_meaning(known)]):
            latest[entry.emitter] = entry
    return [_meaning(entry) for entry in latest.values()]


def _meaning(entry: Entry) -> State:
    return MEANS[entry.emitter, entry.type]


def _cancel(asked: Entry, history: Iterable[Entry]) -> list[State]:
    """Return what a cancel made of the post so far; one that came too late leaves no trace in the state."""
    answers = [entry for entry in history if _settles(entry, Change.CANCEL)]
    if not asked.data.get("told") or any(_settles(entry, Change.CANCEL, Settlement.APPLIED) for entry in answers):
        return [State.CANCELLED]
    return [] if any(entry.sequence > asked.data.get("since", 0) for entry in answers) else [State.CANCELLING]


def _settles(entry: Entry, change: Change, settlement: Settlement | None = None) -> bool:
    said = entry.data if entry.type == SETTLED else {}
    return said.get("change") == change and settlement in (None, said.get("settlement"))
