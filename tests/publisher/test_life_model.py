"""Whatever happens in whatever order, a post is public once at the most, and never without leave.

Hypothesis drives publisher's own handlers, scheduler and beats, on a real database, against a platform that loses
answers: duplicates, verdicts and revisions out of order, cancels, holds, crashes, zombies, time. A model says what may
be public.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.publisher.claim import Claimed
from services.publisher.deliver import Deliver, Offered
from services.publisher.handlers import Planner
from services.publisher.holds import place, release
from services.publisher.life import BEGUN, NEXT, State
from services.publisher.outcome import Tried
from services.publisher.resolve import Resolution, Word, resolve
from services.publisher.resumes import Resumes
from services.publisher.schedule import Scheduler
from services.publisher.seal import Keys
from services.publisher.settings import PublisherSettings
from shared import platforms
from shared.adapter.contract import (
    Account,
    Answer,
    Attempt,
    Http,
    Listed,
    Media,
    NotFound,
    Pending,
    Progress,
    Published,
)
from shared.adapter.errors import Rejected, TryLater, Uncertain
from shared.adapter.spec import Absence, Repeat
from shared.database import begin, engine_for, statements
from shared.events import Event, PostDue, PostRequested
from shared.media import MediaStore
from shared.payload import Payload
from tests.publisher.conftest import CONFIG, Publisher, approved, cancelled, refused, requested

T = TypeVar("T")
CLOCKS = ("due_at", "publish_at", "not_after", "approved_until", "lease_until", "tried_at", "began_at", "published_at")
FATES = ("lands", "lands, and the answer is lost", "is lost", "is refused", "is put off", "is pending", "crashes")
SPEC = replace(platforms.specs()["bluesky"], repeat=Repeat.FINDABLE, absence=Absence.PROVES, pace=())


@dataclass
class World:
    """A platform that shows what is posted, and does to a call what `fate` says; it finds what is there."""

    fate: str = "lands"
    public: list[tuple[UUID, int, str]] = field(default_factory=list)
    """Post, revision and text of everything that can be seen."""

    async def publish(
        self, payload: Payload, account: Account, attempt: Attempt, http: Http, media: Media, progress: Progress
    ) -> Published | Pending:
        if self.fate == "is pending":
            return Pending({"container": "1"}, 0)
        await progress(attempt.resume)
        said = (attempt.post, attempt.revision, payload.pieces[0].text)
        answer = await http.call("POST", repr(said), operation="publish", mutates=True)
        return Published(str(answer.json))

    async def find(
        self, payload: Payload, account: Account, attempt: Attempt, http: Http
    ) -> Published | Pending | NotFound:
        await http.call("GET", "posts", operation="find", mutates=False)
        there = [one for one in self.public if one[0] == attempt.post]
        return Published(f"id of {there[0]}") if there else NotFound()

    async def recent(self, account: Account, since: datetime, http: Http) -> Sequence[Listed]:
        return ()

    async def delete(self, external_ids: Sequence[str], account: Account, http: Http) -> None:
        raise Rejected("nobody asks for that here")

    async def edit(self, external_id: str, payload: Payload, account: Account, http: Http) -> Published:
        raise Rejected("nobody asks for that here")

    async def call(self, method: str, url: str, *, operation: str, mutates: bool, **_: Any) -> Answer:
        if not mutates:
            return Answer(200, {}, {})
        match self.fate:
            case "is refused":
                raise Rejected("no")
            case "is put off":
                raise TryLater("later", 1.0)
            case "is lost":
                raise Uncertain("no answer")
        post, revision, words = eval(url, {"UUID": UUID})
        self.public.append((post, revision, words))
        if self.fate == "lands, and the answer is lost":
            raise Uncertain("no answer")
        return Answer(200, f"id of {url}", {})


class NoAccounts:
    """Accounts of a platform that asks for none."""

    async def of(self, channel: str) -> Account:
        return Account(channel, "somebody", "https://example.org", {})

    async def heard(self, _channel: str, outcome: T) -> T:
        return outcome


class Life(RuleBasedStateMachine):
    """One delivery at a time is enough to go wrong; two show that they do not touch each other."""

    settings: PublisherSettings
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.engine: AsyncEngine = self._do(self._open)
        self.world = World()
        planner = Planner(self.settings, lambda: CONFIG)
        self.publisher = Publisher(self.engine, planner)
        self.planner = planner
        self.scheduler = Scheduler(self.settings, lambda: CONFIG)
        self.deliver = self._worker()
        self.asked: dict[UUID, list[PostRequested]] = {}
        self.approved: set[tuple[UUID, int]] = set()
        """Every revision that was ever approved: nothing else may be public."""
        self.claimed: list[Claimed] = []
        self.called: list[tuple[Claimed, Tried]] = []
        """What was called but not settled: a worker that sleeps."""
        self.holds: list[UUID] = []
        self.heard: list[Event] = []
        self.states: Mapping[UUID, str] = {}

    def teardown(self) -> None:
        self._do(self.engine.dispose)
        self._runner.close()

    @initialize()
    def begin_anew(self) -> None:
        self._do(lambda: self._sql("TRUNCATE delivery, try, change, transition, hold, pace, block, breaker, outbox"))

    @rule(at_once=st.booleans())
    @precondition(lambda self: len(self.asked) < 2)
    def ask(self, at_once: bool) -> None:
        request = requested("1")
        self.asked[request.post] = [request]
        self._hear(request)
        if at_once:
            self.approved.add((request.post, 1))
            self._hear(approved(request))

    @rule(data=st.data())
    @precondition(lambda self: self.asked)
    def revise(self, data: st.DataObject) -> None:
        first, *_ = requests = self._some(data)
        request = requested(str(len(requests) + 1), post=first.post, revision=len(requests) + 1)
        requests.append(request)
        self._hear(request)

    @rule(data=st.data(), minutes=st.sampled_from([1, 30]))
    @precondition(lambda self: self.asked)
    def approve(self, data: st.DataObject, minutes: float) -> None:
        request = data.draw(st.sampled_from(self._some(data)))
        self.approved.add((request.post, request.revision))
        self._hear(approved(request, minutes))

    @rule(data=st.data())
    @precondition(lambda self: self.asked)
    def refuse(self, data: st.DataObject) -> None:
        self._hear(refused(self._some(data)[-1]))

    @rule(data=st.data())
    @precondition(lambda self: self.asked)
    def cancel(self, data: st.DataObject) -> None:
        self._hear(cancelled(self._some(data)[-1]))

    @rule(data=st.data())
    @precondition(lambda self: self.heard)
    def hear_again(self, data: st.DataObject) -> None:
        """A request again, under another event id; the inbox knows the same id."""
        self._do(lambda: self.publisher.hear(data.draw(st.sampled_from(self.heard))))

    @rule()
    def tick(self) -> None:
        async def work() -> None:
            async with begin(self.engine) as db:
                await self.scheduler.tick(db)

        self._do(work)

    @rule(fate=st.sampled_from(FATES), at_once=st.booleans())
    @precondition(lambda self: self.asked)
    def try_it(self, fate: str, at_once: bool) -> None:
        """Claim and call; settling may be another step, or never come."""
        self.world.fate = fate
        for claim in self._do(self._claim):
            held = self._do(lambda: self._number("SELECT count(*) FROM hold WHERE released_at IS NULL"))
            before = len(self.world.public)
            tried = self._do(partial(self.deliver.call, claim))
            assert not (held and claim.allowed), "a post was claimed under a hold"
            assert claim.allowed or len(self.world.public) == before, "a post went out without leave"
            if at_once:
                self._do(partial(self._settled, claim, tried))
            elif fate != "crashes":
                self.called.append((claim, tried))

    @rule(data=st.data())
    @precondition(lambda self: self.called)
    def settle(self, data: st.DataObject) -> None:
        claim, tried = self.called.pop(data.draw(st.integers(0, len(self.called) - 1)))
        for _ in range(1 + data.draw(st.booleans())):
            self._do(lambda: self._settled(claim, tried))

    @rule()
    def another_worker(self) -> None:
        """The old one is a zombie from here on: what it called may still be settled, by its fence."""
        self.deliver = self._worker()

    @rule(seconds=st.sampled_from([1, 61, 121, 300, 3_600, 7_300]))
    def pass_time(self, seconds: int) -> None:
        moved = ", ".join(f"{one} = {one} - interval '{seconds} seconds'" for one in CLOCKS)
        self._do(lambda: self.publisher.force(moved))

    @rule()
    @precondition(lambda self: not self.holds)
    def hold(self) -> None:
        hold = uuid4()
        self.holds.append(hold)

        async def work() -> None:
            async with begin(self.engine) as db:
                await place(hold, ["platform:bluesky"], "news", "test", None, db)

        self._do(work)

    @rule()
    @precondition(lambda self: self.holds)
    def let_go(self) -> None:
        hold = self.holds.pop()

        async def work() -> None:
            async with begin(self.engine) as db:
                await release(hold, "test", None, db, self.settings)

        self._do(work)

    @rule(data=st.data())
    @precondition(lambda self: State.NEEDS_REVIEW in self.states.values())
    def judge(self, data: st.DataObject) -> None:
        """A person who looks well."""
        post = next(post for post, state in self.states.items() if state == State.NEEDS_REVIEW)
        row = self._do(lambda: self.publisher.row(post))
        there = [one for one in self.world.public if one[0] == post]
        word = Word.LANDED if there else data.draw(st.sampled_from([Word.NOT_LANDED, Word.GIVE_UP]))
        said = Resolution(post, row.fence, word, "test", "seen", external_id="1" if there else None)

        async def work() -> None:
            async with begin(self.engine) as db:
                await resolve(said, self.planner, db)

        self._do(work)

    @invariant()
    def holds_true(self) -> None:
        rows = self._do(self._rows)
        for row in rows:
            there = [one for one in self.world.public if one[0] == row.post]
            assert len(there) <= 1, f"{len(there)} posts for one: {row}"
            if row.state == State.PUBLISHED:
                assert there, "published, and nobody can see it"
            if row.state in (State.EXPIRED, State.CANCELLED, State.FAILED, State.AWAITING, State.PLANNED, State.DUE):
                assert not there, f"{row.state}, and it is public"
            if row.state in (*(set(State) - set(BEGUN)),) and not NEXT[State(row.state)]:
                assert row.due_at is None
            was = self.states.get(row.post)
            if was and not NEXT[State(was)]:
                assert row.state == was, f"{was} was not the end"
        assert {(post, revision) for post, revision, _ in self.world.public} <= self.approved
        for post, revision, words in self.world.public:
            assert words == str(revision), f"revision {revision} of {post} says {words}"
        self.states = {row.post: row.state for row in rows}

    def _worker(self) -> Deliver:
        return Deliver(
            SPEC,
            self.world,
            engine=self.engine,
            accounts=NoAccounts(),  # type: ignore[arg-type] # all that it asks of them
            registry=lambda: CONFIG,
            http=self.world,
            media=Offered(MediaStore(f"file://{self.folder}")),
            resumes=Resumes(Keys([])),
            settings=self.settings,
        )

    async def _claim(self) -> Sequence[Claimed]:
        async with begin(self.engine) as db:
            events = [PostDue(post=post, platform="bluesky") for post in self.asked]
            return await self.deliver.claim(events, db)

    async def _settled(self, claim: Claimed, tried: Tried) -> None:
        async with begin(self.engine) as db:
            await self.deliver.settle(claim, tried, db)

    async def _open(self) -> AsyncEngine:
        return engine_for(self.settings, "publisher")

    async def _rows(self) -> Any:
        async with statements(self.engine) as db:
            return (await db.execute(text("SELECT post, state, due_at FROM delivery"))).all()

    async def _sql(self, statement: str) -> None:
        async with begin(self.engine) as db:
            await db.execute(text(statement))

    async def _number(self, statement: str) -> int:
        async with statements(self.engine) as db:
            return int((await db.execute(text(statement))).scalar_one())

    def _hear(self, event: Event) -> None:
        self.heard.append(event)
        self._do(lambda: self.publisher.hear(event))

    def _some(self, data: st.DataObject) -> list[PostRequested]:
        return self.asked[data.draw(st.sampled_from(list(self.asked)))]

    def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        async def done() -> T:
            return await work()

        return self._runner.run(done())


@pytest.mark.timeout(300)
def test_a_life_goes_as_the_model_says(settings: PublisherSettings, tmp_path: Path) -> None:
    machine = type("Machine", (Life,), {"settings": settings, "folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("gone", [False, True])
def test_a_try_of_any_fate_is_never_repeated_blindly(
    fate: str, gone: bool, settings: PublisherSettings, tmp_path: Path
) -> None:
    """The story that matters most, told each time: chance does not always come to it."""
    life = type("Machine", (Life,), {"settings": settings, "folder": tmp_path})()
    try:
        life.begin_anew()
        life.ask(at_once=True)
        life.tick()
        life.try_it(fate, at_once=not gone)
        for _ in range(4):
            life.holds_true()
            life.another_worker()
            life.pass_time(121)
            life.tick()
            life.try_it("lands", at_once=True)
        life.holds_true()
    finally:
        life.teardown()
