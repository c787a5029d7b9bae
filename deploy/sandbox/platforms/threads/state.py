"""What Threads remembers: containers for a day, and the posts that came of them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.params import Params, text
from deploy.sandbox.people import number_of
from deploy.sandbox.platforms.threads.errors import missing, wrong_token
from deploy.sandbox.platforms.threads.tokens import Tokens
from deploy.sandbox.voices import Voice
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "threads"
KEPT_SECONDS = 86_400
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(slots=True)
class Container:
    """What is to become a post; ready from `ready` on, unless it has a fault.

    A text says that it is finished before that, and yet cannot be published, as happens with the real ones.
    """

    id: str
    account: str
    kind: str
    made: float
    ready: float
    text: str = ""
    media: tuple[Media, ...] = ()
    item: bool = False
    fault: str = ""
    reply_to: str = ""
    quote: str = ""
    link: str = ""
    poll: dict[str, str] = field(default_factory=dict)
    public: float | None = None
    """From when on it is said to be published."""

    def status(self, now: float) -> str:
        """Return the status in Threads' words."""
        if self.public is not None and self.public <= now:
            return "PUBLISHED"
        if now - self.made > KEPT_SECONDS:
            return "EXPIRED"
        if self.ready > now and self.kind != "TEXT":
            return "IN_PROGRESS"
        return "ERROR" if self.fault else "FINISHED"


@dataclass(slots=True)
class Thread:
    """One post, reply or repost; listed from `listed` on."""

    id: str
    account: str
    kind: str
    time: float
    listed: float
    post: Post
    children: int = 0
    quote: str = ""
    reposted: str = ""
    link: str = ""
    poll: dict[str, str] = field(default_factory=dict)

    @property
    def reply_to(self) -> str | None:
        """The post it replies to."""
        return self.post.reply_to


class State:
    """Containers and posts, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens = Tokens(world)
        self.containers: dict[str, Container] = {}
        self.threads: dict[str, Thread] = {}
        self._parents: Counter[str | None] = Counter()
        """What is replied to, and how often."""
        self._last = 17_900_000_000_000_000

    def caller(self, call: Call, params: Params) -> str:
        """Return whose token this is, in the header or among the parameters; raises 190."""
        name = self.tokens.owner(call.bearer() or text(params, "access_token"))
        if name is None:
            raise wrong_token()
        return name

    def own_node(self, call: Call, params: Params) -> str:
        """Return the caller, whose own id, or `me`, must be in the path."""
        account = self.caller(call, params)
        if call.args["id"] not in ("me", number_of(account)):
            raise missing(call.args["id"])
        return account

    def own_thread(self, account: str, node: str) -> Thread:
        """Return a post of the account; raises 100/33."""
        thread = self.threads.get(node)
        if thread is None or thread.account != account:
            raise missing(node)
        return thread

    def voice(self, account: str, node: str) -> Voice | None:
        """Return what somebody said to the account."""
        return next((one for one in self.world.voices.to(NAME, account) if one.id == node), None)

    def next_id(self) -> str:
        """Return an id that nothing has yet."""
        self._last += 101
        return str(self._last)

    def by(self, account: str) -> list[Thread]:
        """Return the posts of an account that are listed by now, newest first."""
        now = self.world.now()
        return [one for one in reversed(self.threads.values()) if one.account == account and one.listed <= now]

    def answered(self, node: str) -> bool:
        """Say whether one of the posts here replies to something."""
        return self._parents[node] > 0

    def add(self, thread: Thread) -> None:
        """Keep a post."""
        self.threads[thread.id] = thread
        self._parents[thread.reply_to] += 1

    def remove(self, thread: Thread) -> None:
        """Drop a post."""
        del self.threads[thread.id]
        self._parents[thread.reply_to] -= 1

    def forget(self) -> None:
        """Drop every container, post and token."""
        for memory in (self.containers, self.threads, self.tokens, self._parents):
            memory.clear()


def code_of(node: str) -> str:
    """Return the shortcode of an id, which stands in the permalink."""
    number, code = int(node), ""
    while number:
        number, rest = divmod(number, 64)
        code = _LETTERS[rest] + code
    return code


def fresh(**fields: Any) -> Post:
    """Return a ledger's post of this platform."""
    return Post(platform=NAME, **fields)
