"""In which order files are run, and which of them in one process, when several processes share the work.

Nothing depends on it but how long all takes: what is long begins first, or one process would be left with it at the
end; and what a fixture takes long to start is asked of one process.
"""

import pytest
from xdist.scheduler import LoadFileScheduling

FIRST = (
    "tests/journey/",
    "tests/publisher/test_life_model.py",
    "tests/bus/test_amqp.py",
    "tests/mailbox/",
    "tests/local/",
)
"""What takes half a minute and more; all else follows in its own order."""
SHARED = "tests/journey/"
OWN = ("tests/journey/test_crowd.py", "tests/journey/test_outages.py")
"""The journeys that start everything for themselves; all others travel on one stage."""


def longest_first(items: list[pytest.Item]) -> None:
    """Put what is long first; within a file, and among all others, the order stays."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    return next((place for place, begin in enumerate(FIRST) if nodeid.startswith(begin)), len(FIRST))


class Together(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    """Gives a process a whole file, or all the files that share a stage."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return SHARED if file.startswith(SHARED) and file not in OWN else file
