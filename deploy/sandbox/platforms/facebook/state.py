"""What Facebook remembers: posts, photos, videos and comments of its Pages."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.people import People, number_of
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.facebook.errors import bad_parameter, bad_token, not_there, refused, usage
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "facebook"
VERSIONS = ("v22.0", "v23.0", "v24.0", "v25.0", "v26.0")
APP = "1060101060101060"
PERSON = "granted-"
"""How the tokens of people begin; those of their Pages do not."""
SIXTY_DAYS = 5_184_000
TEXT_LIMIT = 63_206


@dataclass(slots=True)
class Photo:
    """An uploaded picture; `story` is the post that it is in, once it is public."""

    id: str
    page: str
    file: File
    alt: str | None
    story: str | None = None


@dataclass(slots=True)
class Video:
    """A video or reel: its bytes as they arrive, and when it is public after it is finished."""

    id: str
    page: str
    reel: bool
    size: int
    data: bytearray = field(default_factory=bytearray)
    part: int = 0
    ready: float | None = None
    fault: str | None = None
    story: str | None = None


@dataclass(slots=True)
class Story:
    """A post on a Page."""

    id: str
    page: str
    post: Post
    link: str | None = None
    photos: tuple[Photo, ...] = ()
    video: Video | None = None

    @property
    def number(self) -> str:
        """The post's own half of its id."""
        return self.id.rpartition("_")[2]


@dataclass(slots=True)
class Comment:
    """A comment of the Page itself."""

    id: str
    page: str
    story: str
    post: Post


class State:
    """All of it, and the world it is in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world, seconds=SIXTY_DAYS, rotates=False)
        self.stories: dict[str, Story] = {}
        self.photos: dict[str, Photo] = {}
        self.videos: dict[str, Video] = {}
        self.comments: dict[str, Comment] = {}
        self._issued = 0

    def new_id(self) -> str:
        """Return a number that nothing has."""
        self._issued += 1
        return str(122 * 10**15 + self._issued * 1000 + 1)

    def owner(self, call: Call, *, person: bool = False) -> str:
        """Return whose Page (or which person) the call's token opens; refuses any other."""
        if call.args.get("version") not in VERSIONS:
            raise refused(2635, "(#2635) You are calling a deprecated version of the Graph API. Please update.")
        token = token_of(call)
        if not token:
            raise refused(104, "An access token is required to request this resource.")
        name = self.people.owner(token)
        if name is None:
            raise bad_token("Invalid OAuth access token - Cannot parse access token", 467)
        if token.startswith(PERSON) is not person:
            kind = "user" if person else "page"
            raise refused(210, f"(#210) A {kind} access token is required to request this resource.", status=403)
        return name

    def caller(self, call: Call) -> str:
        """Return the Page that calls, one call counted."""
        page = self.owner(call)
        if standing := self.world.quotas.take(NAME, "calls_24h", page):
            call.notes = usage(number_of(page), standing, self.world.now())
        return page

    def page(self, call: Call) -> str:
        """Return the Page of the address, which must be the caller's own."""
        page = self.caller(call)
        if call.args["id"] not in ("me", number_of(page)):
            raise refused(200, "(#200) The token does not open this Page.", status=403)
        return page

    def story(self, page: str, story_id: str) -> Story:
        """Return a public post of the Page."""
        story = self.stories.get(story_id)
        if story is None or story.page != page or not self.is_public(story):
            raise not_there(story_id)
        return story

    def is_public(self, story: Story) -> bool:
        """Say whether a post can be seen: a video's only when it is processed."""
        return story.video is None or (story.video.ready or 0) <= self.world.now()

    def of_page(self, page: str) -> list[Story]:
        """Return a Page's public posts, newest first."""
        return [one for one in reversed(self.stories.values()) if one.page == page and self.is_public(one)]

    def publish(self, call: Call, story: Story) -> None:
        """Keep a new post and write it into the ledger."""
        self.stories[story.id] = story
        for photo in story.photos:
            photo.story = story.id
        if story.video:
            story.video.story = story.id
        self.world.ledger.add(story.post)
        call.published += 1

    def new_story(self, call: Call, page: str, text: str, kind: str, media: tuple[Media, ...]) -> Story:
        """Return a new post, not yet public; refuses a text that is too long."""
        check_text(text)
        story_id = f"{number_of(page)}_{self.new_id()}"
        post = Post(NAME, page, story_id, text, self.world.now(), kind, media=media)
        post.url = f"{call.base}/{number_of(page)}/posts/{story_id.rpartition('_')[2]}"
        return Story(story_id, page, post)

    def forget(self) -> None:
        """Drop every post and upload."""
        for memory in (self.stories, self.photos, self.videos, self.comments):
            memory.clear()


def token_of(call: Call) -> str:
    """Return the call's token: of the header, or of the address."""
    scheme, _, token = call.header(b"authorization").partition(" ")
    if scheme.lower() in ("bearer", "oauth"):
        return token.strip()
    return call.params().get("access_token", [""])[0]


def check_text(text: str) -> None:
    """Refuse a text that is too long."""
    if len(text.encode("utf-16-le")) // 2 > TEXT_LIMIT:
        raise bad_parameter("Invalid parameter: message is too long")


def iso(time: float) -> str:
    """Return a moment as the Graph API writes it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
