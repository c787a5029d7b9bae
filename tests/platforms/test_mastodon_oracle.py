"""A server of Mastodon's API that somebody else wrote is asked what our own is asked, and answers alike."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
import uvicorn
from mastodon_mock.app import create_app
from mastodon_mock.config import MastodonMockConfig, SeedAccount, SeedConfig

from shared.adapter.client import HttpClient
from shared.adapter.contract import Account, App, NotFound, Published
from shared.adapter.errors import Unauthorized
from shared.content import Content, Kind
from shared.platforms import specs
from shared.platforms.mastodon import connect, measure, publish
from tests.platforms.contents import Store, image, poll, text, thread, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Killed, KilledError, Trial, payload_of

SPEC = specs()["mastodon"]
REDIRECT = "https://carillon.example/connected"


@dataclass
class Ground:
    """One server: where it is, how to get a new account there, and how its owner lets an application in."""

    url: str
    account: Callable[[], Account]
    code: Callable[[Account, str], str]


@contextmanager
def mock_running() -> Iterator[Ground]:
    """Serve mastodon-mock on a free port, with as many accounts as the tests take."""
    names = iter([f"user{number}" for number in range(100)])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        seeds = [SeedAccount(username=f"user{n}", access_token=f"token-user{n}") for n in range(100)]
        config = MastodonMockConfig(domain=url.partition("://")[2], url_scheme="http", seed=SeedConfig(accounts=seeds))
        server = uvicorn.Server(uvicorn.Config(create_app(config), log_level="error", ws="none"))
        worker = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        worker.start()
        until = monotonic() + 20
        while not server.started:
            if monotonic() > until:
                raise RuntimeError("mastodon-mock did not start within 20 seconds")
            sleep(0.02)

        def account() -> Account:
            name = next(names)
            return Account("test/mastodon", f"@{name}", url, {"access_token": f"token-{name}"})

        yield Ground(url, account, _pressed)
        server.should_exit = True
        worker.join(20)


def _pressed(account: Account, asked: str) -> str:
    """Say yes on mastodon-mock's page, as the account's owner does, and return the code of the redirect."""
    page = httpx.get(asked, trust_env=False)
    assert page.status_code == 200
    wanted = {name: value[0] for name, value in parse_qs(urlsplit(asked).query).items()}
    form = {**{name: wanted[name] for name in ("client_id", "redirect_uri", "scope", "state")}}
    form["username"] = account.handle.removeprefix("@")
    answer = httpx.post(asked.partition("?")[0], data=form, trust_env=False)
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["state"] == [wanted["state"]]
    return told["code"][0]


@pytest.fixture(scope="module")
def mock() -> Iterator[Ground]:
    with mock_running() as ground:
        yield ground


@pytest.fixture(params=["our sandbox", "mastodon-mock"])
def ground(request: pytest.FixtureRequest, sandbox: Sandbox, mock: Ground) -> Ground:
    def account() -> Account:
        name = f"t{uuid4().hex[:12]}"
        return Account("test/mastodon", f"@{name}", f"{sandbox.url}/mastodon", {"access_token": f"sandbox-{name}"})

    ours = Ground(f"{sandbox.url}/mastodon", account, lambda account, _: f"code-{account.handle[1:]}")
    return ours if request.param == "our sandbox" else mock


@dataclass
class Here:
    """An account on one of the servers."""

    ground: Ground
    account: Account
    http: HttpClient
    store: Store
    pause: Callable[[float], object]

    def trial(self, content: Content, kind: type[Trial] = Trial, **more: Any) -> Trial:
        payload = payload_of(content, SPEC, self.store)
        return kind(SPEC, payload, self.account, self.http, self.store, pause=self.pause, **more)

    async def statuses(self) -> list[dict[str, Any]]:
        """Return what the account has posted, oldest first, as the server tells everybody."""
        own = await connect.own_account(self.account, self.http)
        path = f"/api/v1/accounts/{own['id']}/statuses"
        told = await connect.call(self.account, self.http, "GET", path, operation="look")
        return list(reversed(told.json))


@pytest.fixture
async def here(ground: Ground, sandbox: Sandbox) -> AsyncIterator[Here]:
    async with HttpClient(SPEC, contact="https://carillon.example; ops@carillon.example", deadline=5.0) as http:
        yield Here(ground, ground.account(), http, Store(), sandbox.pass_by)
    sandbox.advance(0)


KINDS: dict[str, Callable[[Store], Content]] = {
    "text": lambda _: text(),
    "pictures": lambda store: image(store, 2),
    "video": video,
    "thread": thread,
    "poll": poll,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_try_again_gives_the_same_status(here: Here, kind: str) -> None:
    trial = here.trial(KINDS[kind](here.store))
    published = await trial.until_public()
    again = here.trial(KINDS[kind](here.store))
    again.attempt = replace(trial.attempt, resume={key: v for key, v in trial.attempt.resume.items() if key != "parts"})
    assert (await again.until_public()).parts == published.parts
    statuses = await here.statuses()
    assert [one["id"] for one in statuses] == list(published.parts)
    assert [one["in_reply_to_id"] for one in statuses] == [None, *published.parts[:-1]]
    assert [[m["description"] for m in one["media_attachments"]] for one in statuses] == [
        [m.alt for m in piece.media] for piece in trial.payload.pieces
    ]
    assert published.permalink == statuses[0]["url"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_look_finds_what_was_posted_and_nothing_else(here: Here, kind: str) -> None:
    trial, other = here.trial(KINDS[kind](here.store)), here.trial(Content(text="Something else"))
    await other.until_public()
    assert isinstance(await trial.look(), NotFound)
    published = await trial.until_public()
    trial.attempt = replace(trial.attempt, resume={key: v for key, v in trial.attempt.resume.items() if key != "parts"})
    found = await trial.look()
    assert isinstance(found, Published)
    assert found.parts == published.parts


async def test_a_thread_broken_off_goes_on(here: Here) -> None:
    trial = here.trial(thread(here.store), Killed, dies_at=3)
    with pytest.raises(KilledError):
        await trial.until_public()
    again = here.trial(thread(here.store))
    again.attempt = trial.attempt
    published = await again.until_public()
    assert [one["id"] for one in await here.statuses()] == list(published.parts)


@pytest.mark.parametrize("kind", [Kind.REPLY, Kind.QUOTE])
async def test_a_reply_and_a_quote_are_about_the_status(here: Here, kind: Kind) -> None:
    other = replace(here, account=here.ground.account())
    first = await other.trial(Content(text="One")).until_public()
    content = Content(text="Two", kind=kind, refers_to=first.permalink)
    trial = here.trial(content)
    published = await trial.until_public()
    (status,) = await here.statuses()
    assert status["in_reply_to_id"] == (first.external_id if kind is Kind.REPLY else None)
    quoted = ((status["quote"] or {}).get("quoted_status") or {}).get("id")
    assert quoted == (first.external_id if kind is Kind.QUOTE else None)
    found = await publish.find(trial.payload, here.account, replace(trial.attempt, resume={}), here.http)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


async def test_a_second_boost_is_the_first(here: Here) -> None:
    other = replace(here, account=here.ground.account())
    first = await other.trial(Content(text="One")).until_public()
    boost = Content(kind=Kind.REPOST, refers_to=first.permalink)
    trial = here.trial(boost)
    published = await trial.until_public()
    assert (await here.trial(boost).until_public()).external_id == published.external_id
    assert [one["reblog"]["id"] for one in await here.statuses()] == [first.external_id]
    found = await publish.find(trial.payload, here.account, trial.attempt, here.http)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id
    await publish.delete([published.external_id], here.account, here.http)
    assert await here.statuses() == []


async def test_an_edit_keeps_the_pictures_and_a_takedown_is_final(here: Here) -> None:
    published = await here.trial(image(here.store, 2)).until_public()
    payload = here.trial(Content(text="Better")).payload
    edited = await publish.edit(published.external_id, payload, here.account, here.http)
    (status,) = await here.statuses()
    assert (edited.external_id, status["content"], len(status["media_attachments"])) == (
        published.external_id,
        "<p>Better</p>",
        2,
    )
    for _ in range(2):
        await publish.delete(published.parts, here.account, here.http)
    assert await here.statuses() == []


async def test_figures_followers_and_limits(here: Here) -> None:
    published = await here.trial(Content(text="One")).until_public()
    measured = await measure.measure([published.external_id, "1"], here.account, here.http)
    assert [one.external_id for one in measured] == [published.external_id]
    assert {"likes", "shares", "comments"} <= set(measured[0].values)
    assert await measure.followers(here.account, here.http) >= 0
    own = await connect.limits(here.account, here.http)
    assert (own["text"], own["images"], own["per_url"]) == (500, 4, 23)


async def test_an_account_is_connected_and_given_back(here: Here) -> None:
    app = App("client", "client-secret", REDIRECT, here.account.base_url)
    code = here.ground.code(here.account, connect.start(app, "a-state", "v" * 43))
    grant = await connect.exchange(app, code, "v" * 43, here.http)
    account = replace(here.account, secrets={"access_token": grant.access_token})
    assert f"@{await connect.verify(account, here.http)}" == here.account.handle
    assert await connect.refresh(app, grant, here.http) == grant
    for _ in range(2):
        await connect.revoke(app, grant, here.http)
    with pytest.raises(Unauthorized):
        await connect.refresh(app, grant, here.http)


async def test_what_somebody_says_on_the_other_server_is_heard(mock: Ground, sandbox: Sandbox) -> None:
    async with HttpClient(SPEC, contact="https://carillon.example; ops@carillon.example", deadline=5.0) as http:
        ours, theirs = (Here(mock, mock.account(), http, Store(), sandbox.pass_by) for _ in range(2))
        began = datetime.now(UTC) - timedelta(minutes=5)
        first = await ours.trial(Content(text="One")).until_public()
        words = f"{ours.account.handle} oh, nice"
        await theirs.trial(Content(text=words, kind=Kind.REPLY, refers_to=first.permalink)).until_public()
        await theirs.trial(Content(text=words, language="el")).until_public()
        heard = await measure.heard(began, ours.account, http)
        assert [(one.kind, one.to, one.author) for one in heard] == [
            ("reply", first.external_id, theirs.account.handle[1:]),
            ("mention", None, theirs.account.handle[1:]),
        ]
        assert all("oh, nice" in one.text and "<" not in one.text for one in heard)
