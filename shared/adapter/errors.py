"""What can go wrong with a platform, named by remedy.

PlatformError
├── TryLater(after)      not done; the same call may work later
│   └── Limited          not done; the account has done enough for now
├── Rejected(reason)     not done; this payload will never be taken
├── Unauthorized         not done; the account must be connected again
└── Uncertain            perhaps done; look before doing it again
"""


class PlatformError(Exception):
    """A platform did not do what was asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TryLater(PlatformError):
    """The platform cannot now; `after` says in how many seconds to ask again, if it told."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Limited(TryLater):
    """The platform says that the account, or the `app` with all its accounts, has done enough for now."""

    def __init__(self, reason: str, after: float | None = None, *, app: bool = False) -> None:
        super().__init__(reason, after)
        self.app = app


class Rejected(PlatformError):
    """The platform will not take this payload, now or later."""


class Unauthorized(PlatformError):
    """The platform does not accept the account's credentials."""


class Uncertain(PlatformError):
    """The call went out and its outcome is unknown."""
