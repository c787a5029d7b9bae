"""The oracle: what was asked, held against what the platforms show and what every service has left.

- every accepted post is public exactly once, or a person is asked, where the platform lets nobody find out
- nothing is public without a try that was written down before
- at the end nothing lies in an outbox, nothing is under way, and dead letters hold only what was planted
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

PUBLISHED, NEEDS_REVIEW = "published", "needs_review"
FINAL = frozenset({PUBLISHED, NEEDS_REVIEW, "failed", "expired", "cancelled"})
CLOCKS = 0.05
"""Seconds by which the database's clock and the sandbox's may differ: they are one machine's."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One post that was accepted: a mark for each of its parts, and when (epoch seconds)."""

    post: str
    channel: str
    marks: tuple[str, ...]
    accepted_at: float
    publish_at: float | None = None

    @property
    def platform(self) -> str:
        """The channel's platform."""
        return self.channel.partition("/")[2]

    @property
    def due_at(self) -> float:
        """From when on it could be public."""
        return max(self.accepted_at, self.publish_at or 0.0)


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry of the ledger: which mark it bears, and when the call came that made it public."""

    mark: str
    platform: str
    called: float


@dataclass(frozen=True, slots=True)
class Try:
    """One row of publisher's `try`: written before its call."""

    post: str
    began: float
    ended: float | None
    outcome: str | None


@dataclass(frozen=True)
class Evidence:
    """Everything the oracle looks at."""

    intents: Sequence[Intent]
    shown: Sequence[Shown]
    tries: Sequence[Try]
    states: Mapping[str, str]
    """Post → its state at publisher."""
    outboxes: Mapping[str, int]
    dead: Mapping[str, Collection[str]]
    """Queue → ids of its dead letters."""
    planted: Collection[str] = ()
    """Ids of messages that belong in the dead letters."""
    askable: Collection[str] = ()
    """Platforms with neither a key that makes a repeat harmless nor a look-up that proves an absence."""


@dataclass(frozen=True)
class Verdict:
    """What the oracle says."""

    posts: int
    lost: Sequence[str]
    doubled: Sequence[str]
    asked: Sequence[str]
    wrong: Sequence[str] = field(default=())
    """All else that may not be."""
    gap: float = 0.0
    """The longest time in which no post became public although one waited, in seconds."""

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.wrong)


def judge(evidence: Evidence) -> Verdict:
    """Return what came of every intent; pure."""
    times = Counter((one.platform, one.mark) for one in evidence.shown)
    lost, doubled, asked, wrong = [], [], [], []
    for intent in evidence.intents:
        state = evidence.states.get(intent.post, "unknown to publisher")
        if state == NEEDS_REVIEW:
            asked.append(intent.post)
            if intent.platform not in evidence.askable:
                wrong.append(f"{intent.post}: a person is asked, and {intent.platform} could have been")
        elif state != PUBLISHED:
            wrong.append(f"{intent.post} is {state}")
        missing = [mark for mark in intent.marks if not times[intent.platform, mark]]
        if missing and state != NEEDS_REVIEW:
            lost.append(f"{', '.join(missing)} on {intent.channel}: {state}")
        doubled += [
            f"{mark} on {intent.channel}: {number} times"
            for mark in intent.marks
            if (number := times[intent.platform, mark]) > 1
        ]
    wrong += [*_unasked(evidence), *_unwritten(evidence), *_left(evidence)]
    return Verdict(len(evidence.intents), lost, doubled, asked, wrong, longest_gap(evidence))


def longest_gap(evidence: Evidence) -> float:
    """Return the longest time in which nothing became public although something was due."""
    first: dict[tuple[str, str], float] = {}
    for one in evidence.shown:
        key = one.platform, one.mark
        first[key] = min(first.get(key, one.called), one.called)
    changes: list[tuple[float, int]] = []
    for intent in evidence.intents:
        called = [first[key] for mark in intent.marks if (key := (intent.platform, mark)) in first]
        if called:
            changes += [(min(intent.due_at, max(called)), 1), (max(called), -1)]
    waiting, since, longest = 0, 0.0, 0.0
    for at, change in sorted(changes):
        if change < 0 and waiting:
            longest = max(longest, at - since)
        if change < 0 or not waiting:
            since = at
        waiting += change
    return longest


def _unasked(evidence: Evidence) -> list[str]:
    known = {(intent.platform, mark) for intent in evidence.intents for mark in intent.marks}
    strange = {(one.platform, one.mark) for one in evidence.shown} - known
    return [f"nobody asked for {mark} on {platform}" for platform, mark in sorted(strange)]


def _unwritten(evidence: Evidence) -> list[str]:
    """Return what became public with no try written down before."""
    owner = {(intent.platform, mark): intent.post for intent in evidence.intents for mark in intent.marks}
    began: dict[str, list[float]] = defaultdict(list)
    for one in evidence.tries:
        began[one.post].append(one.began)
    return [
        f"{one.mark} on {one.platform} became public with no try before"
        for one in evidence.shown
        if (post := owner.get((one.platform, one.mark)))
        and not any(began_at <= one.called + CLOCKS for began_at in began[post])
    ]


def _left(evidence: Evidence) -> list[str]:
    wrong = [f"{number} events in {service}'s outbox" for service, number in evidence.outboxes.items() if number]
    for queue, letters in evidence.dead.items():
        if strange := [letter for letter in letters if letter not in evidence.planted]:
            wrong.append(f"dead letters in {queue}: {', '.join(strange[:5])}")
    return wrong
