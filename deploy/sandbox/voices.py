"""What other people say to the accounts: told to the sandbox, shown by each platform in its own form."""

from dataclasses import dataclass, field
from typing import Literal

Form = Literal["reply", "mention", "quote"]


@dataclass(frozen=True, slots=True)
class Voice:
    """One reply, mention or quote; `to` is the id of the account's post that it is about."""

    id: str
    platform: str
    account: str
    kind: Form
    text: str
    author: str
    time: float
    to: str | None = None


@dataclass(slots=True)
class Voices:
    """All that was said, oldest first."""

    _said: list[Voice] = field(default_factory=list)

    def add(self, voice: Voice) -> None:
        """Keep what was said."""
        self._said.append(voice)

    def new_id(self) -> str:
        """Return an id that no voice has: 17 digits."""
        return str(80_000_000_000_000_001 + len(self._said))

    def to(self, platform: str, account: str) -> list[Voice]:
        """Return what was said to an account."""
        return [one for one in self._said if (one.platform, one.account) == (platform, account)]

    def forget(self) -> None:
        """Forget it all."""
        self._said.clear()
