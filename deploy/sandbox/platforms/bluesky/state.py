"""What Bluesky remembers, and what its handlers ask of it."""

from typing import Any

from deploy.sandbox.platforms.bluesky.accounts import Accounts
from deploy.sandbox.platforms.bluesky.errors import invalid, limit_headers
from deploy.sandbox.platforms.bluesky.publicity import to_post
from deploy.sandbox.platforms.bluesky.repo import Record, Repo, Repos
from deploy.sandbox.wire import Call
from deploy.sandbox.world import World

NAME = "bluesky"


class State:
    """Accounts, repositories, and the world they are in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts = Accounts(world)
        self.repos = Repos(world.now, self._announce, self._withdraw)

    def take(self, bucket: str, key: str, points: int = 1) -> None:
        """Use points of a limit; raises ExhaustedError."""
        self.world.quotas.take(NAME, bucket, key, points)

    def count_request(self, call: Call) -> None:
        """Count a request of this client; the answer tells where it stands, as only this limit does on the real one."""
        if standing := self.world.quotas.take(NAME, "requests_5min", call.client):
            call.notes = limit_headers(standing)

    def body(self, call: Call) -> dict[str, Any]:
        """Return the JSON object of the body; raises an XRPC error."""
        if not call.body:
            raise invalid("A request body is expected but none was provided")
        encoding = call.header(b"content-type").split(";")[0].strip().lower()
        if encoding != "application/json":
            raise invalid(f"Wrong request encoding (Content-Type): {encoding}")
        value = call.json()
        if not isinstance(value, dict):
            raise invalid("Input must be an object")
        return value

    def param(self, call: Call, name: str) -> str:
        """Return a required query parameter."""
        values = call.params().get(name)
        if not values or not values[0]:
            raise invalid(f'Invalid params: Missing required key "{name}"')
        return values[0]

    def forget(self) -> None:
        """Empty every repository; sessions stay."""
        self.repos.forget()

    def _announce(self, repo: Repo, rkey: str, record: Record) -> None:
        post = to_post(repo, rkey, record, self.repos.blobs)
        if record.post is None:
            record.post = post
            self.world.ledger.add(post)
            return
        told = record.post
        told.text, told.media, told.details = post.text, post.media, post.details
        told.reply_to, told.root = post.reply_to, post.root
        told.edits += 1

    def _withdraw(self, record: Record) -> None:
        if record.post:
            record.post.removed = self.world.now()
