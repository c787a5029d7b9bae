"""What X remembers: posts, reposts and uploads."""

from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.people import People
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.x.errors import limit_headers, refused
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "x"
TOKEN_SECONDS = 7_200.0
_EPOCH = 1_288_834_974_657


@dataclass(slots=True)
class Upload:
    """One medium; it may be named in a post from `ready` on, until `ends`."""

    id: str
    account: str
    category: str
    ends: float
    file: File | None = None
    alt: str | None = None
    total: int = 0
    mime: str = ""
    segments: dict[int, bytes] = field(default_factory=dict)
    ready: float = 0.0
    failed: str = ""
    film: tuple[int, int, float] | None = None
    """Width, height and seconds of a video."""

    @property
    def key(self) -> str:
        """The key under which a post's media are listed."""
        return f"{13 if self.category == 'tweet_video' else 3}_{self.id}"


@dataclass(slots=True)
class Told:
    """One post, or a repost of another one."""

    id: str
    account: str
    text: str
    time: float
    post: Post
    conversation: str
    reply_to: str | None = None
    quotes: str | None = None
    reposts: str | None = None
    media: list[Upload] = field(default_factory=list)
    poll: dict[str, Any] | None = None
    versions: list[str] = field(default_factory=list)


class Ids:
    """Ids that grow with time: milliseconds since X's own epoch, then 22 bits."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float) -> str:
        """Return the next id at `now` (epoch seconds)."""
        self._last = max(self._last + 1, (int(now * 1000) - _EPOCH) << 22)
        return str(self._last)


class State:
    """Posts and uploads, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world, seconds=TOKEN_SECONDS, rotates=True)
        self.ids = Ids()
        self.posts: dict[str, Told] = {}
        self.by_account: dict[str, dict[str, Told]] = {}
        self.uploads: dict[str, Upload] = {}

    def caller(self, call: Call, *buckets: str) -> str:
        """Return whose token this is, and count the call; the answer shows the limit nearest to exhaustion."""
        account = self.people.owner(call.bearer())
        if account is None:
            raise refused(401, "Unauthorized")
        standings = [self.world.quotas.take(NAME, bucket, account) for bucket in buckets]
        if known := [standing for standing in standings if standing]:
            call.notes = limit_headers(min(known, key=lambda standing: standing.share_left))
        return account

    def new_id(self) -> str:
        """Return an id that nothing has."""
        return self.ids.next(self.world.now())

    def add(self, told: Told) -> None:
        """Keep a new post and write it into the ledger."""
        self.posts[told.id] = told
        self.by_account.setdefault(told.account, {})[told.id] = told
        self.world.ledger.add(told.post)

    def drop(self, told: Told) -> None:
        """Forget a post in all its versions; the ledger keeps it, marked as removed."""
        for version in (told.id, *told.versions):
            self.posts.pop(version, None)
        self.by_account[told.account].pop(told.id, None)
        told.post.removed = self.world.now()

    def forget(self) -> None:
        """Drop every post and upload."""
        for memory in (self.posts, self.by_account, self.uploads):
            memory.clear()
