"""Claim, call, settle, against the sandbox: once, in the approved form, or a clear question."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.accounts import Accounts
from services.publisher.claim import Claimed
from services.publisher.deliver import Deliver, Offered
from services.publisher.outcome import Tried
from services.publisher.resumes import Resumes
from services.publisher.seal import Keys
from services.publisher.settings import PublisherSettings
from shared import platforms
from shared.accounts import Accounts as FileAccounts
from shared.adapter.client import HttpClient
from shared.adapter.contract import Pending, Published
from shared.adapter.errors import Rejected
from shared.channels import Registry, load
from shared.content import Timing
from shared.database import begin, statements
from shared.events import Event, PostDue, PostPublished
from shared.media import MediaStore
from tests.platforms import sandbox as stand_in
from tests.platforms.sandbox import Sandbox
from tests.publisher.conftest import Publisher, approved, cancelled, refused, requested

ACCOUNT = "wikipedia.org"
KEYS = Keys([b"k" * 32])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with stand_in.running() as running:
        yield running


@pytest.fixture
def registry(sandbox: Sandbox) -> Registry:
    sandbox.control.delete("/_ledger")
    return load(Path("deploy/samples/config"), {"bluesky": f"{sandbox.url}/bluesky"})


class Stage:
    """One worker of Bluesky, driven beat by beat; `worker` makes another."""

    def __init__(self, worker: Callable[[], Deliver], publisher: Publisher, sandbox: Sandbox) -> None:
        self.worker = worker
        self.deliver = worker()
        self.publisher = publisher
        self.sandbox = sandbox

    async def due(self, words: str = "Hello", **more: Any) -> Any:
        """Bring a post to where its worker is woken."""
        request = requested(words, **more)
        await self.publisher.hear(request, approved(request))
        await self.set("state = 'due'", request.post)
        return request

    async def set(self, change: str, post: UUID) -> None:
        await self.publisher.force(change, post)

    async def claim(self, *posts: UUID, by: Deliver | None = None) -> list[Claimed]:
        async with begin(self.publisher.engine) as db:
            events = [PostDue(post=post, platform="bluesky") for post in posts]
            return list(await (by or self.deliver).claim(events, db))

    async def settle(self, claim: Claimed, outcome: Any) -> list[Event]:
        outcome = outcome if isinstance(outcome, Tried) else Tried(outcome)
        async with begin(self.publisher.engine) as db:
            return list(await self.deliver.settle(claim, outcome, db))

    async def run(self, post: UUID) -> list[str]:
        """Do all three beats; return the names of the events that follow."""
        (claim,) = await self.claim(post)
        return [event.name for event in await self.settle(claim, await self.deliver.call(claim))]

    def public(self) -> list[str]:
        return [post["text"] for post in self.sandbox.posts("bluesky", ACCOUNT)]


@pytest.fixture
async def stage(
    settings: PublisherSettings, publisher: Publisher, registry: Registry, sandbox: Sandbox, tmp_path: Path
) -> AsyncIterator[Stage]:
    file = tmp_path / "accounts.yaml"
    file.write_text(yaml.safe_dump({"wikipedia/bluesky": {"identifier": ACCOUNT, "password": "sandbox"}}))
    spec = platforms.specs()["bluesky"]
    async with HttpClient(spec, contact="https://carillon.example", deadline=2.0) as http:
        worker = partial(
            Deliver,
            spec,
            platforms.publisher_of("bluesky"),
            engine=publisher.engine,
            accounts=Accounts(FileAccounts(file, lambda: registry), publisher.engine, Keys([])),
            registry=lambda: registry,
            http=http,
            media=Offered(MediaStore(f"file://{tmp_path / 'media'}")),
            resumes=Resumes(KEYS),
            settings=settings,
        )
        yield Stage(worker, publisher, sandbox)
    sandbox.disarm()


async def test_an_approved_post_is_published(stage: Stage) -> None:
    request = await stage.due("A bell rings")
    assert await stage.run(request.post) == ["post.published"]
    assert stage.public() == ["A bell rings"]
    row = await stage.publisher.row(request.post)
    assert (row.state, row.due_at, row.external_id.startswith("at://")) == ("published", None, True)


@pytest.mark.parametrize(("wanted", "ahead"), [("at once", timedelta(0)), ("later", timedelta(minutes=30))])
async def test_it_is_told_how_long_a_post_took_from_its_request(stage: Stage, wanted: str, ahead: timedelta) -> None:
    def took(part: str) -> float:
        labels = {"platform": "bluesky", "wanted": wanted}
        return REGISTRY.get_sample_value(f"carillon_request_to_publish_seconds_{part}", labels) or 0

    count, total = took("count"), took("sum")
    accepted = datetime.now(UTC) - timedelta(hours=1)
    request = await stage.due(timing=Timing(publish_at=accepted + ahead), accepted_at=accepted)
    assert await stage.run(request.post) == ["post.published"]
    assert took("count") == count + 1
    assert took("sum") - total == pytest.approx(3600, abs=60)


async def test_the_try_is_written_before_the_call(stage: Stage) -> None:
    request = await stage.due()
    (claim,) = await stage.claim(request.post)
    async with statements(stage.publisher.engine) as db:
        row = (await db.execute(text("SELECT * FROM try WHERE post = :post"), {"post": request.post})).one()
    assert (row.fence, row.outcome, row.payload_hash) == (claim.fence, None, request.payload_hash)
    assert stage.public() == []


async def test_two_workers_cannot_claim_one_post(stage: Stage) -> None:
    request = await stage.due()
    claims = await asyncio.gather(*(stage.claim(request.post, by=stage.worker()) for _ in range(5)))
    assert sum(map(len, claims)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "verdict = 'refused'",
        "approved_until = now() - interval '1 second'",
        "approved_hash = repeat('0', 64)",
        "approved_revision = 2",
        "not_after = now() - interval '1 second'",
        "channel = 'rehearsal/bluesky'",
        "state = 'cancelled'",
        "state = 'held'",
        "platform = 'mastodon'",
    ],
)
async def test_what_must_hold_is_tested_in_the_claim(stage: Stage, change: str) -> None:
    request = await stage.due()
    await stage.set(change, request.post)
    assert await stage.claim(request.post) == []
    assert stage.public() == []


async def test_a_stored_payload_that_was_changed_is_not_sent(stage: Stage) -> None:
    request = await stage.due()
    await stage.set("""payload = jsonb_set(payload, '{pieces,0,text}', '"Another text"')""", request.post)
    assert await stage.run(request.post) == ["post.failed"]
    assert stage.public() == []


async def test_a_lost_reply_is_looked_up_and_not_sent_twice(stage: Stage) -> None:
    request = await stage.due("Only once")
    stage.sandbox.arm("bluesky", "accept_then_reset")
    assert await stage.run(request.post) == ["post.uncertain"]
    assert await stage.publisher.state(request.post) == "uncertain"
    assert await stage.run(request.post) == ["post.published"]
    assert stage.public() == ["Only once"]


async def test_an_uncertain_post_whose_approval_ended_is_found(stage: Stage) -> None:
    request = await stage.due("It did land")
    stage.sandbox.arm("bluesky", "accept_then_reset")
    await stage.run(request.post)
    await stage.publisher.hear(refused(request))
    assert await stage.run(request.post) == ["post.published"]
    assert stage.public() == ["It did land"]


async def test_an_uncertain_post_that_did_not_land_is_not_sent_without_approval(stage: Stage) -> None:
    request = await stage.due("It did not land")
    stage.sandbox.arm("bluesky", "refuse_500")
    await stage.run(request.post)
    await stage.publisher.hear(refused(request))
    await stage.set("tried_at = now() - interval '1 hour'", request.post)
    assert await stage.run(request.post) == ["post.uncertain"]  # one look is not enough
    assert await stage.run(request.post) == []
    assert stage.public() == []
    assert await stage.publisher.state(request.post) == "planned"
    await stage.set("state = 'due'", request.post)
    assert await stage.claim(request.post) == []


async def test_a_rate_limit_is_a_new_due_date(stage: Stage) -> None:
    request = await stage.due()
    stage.sandbox.arm("bluesky", "rate_limit")
    assert await stage.run(request.post) == []
    row = await stage.publisher.row(request.post)
    assert row.state == "planned"
    assert row.due_at > row.publish_at


async def test_asking_again_what_the_platform_is_still_at_is_no_other_try(stage: Stage) -> None:
    request = await stage.due()
    for _ in range(3):
        (claim,) = await stage.claim(request.post)
        assert await stage.settle(claim, Pending({"container": "1"}, 0)) == []
    row = await stage.publisher.row(request.post)
    assert (row.state, row.tries, row.fence) == ("pending", 1, 3)
    assert Resumes(KEYS).opened(row.resume, request.post) == {"container": "1"}


async def test_what_a_worker_goes_on_with_is_sealed(stage: Stage) -> None:
    """Addresses of upload sessions are as good as passwords; what is public already stays in clear."""
    request = await stage.due()
    secret = "https://upload.example/session?upload_id=AAANRrT1"
    (claim,) = await stage.claim(request.post)
    await stage.settle(claim, Pending({"session": secret, "parts": ["at://1"]}, 0))
    row = await stage.publisher.row(request.post)
    assert (row.resume["parts"], set(row.resume)) == (["at://1"], {"parts", "sealed"})
    assert "upload" not in str(row.resume)
    (again,) = await stage.claim(request.post)
    assert again.attempt.resume == {"session": secret, "parts": ["at://1"]}
    lost = Resumes(Keys([b"other" + b"k" * 27]))
    assert lost.opened(row.resume, request.post) == {"parts": ["at://1"]}
    assert Resumes(KEYS).opened(row.resume, uuid4()) == {"parts": ["at://1"]}, "it opens for its own post only"


async def test_a_missing_first_comment_is_told_and_the_post_is_published(stage: Stage) -> None:
    request = await stage.due()
    (claim,) = await stage.claim(request.post)
    (said,) = await stage.settle(claim, Published("1", None, ("1",), "the comment's answer was lost"))
    assert isinstance(said, PostPublished)
    assert said.unsaid == "the comment's answer was lost"
    row = await stage.publisher.row(request.post)
    assert (row.state, row.reason) == ("published", "the comment's answer was lost")


async def test_a_zombie_changes_nothing(stage: Stage) -> None:
    request = await stage.due("Once")
    (zombie,) = await stage.claim(request.post)
    outcome = await stage.deliver.call(zombie)
    await stage.set(
        "state = 'uncertain', unproven = true, due_at = now()", request.post
    )  # its lease ran out while it slept
    assert await stage.run(request.post) == ["post.published"]
    assert await stage.settle(zombie, outcome) == []
    async with statements(stage.publisher.engine) as db:
        outcomes = (await db.execute(text("SELECT outcome FROM try ORDER BY fence"))).scalars().all()
    assert outcomes == ["orphan: published", "published"]
    assert REGISTRY.get_sample_value("carillon_tries_total", {"platform": "bluesky", "outcome": "orphan"})
    assert stage.public() == ["Once"]


async def test_settling_twice_is_harmless(stage: Stage) -> None:
    """A commit whose answer was lost is made again."""
    request = await stage.due()
    (claim,) = await stage.claim(request.post)
    outcome = await stage.deliver.call(claim)
    assert len(await stage.settle(claim, outcome)) == 1
    assert await stage.settle(claim, outcome) == []
    assert await stage.publisher.state(request.post) == "published"


async def test_a_cancel_under_way_is_answered_when_proven(stage: Stage) -> None:
    request = await stage.due("Too late")
    (claim,) = await stage.claim(request.post)
    assert await stage.publisher.hear(cancelled(request)) == []
    events = await stage.settle(claim, await stage.deliver.call(claim))
    assert [event.name for event in events] == ["post.published", "post.change_settled"]
    assert events[1].model_dump()["settlement"] == "too_late"


async def test_a_cancel_under_way_applies_when_nothing_was_sent(stage: Stage) -> None:
    request = await stage.due("Never")
    stage.sandbox.arm("bluesky", "rate_limit")
    (claim,) = await stage.claim(request.post)
    await stage.publisher.hear(cancelled(request))
    events = await stage.settle(claim, await stage.deliver.call(claim))
    assert [event.model_dump().get("settlement") for event in events] == ["applied"]
    assert await stage.publisher.state(request.post) == "cancelled"
    assert stage.public() == []


async def test_an_edit_under_way_applies_when_the_post_failed(stage: Stage) -> None:
    request = await stage.due("Wrong")
    (claim,) = await stage.claim(request.post)
    edited = requested("Right", post=request.post, revision=2)
    assert await stage.publisher.hear(edited) == []
    events = await stage.settle(claim, Rejected("the platform will not have it"))
    assert [event.name for event in events] == ["post.failed", "post.change_settled"]
    await stage.publisher.hear(approved(edited))
    await stage.set("state = 'due'", request.post)
    assert await stage.run(request.post) == ["post.published"]
    assert stage.public() == ["Right"]


async def test_a_medium_that_cannot_be_read_is_tried_again(stage: Stage) -> None:
    request = await stage.due()
    medium = '{"sha256": "%s", "type": "image/png", "size": 1}' % ("0" * 64)
    await stage.set(f"payload = jsonb_set(payload, '{{pieces,0,media}}', '[{medium}]')", request.post)
    (claim,) = await stage.claim(request.post)
    claim = replace(claim, payload_hash=claim.payload.digest())
    assert await stage.settle(claim, await stage.deliver.call(claim)) == []
    assert await stage.publisher.state(request.post) == "planned"


async def test_a_channel_without_an_account_waits_and_says_so(stage: Stage) -> None:
    request = await stage.due(channel="foundation/bluesky")
    assert await stage.run(request.post) == []
    row = await stage.publisher.row(request.post)
    assert (row.state, "ACCOUNTS_FILE" in row.reason) == ("planned", True)


async def test_secrets_are_in_no_row(stage: Stage, engine: AsyncEngine) -> None:
    request = await stage.due()
    stage.sandbox.arm("bluesky", "expired_token", times=5)
    await stage.run(request.post)
    async with statements(engine) as db:
        rows = await db.execute(
            text("SELECT d::text || coalesce(t::text, '') FROM delivery d LEFT JOIN try t USING (post)")
        )
        assert not any("sandbox" in row for row in rows.scalars())
