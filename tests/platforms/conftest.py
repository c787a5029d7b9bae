"""Every platform, an account on the sandbox for each test, and the doors to them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from deploy.sandbox.people import number_of
from shared.adapter.client import HttpClient
from shared.adapter.contract import Account, Published
from shared.adapter.render import limits_broken
from shared.adapter.spec import Spec
from shared.content import Content, Kind
from shared.platforms import specs
from tests.platforms import sandbox as stand_in
from tests.platforms.contents import CONTENTS, Store, plain
from tests.platforms.sandbox import Sandbox
from tests.platforms.shelf import shelf
from tests.platforms.stage import Trial, door_to, payload_of

CASES = [(name, kind) for name, spec in sorted(specs().items()) for kind in sorted(spec.kinds)]
"""Every kind of post of every platform."""
ABOUT_ANOTHER = [
    (name, kind)
    for name, kind in CASES
    if any(one.limit == "refers_to" for one in limits_broken(Content(text="A", kind=kind), "test/x", specs()[name]))
]
"""Those that are about another post."""
WITH_COMMENT = [(name, kind) for name, kind in CASES if specs()[name].comments(kind)]
"""Those that a first comment may stand below."""
COMMENT = "Sources: https://w.wiki/3 (all_of_them)"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with stand_in.running() as running:
        yield running


@pytest.fixture(params=sorted(specs()))
def spec(request: pytest.FixtureRequest) -> Spec:
    return specs()[request.param]


def account_on(platform: str, url: str) -> Account:
    """Return a new account; every name exists on the sandbox."""
    name = f"t{uuid4().hex[:12]}"
    handle, secrets = name, {"access_token": f"sandbox-{name}"}
    if platform == "bluesky":
        handle = f"{name}.example.org"
        secrets = {"identifier": handle, "password": "sandbox"}
    return Account(
        channel=f"test/{platform}",
        handle=f"@{handle}",
        base_url=f"{url}/{platform}",
        secrets=secrets,
        id=number_of(name),
    )


@dataclass
class Stage:
    """One platform, one account, and a way to put a content on trial."""

    spec: Spec
    account: Account
    http: HttpClient
    sandbox: Sandbox
    store: Store

    def trial(self, content: Content, kind: Callable[..., Trial] = Trial, **more: object) -> Trial:
        """Return a trial of a content on this stage."""
        payload = payload_of(content, self.spec, self.store)
        return kind(self.spec, payload, self.account, self.http, self.store, pause=self.sandbox.pass_by, **more)

    def plain(self, words: str = "Hello", number: int = 0) -> Content:
        """Return the simplest post that the platform takes."""
        return plain(self.spec, self.store, words, number)

    def fresh(self) -> "Stage":
        """Return the same stage with an account that never signed in."""
        return replace(self, account=account_on(self.spec.name, self.sandbox.url))

    def said(self) -> list[dict[str, Any]]:
        """Return what the account's readers see, oldest first."""
        return self.sandbox.posts(self.spec.name, self.account.handle.removeprefix("@"))

    def posts(self) -> list[dict[str, Any]]:
        """Return the same without what the account itself said below it."""
        return [post for post in self.said() if post["kind"] != "comment" and post["text"] != COMMENT]

    def comments(self) -> list[dict[str, Any]]:
        """Return the first comments."""
        return [post for post in self.said() if post["text"] == COMMENT]

    def public(self) -> list[str]:
        """Return the texts of these posts."""
        return [post["text"] for post in self.posts()]


@dataclass
class Case:
    """One kind of post on one platform."""

    stage: Stage
    kind: Kind
    subject: Published | None
    """Somebody else's post, for the kinds that are about one."""

    @property
    def content(self) -> Content:
        """A content of the kind."""
        content = CONTENTS[self.kind](self.stage.store)
        return content.model_copy(update={"refers_to": self.subject.permalink}) if self.subject else content

    @property
    def commented(self) -> Content:
        """The same with a first comment."""
        return self.content.model_copy(update={"first_comment": COMMENT})


async def stage_of(spec: Spec, sandbox: Sandbox) -> AsyncIterator[Stage]:
    """Give a stage, and take the faults away afterwards."""
    store = Store()
    async with door_to(spec) as http:
        with shelf(store):
            yield Stage(spec, account_on(spec.name, sandbox.url), http, sandbox, store)
    sandbox.disarm()
    sandbox.advance(0)


@pytest.fixture
async def stage(spec: Spec, sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(spec, sandbox):
        yield stage


async def case_of(param: tuple[str, Kind], sandbox: Sandbox) -> AsyncIterator[Case]:
    """Give a case; where the kind wants a post to be about, somebody else has just made one."""
    platform, kind = param
    async for stage in stage_of(specs()[platform], sandbox):
        yield Case(stage, kind, await somebody_elses(stage) if param in ABOUT_ANOTHER else None)


async def somebody_elses(stage: Stage) -> Published:
    """Return a post that another account has just made."""
    return await stage.fresh().trial(stage.plain("Is it?")).until_public()


@pytest.fixture(params=CASES, ids="-".join)
async def case(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Case]:
    async for case in case_of(request.param, sandbox):
        yield case


@pytest.fixture(params=ABOUT_ANOTHER, ids="-".join)
async def case_about_another(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Case]:
    async for case in case_of(request.param, sandbox):
        yield case


@pytest.fixture(params=WITH_COMMENT, ids="-".join)
async def case_with_comment(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Case]:
    async for case in case_of(request.param, sandbox):
        yield case
