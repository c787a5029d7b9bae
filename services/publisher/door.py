"""The door to a platform during one try: nothing that makes a post public goes through it without leave."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from shared.adapter.contract import Answer, Http
from shared.adapter.errors import Limited, PlatformError, TryLater, Uncertain

LEAVE = 0.5
"""Seconds for which a look at holds, approval, stance and lease counts: no call begins a second after a hold."""
REFUSED = 400
"""From this status on, a call did nothing."""


class Door:
    """Passes calls on, asks for leave before those that make something public, and remembers what they came to."""

    def __init__(self, http: Http, may: Callable[[], Awaitable[bool]]) -> None:
        self._http = http
        self._may = may
        self._asked = monotonic()
        self.touched = False
        """Whether a call that makes something public was answered, lost, or is under way."""
        self.failing = False
        """Whether the latest call found the platform out of order."""

    def granted(self) -> None:
        """Take note that leave was given just now."""
        self._asked = monotonic()

    async def call(self, method: str, url: str, *, operation: str, mutates: bool, **parts: Any) -> Answer:
        """Call once, as `contract.Http` says; raises TryLater where leave is gone."""
        if mutates and monotonic() - self._asked > LEAVE:
            if not await self._may():
                raise TryLater("a hold, the approval, the stance or the lease ended it on the way")
            self.granted()
        before, self.touched = self.touched, self.touched or mutates
        try:
            answer = await self._http.call(method, url, operation=operation, mutates=mutates, **parts)
        except PlatformError as error:
            self.failing = isinstance(error, Uncertain | TryLater) and not isinstance(error, Limited)
            if not isinstance(error, Uncertain):
                self.touched = before
            raise
        self.failing = False
        if answer.status >= REFUSED:
            self.touched = before
        return answer
