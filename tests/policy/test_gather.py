"""Facts are looked up, and approvals renewed or taken back."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.sandbox import Settings as SandboxSettings
from deploy.sandbox import create_app
from services.policy.facts import CommonsFile
from services.policy.gather import Gather, Lookup
from services.policy.handlers import Desk, handlers
from services.policy.settings import PolicySettings
from services.policy.sources.commons import Commons
from shared.adapter import commons
from shared.adapter.client import HttpClient
from shared.adapter.errors import Rejected, TryLater
from shared.bus.memory import MemoryBus
from shared.channels import Stance
from shared.content import Timing
from shared.database import begin
from shared.events import (
    Event,
    PostApproved,
    PostRefused,
    PostRequested,
    PostReviewRequested,
    decode,
)
from shared.mailbox import Mailbox, posts_queue, topology
from shared.process.serving import serving
from shared.settings import Settings
from tests.policy.conftest import FREE, PACK, PICTURE, Policy, known, payload, picture, requested

FREE_FILE = "File:Commodore Grace M. Hopper, USN (covered).jpg"
NC_FILE = "File:Carillon example, non-commercial licence.png"


async def away(titles: Sequence[str]) -> Mapping[str, CommonsFile]:
    raise TryLater("commons query: ConnectError")


async def approved_ahead(policy: Policy, hours: float = 1) -> PostRequested:
    """A post with a picture, approved for a time that comes in some hours."""
    at = datetime.now(UTC) + timedelta(hours=hours)
    request = requested(payload("Hello", picture()), timing=Timing(publish_at=at))
    await policy.hear(request)
    (answer,) = await policy.look(known())
    assert isinstance(answer, PostApproved)
    assert (answer.valid_until, answer.renewed) == (at, False)
    return request


async def test_a_post_with_media_is_judged_by_what_commons_says(policy: Policy) -> None:
    good, gone = requested(payload("Hello", picture())), requested(payload("Hello", picture("File:Gone.jpg")))
    await policy.hear(good, gone)
    answers = {event.subject: event for event in await policy.look(known())}
    assert isinstance(answers[str(good.post)], PostApproved)
    refused = answers[str(gone.post)]
    assert isinstance(refused, PostRefused)
    assert [o.rule for o in refused.objections] == ["media.deletion_pending"]
    (decision,) = await policy.decisions(good.post)
    assert decision.facts["files"][PICTURE]["license"] == FREE.license
    assert await policy.look(known()) == []


async def test_from_ten_minutes_before_its_time_the_facts_are_looked_at_again(policy: Policy) -> None:
    request = await approved_ahead(policy)
    assert await policy.look(away) == []  # not due yet
    await policy.pass_time(request.post, 51 * 60)
    (renewal,) = await policy.look(known())
    assert isinstance(renewal, PostApproved)
    assert renewal.renewed
    row = await policy.row(request.post)
    assert row.valid_for == pytest.approx(30 * 60, abs=60)
    await policy.pass_time(request.post, 21 * 60)
    assert [type(event) for event in await policy.look(known())] == [PostApproved]


async def test_a_licence_that_changes_takes_the_approval_back(policy: Policy) -> None:
    request = await approved_ahead(policy)
    await policy.pass_time(request.post, 51 * 60)
    changed = known(**{"Grace Hopper": CommonsFile(license="cc-by-nc-4.0")})
    (refused,) = await policy.look(changed)
    assert isinstance(refused, PostRefused)
    row = await policy.row(request.post)
    assert (row.verdict, row.due_at, row.valid_until) == ("refused", None, None)
    assert [d.verdict for d in await policy.decisions(request.post)] == ["approved", "refused"]


async def test_a_stance_that_changes_takes_the_approval_of_a_bare_post_back(policy: Policy) -> None:
    request = requested()
    await policy.hear(request)
    await policy.pass_time(request.post, 21 * 60)
    policy.pack = replace(PACK, stances={**PACK.stances, "wikipedia/bluesky": Stance.OFF})
    (refused,) = await policy.look(away)  # it needs no look-up, so none can fail
    assert isinstance(refused, PostRefused)


async def test_a_failed_look_up_is_tried_again_and_then_goes_to_a_person(policy: Policy) -> None:
    request = requested(payload("Hello", picture()))
    await policy.hear(request)
    assert await policy.look(away) == []
    row = await policy.row(request.post)
    assert row.tries == 1
    assert 0 < row.due_in <= 2
    await policy.pass_time(request.post, 2)
    (review,) = await policy.look(away)
    assert isinstance(review, PostReviewRequested)
    assert [o.rule for o in review.objections] == ["media.lookup_failed"]
    assert (await policy.row(request.post)).due_at is None


async def test_a_failed_look_up_never_renews_an_approval(policy: Policy) -> None:
    request = await approved_ahead(policy)
    await policy.pass_time(request.post, 51 * 60)
    assert await policy.look(away) == []
    await policy.pass_time(request.post, 2)
    assert [type(event) for event in await policy.look(away)] == [PostReviewRequested]


async def test_the_last_facts_count_for_the_grace(engine: AsyncEngine, settings: PolicySettings) -> None:
    policy = Policy(engine, settings.model_copy(update={"fact_grace": 7_200, "lookup_tries": 1}))
    request = await approved_ahead(policy)
    await policy.pass_time(request.post, 51 * 60)
    assert [type(event) for event in await policy.look(away)] == [PostApproved]
    looked_up = (await policy.row(request.post)).looked_up_at
    assert looked_up < datetime.now(UTC) - timedelta(minutes=50)  # the grace is counted from the real look
    await policy.pass_time(request.post, 90 * 60)
    assert [type(event) for event in await policy.look(away)] == [PostReviewRequested]


async def test_what_happens_during_a_look_up_outdates_it(policy: Policy) -> None:
    request = requested(payload("Hello", picture()))
    edited = requested(payload("Hello", picture(), picture("File:Gone.jpg")), post=request.post, revision=2)
    await policy.hear(request)
    assert await policy.look(known(), between=[edited]) == []
    (answer,) = await policy.look(known())
    assert (type(answer), answer.revision) == (PostRefused, 2)  # type: ignore[attr-defined] # a PostRefused


async def test_a_look_up_that_was_lost_is_made_again_after_its_lease(policy: Policy) -> None:
    request = requested(payload("Hello", picture()))
    await policy.hear(request)
    gather = Gather(known(), lambda: PACK, policy.settings)
    async with begin(policy.engine) as db:
        (lost,) = await gather.claim(1, db)
    assert await policy.look(known()) == []
    await policy.pass_time(request.post, policy.settings.lookup_lease_seconds)
    assert [type(event) for event in await policy.look(known())] == [PostApproved]
    async with begin(policy.engine) as db:
        assert await gather.settle(lost, await gather.call(lost), db) == []


async def test_many_posts_share_a_call(policy: Policy) -> None:
    calls: list[int] = []

    async def counting(titles: Sequence[str]) -> Mapping[str, CommonsFile]:
        calls.append(len(titles))
        return dict.fromkeys(titles, FREE)

    await policy.hear(*(requested(payload("Hello", picture(f"File:{n}.jpg"), picture())) for n in range(60)))
    assert len(await policy.look(counting)) == 60
    assert sum(calls) == 62  # 60 files of their own, and one in both batches
    assert max(calls) <= 50


# ---- over real HTTP ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[str]:
    async with serving(create_app(SandboxSettings()), Settings(_env_file=None)) as address:
        yield address


@pytest.fixture
async def lookup(sandbox: str) -> AsyncIterator[Lookup]:
    async with HttpClient(commons.Commons(), contact="https://example.org; a@example.org") as http:
        yield Commons(http, f"{sandbox}/commons/w/api.php")


async def test_commons_is_asked_about_files(lookup: Lookup) -> None:
    no_title = "File:A|B.jpg"
    told = await lookup([FREE_FILE, NC_FILE, "File:Nobody took this.jpg", no_title])
    assert told[FREE_FILE].found
    assert told[FREE_FILE].license == "pd"
    assert told[NC_FILE].license_name == "CC BY-NC 2.0"
    assert not told["File:Nobody took this.jpg"].found
    assert not told[no_title].found


async def test_commons_is_asked_within_reach_only(sandbox: str) -> None:
    api = f"{sandbox}/commons/w/api.php".replace("127.0.0.1", "localhost")
    networks = (ip_network("127.0.0.0/8"), ip_network("::1"))
    contact = "https://example.org; a@example.org"
    async with HttpClient(commons.Commons(), contact=contact, reach=commons.reach(api, ())) as http:
        with pytest.raises(Rejected, match=r"localhost leads to an address that is not public.*COMMONS_NETWORKS"):
            await Commons(http, api)([FREE_FILE])
    async with HttpClient(commons.Commons(), contact=contact, reach=commons.reach(api, networks)) as http:
        assert (await Commons(http, api)([FREE_FILE]))[FREE_FILE].found


async def test_from_request_to_answer(
    policy: Policy, settings: PolicySettings, engine: AsyncEngine, sandbox: str, lookup: Lookup
) -> None:
    """The loops as a worker runs them: consumer, gather, relay; Commons fails once on the way."""
    bus = MemoryBus()
    await bus.declare(topology(["bluesky"]))
    mailbox = Mailbox("policy", engine, bus, settings)
    gather, stopping = Gather(lookup, lambda: PACK, settings), asyncio.Event()
    desk = Desk(lambda: PACK, policy.nudge, settings)
    async with httpx.AsyncClient(base_url=sandbox) as http:
        fault = {"platform": "commons", "kind": "refuse_500", "times": 1, "match": {"path": "/w/api.php"}}
        assert (await http.post("/_faults", json=fault)).status_code == 201
    heard: asyncio.Queue[Event] = asyncio.Queue()
    answers: list[str] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(mailbox.run(stopping))
        group.create_task(mailbox.consumer(handlers(desk)).run(stopping))
        group.create_task(mailbox.due(gather, 2, stopping, policy.nudge))
        listeners = [group.create_task(_listen(bus, service, heard)) for service in ("ingest", "publisher")]
        async with mailbox.transaction() as transaction:
            for title in (FREE_FILE, NC_FILE, None):
                transaction.emit(requested(payload("Hello", *([picture(title)] if title else []))))
        async with asyncio.timeout(30):
            while len(answers) < 6:  # three, each heard by both
                event = await heard.get()
                answers += [] if isinstance(event, PostRequested) else [type(event).__name__]
        stopping.set()
        for listener in listeners:
            listener.cancel()
    assert sorted(answers) == ["PostApproved"] * 4 + ["PostRefused"] * 2
    await bus.close()


async def _listen(bus: MemoryBus, service: str, heard: asyncio.Queue[Event]) -> None:
    """Hear what another service would hear."""
    async with bus.subscribe(posts_queue(service), 10) as subscription:
        while deliveries := await subscription.take(10):
            for delivery in deliveries:
                heard.put_nowait(decode(delivery.message.headers, delivery.message.body).event)
            await subscription.ack(deliveries)
