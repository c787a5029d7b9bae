"""What Mastodon remembers: statuses, uploads, and repeat keys for an hour."""

from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.ledger import Post
from deploy.sandbox.people import People, number_of
from deploy.sandbox.pictures import File
from deploy.sandbox.platforms.mastodon.errors import limit_headers, not_found, refused
from deploy.sandbox.platforms.mastodon.moments import Snowflakes
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "mastodon"
KEY_SECONDS = 3_600
FOR_EVER = float("inf")


@dataclass(slots=True)
class Upload:
    """One media attachment; it is ready from `ready` (epoch seconds) on."""

    id: str
    account: str
    file: File
    ready: float
    description: str | None = None
    focus: tuple[float, float] | None = None
    status: str | None = None


@dataclass(slots=True)
class Status:
    """One status, or a boost of another one."""

    id: str
    account: str
    text: str
    time: float
    post: Post
    spoiler: str = ""
    sensitive: bool = False
    visibility: str = "public"
    language: str | None = None
    reply_to: str | None = None
    media: list[Upload] = field(default_factory=list)
    poll: dict[str, Any] | None = None
    edited: float | None = None
    boost_of: str | None = None
    quote_of: str | None = None


class State:
    """Statuses and uploads, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = People(world, seconds=FOR_EVER, rotates=False)
        self.ids = Snowflakes()
        self.statuses: dict[str, Status] = {}
        self.by_account: dict[str, dict[str, Status]] = {}
        self.uploads: dict[str, Upload] = {}
        self._keys: dict[tuple[str, str], tuple[str, float]] = {}
        self._accounts: dict[str, str] = {}

    def caller(self, call: Call, bucket: str | None = None) -> str:
        """Return whose token this is, and count the call; the answer shows the limit nearest to exhaustion."""
        account = self.people.owner(call.bearer())
        if account is None:
            raise refused(401, "The access token is invalid")
        quotas = self.world.quotas
        standings = [quotas.take(NAME, "requests_5min", account)]
        if bucket:
            standings.append(quotas.take(NAME, bucket, account))
        known = [standing for standing in standings if standing]
        if known:
            call.notes = limit_headers(min(known, key=lambda standing: standing.share_left))
        return account

    def uncount(self, call: Call, bucket: str, account: str) -> None:
        """Give back what a call took that came to nothing."""
        if standing := self.world.quotas.give_back(NAME, bucket, account):
            call.notes = limit_headers(standing)

    def account_id(self, account: str) -> str:
        """Return the id of an account, and remember it."""
        found = number_of(account)
        self._accounts[found] = account
        return found

    def account_of(self, account_id: str) -> str:
        """Return the account of an id that was seen before; 404 for any other."""
        if account_id not in self._accounts:
            raise not_found()
        return self._accounts[account_id]

    def status(self, status_id: str) -> Status:
        """Return a status; raises 404."""
        if status_id not in self.statuses:
            raise not_found()
        return self.statuses[status_id]

    def own_status(self, account: str, status_id: str) -> Status:
        """Return a status of this account; raises 404."""
        status = self.status(status_id)
        if status.account != account:
            raise not_found()
        return status

    def add(self, status: Status) -> None:
        """Keep a new status and write it into the ledger."""
        self.statuses[status.id] = status
        self.by_account.setdefault(status.account, {})[status.id] = status
        self.world.ledger.add(status.post)

    def drop(self, status: Status) -> None:
        """Forget a status; the ledger keeps it, marked as removed."""
        del self.statuses[status.id]
        del self.by_account[status.account][status.id]
        status.post.removed = self.world.now()
        for upload in status.media:
            upload.status = None

    def remember_key(self, account: str, key: str, status_id: str) -> None:
        """Keep a repeat key for an hour; keys past theirs are dropped, oldest first."""
        now = self.world.now()
        while self._keys and self._keys[oldest := next(iter(self._keys))][1] <= now:
            del self._keys[oldest]
        self._keys[account, key] = (status_id, now + KEY_SECONDS)

    def known_key(self, account: str, key: str) -> str | None:
        """Return the id of the status that this account posted with this key within the last hour."""
        status_id, until = self._keys.get((account, key), (None, 0.0))
        return status_id if until > self.world.now() else None

    def forget(self) -> None:
        """Drop every status, upload and key; accounts and their tokens stay."""
        for memory in (self.statuses, self.by_account, self.uploads, self._keys):
            memory.clear()
