"""What every platform is asked to publish, and a publisher that tries again as the real one does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

from PIL import Image

from shared.adapter.contract import Account, Attempt, Http, Pending, Published
from shared.adapter.errors import TryLater, Uncertain
from shared.adapter.images import fit
from shared.adapter.render import media_of, render
from shared.adapter.spec import Spec
from shared.content import Content, Media, Part, Poll
from shared.payload import Payload, Rendition
from shared.platforms import publisher_of

MOST_TRIES = 20


def picture(shade: int = 0) -> bytes:
    """Return a small PNG; another shade gives other bytes."""
    out = BytesIO()
    Image.new("RGB", (64, 48), (shade, 90, 140)).save(out, "PNG")
    return out.getvalue()


@dataclass
class Store:
    """Media by hash, as the media store has them."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def read(self, sha256: str) -> bytes:
        try:
            return self.kept[sha256]
        except KeyError as error:
            raise FileNotFoundError(sha256) from error

    def put(self, content: bytes) -> str:
        name = sha256(content).hexdigest()
        self.kept[name] = content
        return name


def payload_of(content: Content, spec: Spec, store: Store) -> Payload:
    """Fit and render a content, as ingest does."""
    renditions = []
    for needed in media_of(content, spec):
        assert needed.limit is not None
        fitted = fit(store.kept[needed.medium.asset or ""], needed.limit)
        name = store.put(fitted.content)
        size = len(fitted.content)
        renditions.append(Rendition(sha256=name, type=fitted.type, size=size, width=fitted.width, height=fitted.height))
    return render(content, f"test/{spec.name}", spec, renditions)


def text() -> Content:
    """A text with everything in it that is more than text."""
    return Content(text="Hello 👩‍🚀 #Wikipedia, see https://w.wiki/3 — thanks @wikipedia.org!", language="pt-BR")


def image(store: Store, number: int = 1) -> Content:
    """A text with pictures."""
    media = tuple(
        Media(asset=store.put(picture(n)), alt=f"A blue field, number {n}", credit="Ada, CC0") for n in range(number)
    )
    return Content(text="A picture", media=media)


def thread(store: Store) -> Content:
    """Three parts, the second with a picture."""
    shown = Media(asset=store.put(picture(77)), alt="A field", credit="Ada, CC0")
    return Content(thread=(Part(text="One"), Part(text="Two", media=(shown,)), Part(text="Three")))


def poll(_store: Store) -> Content:
    """A question."""
    return Content(text="Which?", poll=Poll(options=("This", "That"), seconds=3_600))


def attempt_of() -> Attempt:
    """A first try, claimed now."""
    post = uuid4()
    return Attempt(post=post, revision=1, created_at=datetime.now(UTC), key=f"{post}:1")


@dataclass
class Trial:
    """One post on its way: publishes until it is public, and remembers what the publisher service would."""

    spec: Spec
    payload: Payload
    account: Account
    http: Http
    store: Store
    attempt: Attempt = field(default_factory=attempt_of)
    failures: list[str] = field(default_factory=list)

    async def once(self) -> Published | Pending:
        """Try once, from what is known."""
        publisher = publisher_of(self.spec.name)
        outcome = await publisher.publish(
            self.payload, self.account, self.attempt, self.http, self.store, self.remember
        )
        if isinstance(outcome, Pending):
            await self.remember(outcome.resume)
        return outcome

    async def until_public(self) -> Published:
        """Try until it is public; fails after MOST_TRIES."""
        for _ in range(MOST_TRIES):
            try:
                if isinstance(outcome := await self.once(), Published):
                    return outcome
            except (TryLater, Uncertain) as error:
                self.failures.append(type(error).__name__)
        raise AssertionError(f"not public after {MOST_TRIES} tries: {self.failures}")

    async def remember(self, resume: Mapping[str, Any]) -> None:
        """Keep what is done, through JSON, as the database does."""
        self.attempt = replace(self.attempt, resume=json.loads(json.dumps(resume)))


class KilledError(Exception):
    """The process was killed here."""


@dataclass
class Killed(Trial):
    """A trial whose process dies the n-th time that it writes down what is done."""

    dies_at: int = 0
    written: int = 0

    async def remember(self, resume: Mapping[str, Any]) -> None:
        """Write it down, then die."""
        await super().remember(resume)
        self.written += 1
        if self.written == self.dies_at:
            raise KilledError


@dataclass
class Nth:
    """A door that arms a fault just before the n-th call that changes anything."""

    http: Http
    number: int
    arm: Any
    seen: int = 0

    async def call(self, method: str, url: str, **parts: Any) -> Any:
        """Call, after arming if this is the one."""
        if method == "POST":
            self.seen += 1
            if self.seen == self.number:
                self.arm()
        return await self.http.call(method, url, **parts)
