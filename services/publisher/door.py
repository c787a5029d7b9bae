"""The door to a platform during one try: nothing goes through it that has no leave to."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from shared.adapter.answers import Spent, spent
from shared.adapter.contract import Answer, Http
from shared.adapter.errors import Limited, PlatformError, TryLater, Uncertain

LEAVE = 0.5
"""Seconds for which a look at holds, approval, stance and lease counts: no call begins a second after a hold."""
GONE = "a hold, the approval, the stance or the lease ended it on the way"
REFUSED = 400
"""From this status on, a call did nothing."""


class Door:
    """Passes calls on while there is leave for them, and remembers what they came to.

    `may` asks whether a post may go out, still; `asked` is when that was asked last, by the monotonic clock. A post
    that is not `allowed` may be looked after, no more.
    """

    def __init__(self, http: Http, may: Callable[[], Awaitable[bool]], *, allowed: bool, asked: float) -> None:
        self._http = http
        self._may = may
        self._allowed = allowed
        self._asked = asked
        self.touched = False
        """Whether a call that makes something public was answered, lost, or is under way."""
        self.failing: bool | None = None
        """Whether the latest call found the platform out of order; None before the first."""
        self.spent: Spent | None = None
        """A quota of calls that make something public, of which the platform said that nothing is left."""

    def granted(self) -> None:
        """Take note that leave was given just now."""
        self._asked = monotonic()

    async def call(self, method: str, url: str, *, operation: str, mutates: bool, **parts: Any) -> Answer:
        """Call once, as `contract.Http` says; raises TryLater where leave is gone."""
        await self._leave(mutates)
        before, self.touched = self.touched, self.touched or mutates
        try:
            answer = await self._http.call(method, url, operation=operation, mutates=mutates, **parts)
        except PlatformError as error:
            self.failing = isinstance(error, Uncertain | TryLater) and not isinstance(error, Limited)
            if not isinstance(error, Uncertain):
                self.touched = before
            raise
        self.failing = False
        if mutates:
            self.spent = spent(answer.headers)
        if answer.status >= REFUSED:
            self.touched = before
        return answer

    async def _leave(self, mutates: bool) -> None:
        if not self._allowed:  # a look what became of it: that is all it may be
            if mutates:
                raise TryLater(GONE)
            return
        if monotonic() - self._asked > LEAVE:
            if not await self._may():
                raise TryLater(GONE)
            self.granted()
