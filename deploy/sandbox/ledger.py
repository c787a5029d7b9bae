"""The ledger: every post that the outside world can see, once per post, exact."""

from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

CALLED: ContextVar[float] = ContextVar("called")
"""When the call that is being served came in, in epoch seconds."""


@dataclass(frozen=True, slots=True)
class Media:
    """One picture, film or sound as it was posted."""

    sha256: str
    mime: str
    size: int
    alt: str | None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None

    def shown(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "sha256": self.sha256,
            "mime": self.mime,
            "bytes": self.size,
            "alt": self.alt,
            "width": self.width,
            "height": self.height,
            "seconds": self.seconds,
        }


@dataclass(slots=True)
class Post:
    """One public post; `key` is the caller's own repeat key, `details` what only this platform has."""

    platform: str
    account: str
    id: str
    text: str
    time: float
    kind: str = "post"
    url: str | None = None
    key: str | None = None
    reply_to: str | None = None
    root: str | None = None
    media: tuple[Media, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    edits: int = 0
    seq: int = 0
    removed: float | None = None
    called: float = 0.0
    """When the call came that made it public."""

    def shown(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "seq": self.seq,
            "platform": self.platform,
            "account": self.account,
            "kind": self.kind,
            "id": self.id,
            "url": self.url,
            "text": self.text,
            "time": self.time,
            "called": self.called,
            "key": self.key,
            "reply_to": self.reply_to,
            "root": self.root,
            "media": [one.shown() for one in self.media],
            "edits": self.edits,
            "removed": self.removed,
            **self.details,
        }


class Ledger:
    """All posts in the order in which they became public; a removed one stays, marked."""

    def __init__(self) -> None:
        self._posts: list[Post] = []
        self._next = 1

    def add(self, post: Post) -> None:
        """Write down a post that just became public."""
        post.called = CALLED.get(post.time)
        post.seq, self._next = self._next, self._next + 1
        self._posts.append(post)

    def posts(
        self, platform: str | None = None, account: str | None = None, *, since: int = 0, removed: bool = False
    ) -> Iterator[Post]:
        """Yield the posts with a sequence number above `since`: the public ones, or else the removed ones."""
        first = since - (self._posts[0].seq - 1) if self._posts else 0
        for post in self._posts[max(0, first) :]:
            if (post.removed is not None) is not removed:
                continue
            if platform in (None, post.platform) and account in (None, post.account):
                yield post

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of public posts by platform and account."""
        tally = Counter((post.platform, post.account) for post in self.posts())
        shown: dict[str, dict[str, int]] = {}
        for (platform, account), number in sorted(tally.items()):
            shown.setdefault(platform, {})[account] = number
        return shown

    def forget(self) -> None:
        """Begin an empty ledger; sequence numbers go on."""
        self._posts = []
