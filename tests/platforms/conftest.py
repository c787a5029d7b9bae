"""Every platform, an account on the sandbox for each test, and the doors to them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from shared.adapter.client import HttpClient
from shared.adapter.contract import Account
from shared.adapter.spec import Spec
from shared.content import Content
from shared.platforms import specs
from tests.platforms import sandbox as stand_in
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Store, Trial, payload_of


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
    handle, secrets = {
        "bluesky": (f"{name}.example.org", {"identifier": f"{name}.example.org", "password": "sandbox"}),
        "mastodon": (name, {"access_token": f"sandbox-{name}"}),
    }[platform]
    return Account(channel=f"test/{platform}", handle=f"@{handle}", base_url=f"{url}/{platform}", secrets=secrets)


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
        return kind(self.spec, payload, self.account, self.http, self.store, **more)

    def fresh(self) -> "Stage":
        """Return the same stage with an account that never signed in."""
        return replace(self, account=account_on(self.spec.name, self.sandbox.url))

    def public(self) -> list[str]:
        """Return the texts that the account's readers see, oldest first."""
        posts = self.sandbox.posts(self.spec.name, self.account.handle.removeprefix("@"))
        return [post["text"] for post in posts]


async def stage_of(spec: Spec, sandbox: Sandbox) -> AsyncIterator[Stage]:
    """Give a stage, and take the faults away afterwards."""
    async with HttpClient(spec, contact="https://carillon.example; ops@carillon.example", deadline=1.0) as http:
        yield Stage(spec, account_on(spec.name, sandbox.url), http, sandbox, Store())
    sandbox.disarm()
    sandbox.advance(0)


@pytest.fixture
async def stage(spec: Spec, sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(spec, sandbox):
        yield stage
