"""A post on trial: a publisher that tries again as the real one does, and doors and deaths that try it."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from deploy.sandbox.films import film_of
from shared.adapter.client import HttpClient
from shared.adapter.compose import Needed
from shared.adapter.contract import Account, Attempt, Http, NotFound, Pending, Published
from shared.adapter.errors import TryLater, Uncertain
from shared.adapter.images import fit
from shared.adapter.render import media_of, render
from shared.adapter.spec import Absence, Safe, Spec
from shared.content import Content
from shared.payload import Payload, Rendition
from shared.platforms import publisher_of
from tests.platforms.contents import Store

MOST_TRIES = 20


def door_to(spec: Spec) -> HttpClient:
    """Return a client of a platform, which is soon tired of waiting."""
    return HttpClient(spec, contact="https://carillon.example; ops@carillon.example", deadline=1.0)


def payload_of(content: Content, spec: Spec, store: Store) -> Payload:
    """Fit and render a content, as ingest does."""
    renditions = [_rendition(needed, store) for needed in media_of(content, spec)]
    return render(content, f"test/{spec.name}", spec, renditions)


def _rendition(needed: Needed, store: Store) -> Rendition:
    original = store.kept[needed.medium.asset or ""]
    if original[4:8] == b"ftyp":
        film = film_of(original)
        assert film
        seen = {"size": len(original), "width": film.width, "height": film.height, "seconds": film.seconds}
        return Rendition.model_validate({"sha256": needed.medium.asset, "type": "video/mp4", **seen})
    assert needed.limit is not None
    fitted = fit(original, needed.limit)
    name, size = store.put(fitted.content), len(fitted.content)
    return Rendition(sha256=name, type=fitted.type, size=size, width=fitted.width, height=fitted.height)


def attempt_of() -> Attempt:
    """A first try, claimed now."""
    post = uuid4()
    return Attempt(post=post, revision=1, created_at=datetime.now(UTC), key=f"{post}:1")


class Asked:
    """Nobody but a person can say what became of it."""


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
    pause: Callable[[float], object] = float
    """Lets time pass; by default it does not."""

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
        """Try until it is public; fails when a person has to be asked, or after MOST_TRIES."""
        settled = await self.until_settled()
        assert isinstance(settled, Published), f"a person was asked: {self.failures}"
        return settled

    async def until_settled(self, *, uncertain: bool = False) -> Published | Asked:
        """Try until it is public, or until only a person can say whether it is; fails after MOST_TRIES."""
        for _ in range(MOST_TRIES):
            try:
                outcome = await (self.look() if uncertain and not self._repeatable() else self.once())
                if isinstance(outcome, NotFound):
                    outcome = await self.once()
                if not isinstance(outcome, Pending):
                    return outcome
                uncertain = False
                self.pause(outcome.after)
            except TryLater as error:
                self.failures.append("TryLater")
                self.pause(error.after or 0)
            except Uncertain:
                self.failures.append("Uncertain")
                uncertain = True
        raise AssertionError(f"not public after {MOST_TRIES} tries: {self.failures}")

    async def look(self) -> Published | Pending | NotFound | Asked:
        """Look what became of the last try, as the publisher does before it tries again."""
        found = await publisher_of(self.spec.name).find(self.payload, self.account, self.attempt, self.http)
        if isinstance(found, Pending):
            await self.remember(found.resume)
        if isinstance(found, NotFound) and self.spec.absence is not Absence.PROVES:
            return Asked()
        return found

    def _repeatable(self) -> bool:
        return isinstance(self.spec.repeat, Safe) and self.spec.repeat.covers(
            self.attempt.created_at, datetime.now(UTC)
        )

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
class Restarted(Trial):
    """A trial of which each try is made by another process: nothing but what was written down is known to it."""

    processes: int = 0

    async def once(self) -> Published | Pending:
        """Try once, in a new process."""
        async with self._process():
            return await super().once()

    async def look(self) -> Published | Pending | NotFound | Asked:
        """Look, in a new process."""
        async with self._process():
            return await super().look()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[None]:
        """Import the platform's modules anew, and open a client of its own."""
        holder = self.http if isinstance(self.http, Nth) else self
        kept, self.processes = holder.http, self.processes + 1
        with imported_anew(f"shared.platforms.{self.spec.name}"):
            async with door_to(self.spec) as holder.http:
                try:
                    yield
                finally:
                    holder.http = kept


@contextmanager
def imported_anew(package: str) -> Iterator[None]:
    """Have a package's modules imported as if for the first time, and put those that were there back at the end."""
    above, _, last = package.rpartition(".")
    before = {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")}
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
            del sys.modules[name]
        sys.modules.update(before)
        setattr(sys.modules[above], last, before[package])


@dataclass
class Nth:
    """A door that arms a fault just before the n-th call that changes anything; `arm` is given its HTTP method."""

    http: Http
    number: int
    arm: Callable[[str], object] | None
    seen: int = 0

    async def call(self, method: str, url: str, **parts: Any) -> Any:
        """Call, after arming if this is the one."""
        if method not in {"GET", "HEAD"}:
            self.seen += 1
            if self.seen == self.number and self.arm:
                self.arm(method)
        return await self.http.call(method, url, **parts)
