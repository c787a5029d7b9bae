"""The shape that every platform fits: a spec, which is data (`shared.adapter.spec`), and a few calls."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from shared.adapter.oauth import App as App
from shared.adapter.oauth import Grant as Grant
from shared.adapter.spec import Spec as Spec
from shared.payload import Payload


@dataclass(frozen=True, slots=True)
class Account:
    """Who posts: the account of one channel and where its platform is; never logged, for it holds secrets."""

    channel: str
    handle: str
    base_url: str
    secrets: Mapping[str, str] = field(repr=False)
    """What the platform needs to let us in: `identifier` and `password`, or `access_token`."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Limits that the account or its instance overrides; keys as `Spec.adjusted` has them."""
    read_url: str | None = None
    """Where public figures are read, if not where the platform's `measure.py` reads them by itself."""
    id: str = ""
    """The platform's own id of the account, where its calls need one: a Page, a user, an organization."""
    version: str = ""
    """The version of the API to speak, where it is another than the spec's."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at publishing: all that must be the same when it is tried again."""

    post: UUID
    revision: int
    created_at: datetime
    """Fixed at the first claim, so that a repeated call says the same."""
    key: str
    """The same for every try of this post and revision: record keys and idempotency keys derive from it."""
    resume: Mapping[str, Any] = field(default_factory=dict)
    """What earlier tries got done, as JSON: ids of uploads, parts of a thread that are already public."""
    others: frozenset[str] = frozenset()
    """Ids of posts (and parts) that this account is known to have made for other attempts: `find` passes them over."""


@dataclass(frozen=True, slots=True)
class Published:
    """The post is public."""

    external_id: str
    permalink: str | None = None
    parts: tuple[str, ...] = ()
    unsaid: str | None = None
    """Why the first comment is not below the post, or perhaps not; None where all was said. A person sees to it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The platform is still at it: ask again in `after` seconds, with `resume`."""

    resume: Mapping[str, Any]
    after: float


@dataclass(frozen=True, slots=True)
class Listed:
    """A public post of an account, whoever made it."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """What a platform says of a quota: so many `posts` in each stretch of `per`, of which `used` are gone."""

    posts: int
    per: timedelta
    used: int


class NotFound:
    """A look-up that worked and found nothing."""


class Media(Protocol):
    """Where renditions are read from."""

    async def read(self, sha256: str) -> bytes:
        """Return the bytes; raises FileNotFoundError."""

    async def part(self, sha256: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, for uploads in chunks; raises FileNotFoundError."""

    def address(self, sha256: str) -> str:
        """Return the public address at which a platform that pulls finds the medium, for some hours from now."""


class Http(Protocol):
    """The door to a platform: one client a worker, its failures named by remedy (`shared.adapter.client`)."""

    async def call(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        mutates: bool,
        json: object | None = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Sequence[int] = (200,),
    ) -> "Answer":
        """Call once and return the answer; raises PlatformError as the spec's table and the phase of failure say.

        `operation` names the call in metrics and errors: a fixed word of ours, never an address or an id. `mutates`
        says that the call makes or changes something public, so that it must not be repeated unseen; an upload or a
        sign-in, which nobody sees, does not.
        """


class Fetch(Protocol):
    """The same door, for bytes: `shared.adapter.client` has it, `shared.adapter.commons` uses it."""

    async def fetch(self, url: str, *, operation: str, most: int) -> "Fetched":
        """Return what is at an address, `most` bytes at the most; follows no redirect; raises PlatformError."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes, and the media type that the server calls them."""

    content: bytes
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform answered, already known to be one of the expected statuses."""

    status: int
    json: Any
    headers: Mapping[str, str]


Progress = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Persist `resume` before the next call that makes something public; raises when the fence no longer holds."""


class Publisher(Protocol):
    """`publish.py`: what publisher calls, and nobody else."""

    async def publish(
        self, payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
    ) -> Published | Pending:
        """Make the payload public, going on from `attempt.resume`; raises PlatformError."""

    async def find(
        self, payload: Payload, account: Account, attempt: Attempt, http: Http
    ) -> Published | Pending | NotFound:
        """Look whether an earlier try made it; raises PlatformError.

        Pending says that a thread is there in part: publish again, going on from its `resume`.
        """

    async def recent(self, account: Account, since: datetime, http: Http) -> Sequence[Listed]:
        """Return the account's own posts since then, whoever made them, as the platform lists them.

        Raises PlatformError; Uncertain where there are more than can be looked through.
        """

    async def delete(self, external_ids: Sequence[str], account: Account, http: Http) -> None:
        """Take a post down, its parts given last first; what is gone already is fine. Raises PlatformError.

        Where `spec.deletes` is false it raises Rejected, which names what a person can do instead.
        """

    async def edit(self, external_id: str, payload: Payload, account: Account, http: Http) -> Published:
        """Change a public post's text to that of the payload's first piece; raises PlatformError.

        Where `spec.edits` is false it raises Rejected, which names what a person can do instead.
        """


class Connector(Protocol):
    """`connect.py`: how an account lets us in; publisher calls it, and nobody else."""

    async def verify(self, account: Account, http: Http) -> str:
        """Return the handle that the account's secrets open; raises Unauthorized."""

    async def limits(self, account: Account, http: Http) -> Mapping[str, int]:
        """Return the limits that the account or its instance has of its own, by the keys of `Spec.adjusted`."""

    async def quota(self, account: Account, http: Http) -> Sequence[Reported]:
        """Return how much of the account's quotas is used; empty where `spec.quotas` is false. Raises PlatformError."""

    def start(self, app: App, state: str, verifier: str) -> str:
        """Return the address at which the account's owner lets us in; `verifier` is PKCE's, where it is used."""

    async def exchange(self, app: App, code: str, verifier: str, http: Http) -> Grant:
        """Return what the code of the redirect is worth; raises Unauthorized for a code that is spent or wrong."""

    async def refresh(self, app: App, grant: Grant, http: Http) -> Grant:
        """Return a grant with later ends; raises Unauthorized when only the owner can help, TryLater else."""

    async def revoke(self, app: App, grant: Grant, http: Http) -> None:
        """Give the grant back; one that is gone already is fine.

        Where the platform has no call for it, it raises Rejected, which names what a person can do instead.
        """


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one published post under our names; what the platform does not say is absent."""

    external_id: str
    values: Mapping[str, int]
    """Paid and unpaid together, as the platform shows them."""
    organic: Mapping[str, int] = field(default_factory=dict)
    """The unpaid share, where the platform tells it apart."""
    awaited: frozenset[str] = frozenset()
    """Figures that the platform has for such a post, but not yet."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody else said to one of our accounts."""

    id: str
    kind: Literal["reply", "mention", "quote"]
    text: str
    author: str
    """Their handle or name, as the platform shows it; kept as long as it is needed to answer."""
    at: datetime
    permalink: str | None = None
    to: str | None = None
    """The id of our post, where the platform says which."""


@dataclass(frozen=True, slots=True)
class People:
    """Who follows an account, as counts; a platform that does not say leaves a mapping empty."""

    countries: Mapping[str, int] = field(default_factory=dict)
    """By ISO 3166 code."""
    ages: Mapping[str, int] = field(default_factory=dict)
    """By span, such as `25-34`."""


class Measurer(Protocol):
    """`measure.py`: what metrics calls, and nobody else."""

    async def measure(self, external_ids: Sequence[str], account: Account, http: Http) -> Sequence[Measured]:
        """Return the figures of those posts that the platform knows; a missing post is left out."""

    async def followers(self, account: Account, http: Http) -> int:
        """Return how many follow the account now."""

    async def people(self, account: Account, http: Http) -> People:
        """Return who follows the account; empty where the platform does not say."""

    async def heard(self, since: datetime, account: Account, http: Http) -> Sequence[Heard]:
        """Return the replies, mentions and quotes since then, oldest first; empty where `spec.replies` is false."""
