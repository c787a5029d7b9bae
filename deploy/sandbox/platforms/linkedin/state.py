"""What LinkedIn remembers: posts, uploads, comments, and for a while what was said."""

import json
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.people import People, number_of
from deploy.sandbox.platforms.linkedin.errors import denied, refused
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "linkedin"
TOKEN_SECONDS = 60 * 86_400
RECENT = 600
"""Seconds for which a duplicate is known; that of a deleted post is known for a day."""
GHOST = 86_400
LIVING = frozenset({"202512", *(f"2026{month:02}" for month in range(1, 10))})
"""The versions of the API that are not retired (marketing/versioning)."""


@dataclass(slots=True)
class Upload:
    """An image or a video; `media` is there once all of its bytes are, `ready` says from when on it is available."""

    urn: str
    account: str
    expires: float
    parts: list[tuple[int, int]] = field(default_factory=list)
    """First and last byte of each part; none for an image."""
    received: dict[int, bytes] = field(default_factory=dict)
    token: str = ""
    media: Media | None = None
    failed: bool = False
    ready: float = 0.0

    def status(self, now: float) -> str:
        """Return how far it is, in LinkedIn's words."""
        if self.media is None:
            return "WAITING_UPLOAD"
        if self.ready > now:
            return "PROCESSING"
        return "PROCESSING_FAILED" if self.failed else "AVAILABLE"


@dataclass(slots=True)
class Share:
    """A post of a page; `post` is its line in the ledger."""

    urn: str
    account: str
    told: str
    """Its commentary, as it is told again."""
    body: dict[str, Any]
    time: float
    post: Post
    state: str = "PUBLISHED"
    changed: float = 0.0
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """What a page said below a post."""

    id: str
    account: str
    on: str
    text: str
    time: float


class State:
    """Posts, uploads and comments, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world, seconds=TOKEN_SECONDS, rotates=False)
        self.shares: dict[str, Share] = {}
        self.uploads: dict[str, Upload] = {}
        self.comments: dict[str, list[Comment]] = {}
        self._said: dict[str, tuple[str, float]] = {}
        self._last = 0

    def caller(self, call: Call) -> str:
        """Return whose token this is, after LinkedIn's look at the headers that each call must have."""
        token = call.bearer()
        if not token:
            raise refused(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token")
        account = self.people.owner(token)
        if account is None:
            raise refused(401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user")
        version = call.header(b"linkedin-version")
        if not version:
            raise refused(400, "VERSION_MISSING", "A version must be present. Please specify a version.")
        if version not in LIVING:
            raise refused(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
        if call.header(b"x-restli-protocol-version") != "2.0.0":
            raise refused(400, "ILLEGAL_ARGUMENT", "X-RestLi-Protocol-Version must be 2.0.0")
        self.world.quotas.take(NAME, "member_day", account)
        return account

    def own(self, account: str, urn: Any) -> str:
        """Return the URN of the page that this account administers; raises 403 for any other one."""
        if urn != urn_of(account):
            raise denied(f"Viewer of the token does not administer {urn}")
        return str(urn)

    def next_id(self) -> str:
        """Return an id that grows with time, as LinkedIn's do."""
        self._last = max(self._last + 1, int(self.world.now() * 1000) << 22)
        return str(self._last)

    def add(self, share: Share) -> None:
        """Keep a new post; one that readers see is written into the ledger."""
        self.shares[share.urn] = share
        self._said[said_in(share.body)] = (share.urn, share.time + RECENT)
        if share.state == "PUBLISHED":
            self.world.ledger.add(share.post)

    def drop(self, share: Share) -> None:
        """Forget a post; for a day, the like of it is still refused as its duplicate."""
        now = self.world.now()
        del self.shares[share.urn]
        share.post.removed = now
        self._said[said_in(share.body)] = (share.urn, now + GHOST)

    def same_as(self, body: dict[str, Any]) -> str | None:
        """Return the post that said exactly this a moment ago."""
        urn, until = self._said.get(said_in(body), (None, 0.0))
        return urn if until > self.world.now() else None

    def forget(self) -> None:
        """Drop every post, upload and comment."""
        for memory in (self.shares, self.uploads, self.comments, self._said):
            memory.clear()


def urn_of(account: str) -> str:
    """Return the URN of an account's page."""
    return f"urn:li:organization:{number_of(account)}"


def said_in(body: dict[str, Any]) -> str:
    """Return what makes a post the same as another one."""
    return json.dumps(
        [body.get(name) for name in ("author", "commentary", "content", "reshareContext")], sort_keys=True
    )
