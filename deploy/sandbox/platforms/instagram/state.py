"""What Instagram remembers: containers for a day, media, comments, and whose token is whose."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.params import Params, text
from deploy.sandbox.people import People, number_of
from deploy.sandbox.platforms.instagram.errors import bad_token, missing, refused
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "instagram"
POSTS_A_DAY = 100
CONTAINERS_A_DAY = 400
DAY = 86_400
HOUR = 3_600
OLDEST_VERSION = 20
LONG = "IGAA"
"""How a token of sixty days begins here, so that it is told from one of an hour."""
_VERSION = re.compile(r"v(\d{1,3})\.0")
_SHORT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(slots=True)
class Container:
    """One container; it is ready from `ready` (epoch seconds) on, or has failed then."""

    id: str
    account: str
    product: str
    """FEED, REELS or STORY."""
    form: str
    """IMAGE, VIDEO or CAROUSEL_ALBUM."""
    caption: str
    media: tuple[Media, ...]
    made: float
    ready: float
    child: bool = False
    error: int | None = None
    """The subcode of what went wrong."""
    published: bool = False

    def status(self, now: float) -> str:
        """Return its status code."""
        if self.published:
            return "PUBLISHED"
        if now >= self.made + DAY:
            return "EXPIRED"
        if now < self.ready:
            return "IN_PROGRESS"
        return "ERROR" if self.error else "FINISHED"


@dataclass(slots=True)
class Medium:
    """One public post, reel or story."""

    id: str
    account: str
    product: str
    form: str
    time: float
    post: Post
    comments: list[Post] = field(default_factory=list)

    @property
    def shortcode(self) -> str:
        """The end of its address."""
        number, found = int(self.id), ""
        while number:
            number, rest = divmod(number, 64)
            found = _SHORT[rest] + found
        return found


class State:
    """Containers, media and tokens, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.brief = People(world, seconds=HOUR, rotates=False)
        self.people = People(world, seconds=60 * DAY, rotates=False)
        self.containers: dict[str, Container] = {}
        self.media: dict[str, Medium] = {}
        self._next = 0

    def new_id(self, kind: int) -> str:
        """Return an id of 17 digits that begins as those of its kind do."""
        self._next += 1
        return str(kind * 10**14 + 7 * self._next)

    def caller(self, call: Call, params: Params) -> str:
        """Return whose token this is; refuses a version that is over, and a token that is none."""
        version = _VERSION.fullmatch(call.args.get("version", "v26.0"))
        if version is None:
            raise refused(2500, f"Unknown path components: {call.path}")
        if int(version[1]) < OLDEST_VERSION:
            raise refused(2635, "(#2635) You are calling a deprecated version of the API")
        return self.owner(call.bearer() or text(params, "access_token"))

    def owner(self, token: str) -> str:
        """Return whose token this is, be it of an hour, of sixty days, or one that lasts."""
        if not (account := self.lasting(token) or self.brief.owner(token)):
            raise bad_token()
        return account

    def lasting(self, token: str) -> str | None:
        """Return whose token of sixty days this is, or whose that lasts; None for one of an hour."""
        if token.startswith(LONG):
            return self.people.owner(token.removeprefix(LONG))
        return self.people.owner(token) if token.startswith("sandbox-") else None

    def user(self, call: Call, params: Params) -> str:
        """Return the caller, where the address is that of their own account."""
        account = self.caller(call, params)
        if call.args["id"] not in ("me", number_of(account)):
            raise missing(call.args["id"], call.method.lower())
        return account

    def medium(self, call: Call, params: Params) -> Medium:
        """Return the caller's own medium."""
        account = self.caller(call, params)
        found = self.media.get(call.args["id"])
        if found is None or found.account != account:
            raise missing(call.args["id"], call.method.lower())
        return found

    def forget(self) -> None:
        """Drop every container and medium."""
        for memory in (self.containers, self.media):
            memory.clear()


def iso(time: float) -> str:
    """Return a moment as the Graph API writes it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
