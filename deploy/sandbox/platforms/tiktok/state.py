"""What TikTok remembers: tokens, what was handed over, and the posts that became of it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from deploy.sandbox.ledger import Media, Post
from deploy.sandbox.people import People
from deploy.sandbox.platforms.tiktok.errors import TikTokRefusals, refused
from deploy.sandbox.wire import Call, RefusedError
from deploy.sandbox.world import World

NAME = "tiktok"
TOKEN_SECONDS = 7_200
STATUS = "/v2/post/publish/status/fetch/"
FIRST_ID = 7_500_000_000_000_000_007
SLACK = 0.05
"""Seconds by which a timer is late rather than early."""
PULLING = 0.5
"""Seconds that a question waits for pictures that are being fetched just then."""


@dataclass(slots=True)
class Job:
    """One post on its way, from its announcement until it is public or has failed."""

    publish_id: str
    account: str
    source: str
    text: str
    title: str | None
    public: bool
    asked: float
    size: int = 0
    chunk: int = 0
    chunks: int = 0
    token: str = ""
    received: list[bytes] = field(default_factory=list)
    ready: float | None = None
    """When it is done processing; None while not all of it is there."""
    told: float = 0.0
    """When moderation is over: from then on its id is told."""
    media: tuple[Media, ...] = ()
    failed: str | None = None
    post: Post | None = None

    @property
    def held(self) -> int:
        """How many bytes of it are there."""
        return sum(map(len, self.received))


class State:
    """Jobs and posts, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world, seconds=TOKEN_SECONDS, rotates=True)
        self.jobs: dict[str, Job] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._made = 0

    def caller(self, call: Call, bucket: str) -> str:
        """Return whose token this is, and count the call."""
        account = self.people.owner(call.bearer())
        if account is None:
            raise RefusedError(TikTokRefusals().expired(call))
        self.world.quotas.take(NAME, bucket, account)
        return account

    def own_job(self, call: Call, account: str, publish_id: Any) -> Job:
        """Return what this account handed over under a publish_id."""
        job = self.jobs.get(publish_id) if isinstance(publish_id, str) else None
        if job is None or job.account != account:
            raise refused(call, 400, "invalid_publish_id", "The publish_id does not exist.")
        return job

    def new_id(self, source: str) -> str:
        """Return a publish_id as TikTok writes them, with where the media come from."""
        kind = {"FILE_UPLOAD": "v_pub_file", "PHOTO": "p_pub_url"}[source]
        return f"{kind}~v2-1.{uuid4().int % 10**19:019d}"

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after the answer."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def caught_up(self) -> None:
        """Wait a moment for what is being fetched, then make public what is due."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=PULLING)
        for job in list(self.jobs.values()):
            self.settle(job)

    def done(self, job: Job, media: tuple[Media, ...], seconds: float) -> None:
        """Have a job's post public in so many seconds, whether anybody asks or not."""
        job.media, job.ready = media, self.world.now() + seconds
        self.settle(job)
        if job.post is None:
            asyncio.get_running_loop().call_later(seconds + SLACK, self.settle, job)

    def settle(self, job: Job) -> None:
        """Make a job's post public, if its time has come."""
        due = job.ready is not None and job.ready <= self.world.now()
        if not due or job.post or job.failed or self.jobs.get(job.publish_id) is not job:
            return
        self._made += 1
        post_id = str(FIRST_ID + 1_000 * self._made)
        now = self.world.now()
        details = {"title": job.title, "publish_id": job.publish_id, "public": job.public}
        job.post = Post(NAME, job.account, post_id, job.text, now, media=job.media, details=details)
        job.post.url = f"https://www.tiktok.com/@{job.account}/{'video' if job.chunks else 'photo'}/{post_id}"
        job.told = now + self.world.faults.slowness(NAME, "POST", STATUS)
        if job.public:
            self.world.ledger.add(job.post)

    def shown(self, account: str) -> list[Job]:
        """Return what the account's readers see after moderation, newest first."""
        now = self.world.now()
        public = [j for j in self.jobs.values() if j.account == account and j.post and j.public and j.told <= now]
        return sorted(public, key=lambda job: job.post.seq if job.post else 0, reverse=True)

    def forget(self) -> None:
        """Drop everything that was handed over."""
        self.jobs.clear()
