"""What YouTube remembers: videos, sessions of uploads, captions and comments."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from deploy.sandbox.films import Film
from deploy.sandbox.ledger import Post
from deploy.sandbox.people import People, number_of
from deploy.sandbox.platforms.youtube.errors import bad, not_found, parameter, refused, unauthorized
from deploy.sandbox.quotas import ExhaustedError
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "youtube"
TOKEN_SECONDS = 3_600
SESSION_SECONDS = 7 * 86_400
"""How long a session is known; YouTube does not say."""
PACIFIC = ZoneInfo("America/Los_Angeles")


@dataclass(slots=True)
class Session:
    """One resumable upload; `made` is what it became."""

    id: str
    account: str
    metadata: Mapping[str, Any]
    size: int
    type: str
    until: float
    data: bytearray = field(default_factory=bytearray)
    made: "Video | None" = None


@dataclass(slots=True)
class Video:
    """One upload; from `ready` (epoch seconds) on it is processed, or is not to be."""

    id: str
    account: str
    snippet: dict[str, Any]
    status: dict[str, Any]
    sha256: str
    size: int
    film: Film | None
    time: float
    ready: float
    failure: tuple[str, str] | None = None
    """`failed` or `rejected`, and why."""
    captions: list[dict[str, Any]] = field(default_factory=list)
    thumbnail: str | None = None
    post: Post | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment of a channel's own below a video."""

    id: str
    account: str
    video: str
    text: str
    time: float


class State:
    """Videos and sessions, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world, seconds=TOKEN_SECONDS, rotates=False)
        self.videos: dict[str, Video] = {}
        self.sessions: dict[str, Session] = {}
        self.comments: list[Comment] = []
        self._made = 0

    def caller(self, call: Call, units: int = 1, bucket: str = "units_day") -> str:
        """Return whose token this is, and count the call against the project's quota of the day."""
        token = call.bearer()
        if not token:
            raise unauthorized("required", "Login Required.")
        account = self.people.owner(token)
        if account is None:
            raise unauthorized()
        self.world.quotas.take(NAME, bucket, self.day(), units)
        return account

    def count_upload(self, account: str) -> None:
        """Count a video against the channel's own limit of the day."""
        try:
            self.world.quotas.take(NAME, "channel_day", account)
        except ExhaustedError as error:
            message = "The user has exceeded the number of videos they may upload."
            raise bad("uploadLimitExceeded", message) from error

    def day(self) -> str:
        """Return the day whose quota is used: it begins at midnight Pacific Time."""
        return datetime.fromtimestamp(self.world.now(), UTC).astimezone(PACIFIC).date().isoformat()

    def new_id(self, length: int = 11) -> str:
        """Return an id that nothing has, in YouTube's letters."""
        self._made += 1
        digest = hashlib.sha256(f"{self.world.settings.seed}/youtube/{self._made}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode()[:length]

    def video(self, video_id: str) -> Video:
        """Return a video; raises 404."""
        if video_id not in self.videos:
            raise not_found("videoNotFound", "The video that you are trying to reach cannot be found.")
        return self.videos[video_id]

    def own_video(self, account: str, video_id: str) -> Video:
        """Return a video of this channel; raises 404 and 403."""
        video = self.video(video_id)
        if video.account != account:
            raise refused(403, "forbidden", "The request is not properly authorized.")
        return video

    def of(self, account: str) -> list[Video]:
        """Return a channel's uploads, newest first."""
        return [video for video in reversed(self.videos.values()) if video.account == account]

    def forget(self) -> None:
        """Drop every video, session and comment."""
        for memory in (self.videos, self.sessions, self.comments):
            memory.clear()


def channel_of(account: str) -> str:
    """Return the id of a channel: here a number that follows from its name."""
    return number_of(account)


def moment(time: float) -> str:
    """Return a moment as YouTube writes it, in whole seconds."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def one(call: Call, name: str) -> str:
    """Return a parameter, empty where it is missing."""
    return call.params().get(name, [""])[0]


def many(call: Call, name: str) -> list[str]:
    """Return a parameter that is a list: repeated, or with commas."""
    return [part for value in call.params().get(name, []) for part in value.split(",") if part]


def parts(call: Call, known: frozenset[str]) -> list[str]:
    """Return the parts that are asked for; raises 400 where there are none, or unknown ones."""
    asked = many(call, "part")
    if not asked:
        raise parameter("missingRequiredParameter", "The request is missing a required parameter: part.")
    if unknown := sorted(set(asked) - known):
        raise parameter("unknownPart", f"'{', '.join(unknown)}' is not a known part.")
    return asked


def page(call: Call, most: int, usual: int) -> tuple[int, int]:
    """Return where a page begins and how many it has; raises 400."""
    size, token = one(call, "maxResults") or str(usual), one(call, "pageToken") or "p0"
    if not (size.isascii() and size.isdecimal() and len(size) < 5) or not 1 <= int(size) <= most:
        raise parameter("invalidParameter", f"Invalid value '{size}'. Values must be within the range: [1, {most}]")
    if not (token[:1] == "p" and token[1:].isascii() and token[1:].isdecimal() and len(token) < 9):
        raise parameter("invalidPageToken", "The request specifies an invalid page token.")
    return int(token[1:]), int(size)


def listing(kind: str, items: list[dict[str, Any]], first: int, size: int) -> dict[str, Any]:
    """Return a page of a list."""
    shown: dict[str, Any] = {
        "kind": f"youtube#{kind}ListResponse",
        "pageInfo": {"totalResults": len(items), "resultsPerPage": size},
        "items": items[first : first + size],
    }
    if first + size < len(items):
        shown["nextPageToken"] = f"p{first + size}"
    return shown
