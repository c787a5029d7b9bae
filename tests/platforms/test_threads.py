"""What only Threads has: containers and their states, slow publishing, emoji by their bytes, reposts, comments."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapter.contract import App, Connector, Measurer, NotFound, Pending, People, Published, Publisher
from shared.adapter.errors import Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.render import limits_broken
from shared.adapter.text import emoji_bytes
from shared.content import Content, Kind, Link, Media, Part, Poll
from shared.platforms import specs
from shared.platforms.threads import connect, listed, measure, publish
from tests.adapter.wire import reply
from tests.adapter.wire import running as scripted
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import film, image, picture, poll, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Trial

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""
ASTRONAUT = "👩‍🚀"
DAY = 86_400


@pytest.fixture
async def threads(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["threads"], sandbox):
        yield stage
    sandbox.control.put("/_quotas", json={"threads": "open"}).raise_for_status()


def calls(stage: Stage, method: str, ending: str) -> list[dict[str, Any]]:
    """Return the account's calls of an address, oldest first."""
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "threads"}).json()["requests"]
    return [one for one in told if one["method"] == method and one["path"].endswith(f"{stage.account.id}/{ending}")]


def slow(stage: Stage, path: str, seconds: float) -> None:
    """Have the next call of an address process for so long."""
    order = {"platform": "threads", "kind": "slow_processing", "seconds": seconds, "match": {"path": path}}
    stage.sandbox.control.post("/_faults", json=order).raise_for_status()


async def other(stage: Stage, text: str = "Theirs") -> tuple[Stage, str, str]:
    """Have another account post something; return its stage, the post's address and its id."""
    theirs = stage.fresh()
    published = await theirs.trial(Content(text=text)).until_public()
    assert published.permalink
    return theirs, published.permalink, published.external_id


# ---- what is said ----------------------------------------------------------------------------------------------------


async def test_a_link_is_attached_and_not_written_out(threads: Stage) -> None:
    link = Link(url="https://w.wiki/3", title="x", thumbnail=Media(asset=threads.store.put(picture()), alt="x"))
    await threads.trial(Content(text="Read", link=link)).until_public()
    await threads.trial(image(threads.store).model_copy(update={"link": link})).until_public()
    attached, written = threads.posts()
    assert (attached["text"], attached["link"], attached["media"]) == ("Read", "https://w.wiki/3", [])
    assert (written["text"], written["link"]) == ("A picture\n\nhttps://w.wiki/3\n\nAda, CC0", "")


async def test_a_livestream_is_announced_with_its_link(threads: Stage) -> None:
    link = Link(url="https://stream.example/live")
    await threads.trial(Content(text="Now", link=link, kind=Kind.LIVESTREAM)).until_public()
    (post,) = threads.posts()
    assert post["link"] == "https://stream.example/live"


@pytest.mark.parametrize(
    ("text", "count"), [("é", 1), ("维", 1), (ASTRONAUT, 11), ("🇬🇷", 8), ("🏽", 4), ("a🏽", 5), ("1️⃣", 7), ("é😀", 5)]
)
def test_an_emoji_counts_as_its_bytes(text: str, count: int) -> None:
    assert emoji_bytes(text) == count


async def test_a_text_full_of_emoji_fits_to_the_byte(threads: Stage) -> None:
    full, over = (Content(text="é" * rest + ASTRONAUT * 45) for rest in (5, 6))
    assert limits_broken(full, "test/threads", threads.spec) == []
    assert [one.count for one in limits_broken(over, "test/threads", threads.spec)] == [501]
    await threads.trial(full).until_public()
    with pytest.raises(Rejected, match="at most 500 characters"):
        await threads.trial(over).until_public()


async def test_five_addresses_pass_and_a_sixth_is_refused(threads: Stage) -> None:
    def content(number: int) -> Content:
        words = " ".join(f"https://w.wiki/{one}" for one in range(number - 1))
        return Content(text=f"{words} https://w.wiki/0", link=Link(url="https://w.wiki/x"))

    assert limits_broken(content(5), "test/threads", threads.spec) == []
    assert [one.limit for one in limits_broken(content(6), "test/threads", threads.spec)] == ["links"]
    await threads.trial(content(5)).until_public()
    with pytest.raises(Rejected, match=r"container: 400 100"):
        await threads.trial(content(6)).until_public()


async def test_a_poll_has_its_options_and_no_other_manners(threads: Stage) -> None:
    content = poll(threads.store)
    await threads.trial(content).until_public()
    (post,) = threads.posts()
    assert post["poll"] == ["This", "That"]
    for unfit in ({"multiple": True}, {"seconds": 3_600}):
        other_poll = content.model_copy(update={"poll": Poll(options=("This", "That")).model_copy(update=unfit)})
        with pytest.raises(Rejected):
            await threads.trial(other_poll).until_public()
    assert len(threads.posts()) == 1


# ---- containers ------------------------------------------------------------------------------------------------------


async def test_pictures_and_films_are_mixed_in_their_order(threads: Stage) -> None:
    mixed = (*image(threads.store, 2).media[:1], *video(threads.store).media, *image(threads.store, 2).media[1:])
    trial = threads.trial(Content(text="Mixed", media=mixed))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after == 30
    trial.pause(outcome.after)
    await trial.until_public()
    (post,) = threads.posts()
    assert [one["sha256"] for one in post["media"]] == [one.sha256 for one in trial.payload.pieces[0].media]
    assert [one["alt"] for one in post["media"]] == ["A blue field, number 0", "A blue field", "A blue field, number 1"]
    assert len(calls(threads, "POST", "threads")) == 4


async def test_a_film_in_process_is_waited_for_and_not_handed_over_again(threads: Stage) -> None:
    slow(threads, "*/threads", 80)
    trial = threads.trial(video(threads.store))
    waits = []
    while isinstance(outcome := await trial.once(), Pending):
        waits.append(outcome.after)
        trial.pause(outcome.after)
    assert waits == [30, 60]
    assert len(calls(threads, "POST", "threads")) == 1


async def test_a_film_that_threads_cannot_use_is_refused_with_its_reason(threads: Stage) -> None:
    content = Content(text="Slow", media=(Media(asset=threads.store.put(film(rate=10)), alt="x"),))
    trial = threads.trial(content)
    with pytest.raises(Rejected, match=r"INVALID_FRAME_RATE.*another form"):
        await trial.until_public()
    assert threads.public() == []


async def test_a_medium_that_could_not_be_fetched_is_handed_over_again_and_not_for_ever(threads: Stage) -> None:
    trial = threads.trial(video(threads.store))
    kept = dict(threads.store.kept)
    threads.store.kept.clear()
    for _ in range(2):  # in process, then failed
        outcome = await trial.once()
        assert isinstance(outcome, Pending)
        trial.pause(outcome.after)
    threads.store.kept.update(kept)
    await trial.until_public()
    assert len(threads.public()) == 1
    threads.store.kept.clear()
    again = threads.trial(video(threads.store))
    threads.store.kept.clear()
    with pytest.raises(Rejected, match="FAILED_DOWNLOADING_VIDEO"):
        await again.until_public()


async def test_a_container_that_ended_unpublished_is_made_anew(threads: Stage) -> None:
    trial = threads.trial(video(threads.store))
    assert isinstance(await trial.once(), Pending)
    threads.sandbox.pass_by(DAY + 60)
    await trial.until_public()
    assert len(threads.public()) == 1
    assert len(calls(threads, "POST", "threads")) == 2


async def test_a_carousel_held_for_longer_than_a_day_is_gathered_anew(threads: Stage) -> None:
    trial = threads.trial(image(threads.store, 3))
    threads.sandbox.arm("threads", "rate_limit", path="*/threads_publish")
    with pytest.raises(TryLater):
        await trial.once()
    assert set(trial.attempt.resume["now"]) == {"items", "container"}
    threads.sandbox.pass_by(DAY + 60)
    await trial.until_public()
    (post,) = threads.posts()
    assert len(post["media"]) == 3
    assert len(calls(threads, "POST", "threads")) == 8


async def test_a_finished_container_that_is_not_there_yet_is_tried_again(threads: Stage) -> None:
    slow(threads, "*/threads", 25)
    trial = threads.trial(Content(text="Early"))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after == 10
    await trial.until_public()
    assert threads.public() == ["Early"]
    assert len(calls(threads, "POST", "threads")) == 1


async def test_a_container_that_never_comes_is_given_up_for_another(threads: Stage) -> None:
    slow(threads, "*/threads", DAY)
    await threads.trial(Content(text="Vanished")).until_public()
    assert threads.public() == ["Vanished"]
    assert len(calls(threads, "POST", "threads")) == 2


# ---- when the answer is lost -----------------------------------------------------------------------------------------


async def test_a_post_that_appears_long_after_its_answer_was_lost_is_not_made_twice(threads: Stage) -> None:
    slow(threads, "*/threads_publish", 222)
    threads.sandbox.arm("threads", "accept_then_reset", path="*/threads_publish")
    trial = threads.trial(Content(text="At last"))
    published = await trial.until_public()
    assert trial.failures == ["Uncertain"]
    assert [post["id"] for post in threads.posts()] == [published.external_id]
    assert len(calls(threads, "POST", "threads_publish")) == 1


async def test_a_call_that_never_arrived_is_made_again_after_five_looks(threads: Stage) -> None:
    threads.sandbox.arm("threads", "refuse_500", path="*/threads_publish")
    trial = threads.trial(Content(text="Again"))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        threads.sandbox.pass_by(seconds)

    trial.pause = wait
    await trial.until_public()
    assert waited == [60.0] * 5
    assert threads.public() == ["Again"]


async def test_two_posts_that_fit_are_for_a_person_unless_one_is_known(threads: Stage) -> None:
    first = await threads.trial(Content(text="Twice")).until_public()
    second = threads.trial(Content(text="Twice"))
    threads.sandbox.arm("threads", "accept_then_reset", path="*/threads_publish")
    with pytest.raises(Uncertain):
        await second.once()
    with pytest.raises(Uncertain, match="2 posts fit"):
        await second.look()
    second.attempt = replace(second.attempt, others=frozenset({first.external_id}))
    found = await second.look()
    assert isinstance(found, Published)
    assert found.external_id == threads.posts()[1]["id"]


async def test_the_days_limit_is_waited_for_without_a_doubt(threads: Stage) -> None:
    threads.sandbox.control.put("/_quotas", json={"threads": {"posts_24h": 1}}).raise_for_status()
    await threads.trial(Content(text="One")).until_public()
    trial = threads.trial(Content(text="Two"))
    with pytest.raises(TryLater) as caught:
        await trial.once()
    assert caught.value.after == 3_600
    assert isinstance(await trial.look(), NotFound)
    threads.sandbox.pass_by(DAY)  # by then the container has ended too
    await trial.until_public()
    assert trial.failures == []
    assert threads.public() == ["One", "Two"]


async def test_a_long_thread_is_made_in_several_tries(threads: Stage) -> None:
    words = [f"Part {number}" for number in range(7)]
    trial = threads.trial(Content(thread=tuple(Part(text=one) for one in words)))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after == 0
    assert threads.public() == words[:5]
    await trial.until_public()
    assert threads.public() == words


# ---- about other posts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "field"), [(Kind.REPLY, "reply_to"), (Kind.QUOTE, "quotes")])
async def test_a_reply_and_a_quote_are_about_the_post_at_the_address(threads: Stage, kind: Kind, field: str) -> None:
    _, address, node = await other(threads)
    await threads.trial(Content(text="Oh", kind=kind, refers_to=address)).until_public()
    (post,) = threads.posts()
    assert (post["text"], post[field]) == ("Oh", node)


async def test_a_mention_and_an_own_reply_are_found_at_their_addresses(threads: Stage) -> None:
    name = threads.account.handle.removeprefix("@")
    threads.sandbox.say("threads", name, kind="mention", text="@you", author="ada")
    (mention,) = await measure.heard(datetime.now(UTC) - timedelta(hours=1), threads.account, threads.http)
    reply = Content(text="Hello, Ada", kind=Kind.REPLY, refers_to=mention.permalink)
    published = await threads.trial(reply).until_public()
    below = Content(text="And", kind=Kind.REPLY, refers_to=published.permalink)
    await threads.trial(below).until_public()
    assert [post["reply_to"] for post in threads.posts()] == [mention.id, published.external_id]


async def test_an_address_that_leads_nowhere_is_refused(threads: Stage) -> None:
    _, address, _ = await other(threads)
    for wrong, reason in (("https://w.wiki/3", "is no post on Threads"), (f"{address}x", "check the address")):
        with pytest.raises(Rejected, match=reason):
            await threads.trial(Content(text="Oh", kind=Kind.REPLY, refers_to=wrong)).once()


@pytest.mark.parametrize("loss", [None, "refuse_500"])
async def test_a_repost_is_made_once(threads: Stage, loss: str | None) -> None:
    _, address, node = await other(threads)
    if loss:
        threads.sandbox.arm("threads", loss, path="*/repost")
    trial = threads.trial(Content(kind=Kind.REPOST, refers_to=address))
    published = await trial.until_public()
    (post,) = threads.posts()
    assert (post["kind"], post["subject"], post["id"]) == ("repost", node, published.external_id)
    assert trial.failures == (["Uncertain"] if loss else [])
    assert await measure.measure([published.external_id], threads.account, threads.http)


async def test_a_list_that_is_too_long_proves_no_absence(threads: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _, address, _ = await other(threads)
    threads.sandbox.arm("threads", "accept_then_reset", path="*/repost")
    trial = threads.trial(Content(kind=Kind.REPOST, refers_to=address))
    with pytest.raises(Uncertain):
        await trial.once()
    for text in ("One", "Two"):
        await threads.trial(Content(text=text)).until_public()
    monkeypatch.setattr(listed, "PAGE", 1)
    monkeypatch.setattr(listed, "MOST_PAGES", 2)
    with pytest.raises(Uncertain, match="more than 2 posts"):
        await trial.look()
    monkeypatch.setattr(listed, "MOST_PAGES", 3)
    assert isinstance(await trial.look(), Published)


async def test_a_repost_says_nothing_of_its_own(threads: Stage) -> None:
    with pytest.raises(Rejected, match="make it a quote"):
        await threads.trial(Content(text="Oh", kind=Kind.REPOST, refers_to="https://threads.net/@a/post/b")).once()


# ---- the first comment -----------------------------------------------------------------------------------------------

COMMENTED = Content(text="Above", first_comment="Below")


async def test_a_post_or_comment_that_was_not_published_is_made_after_all(threads: Stage) -> None:
    for number in (1, 2):
        stage = threads.fresh()
        trial = Later(**_parts(stage.trial(COMMENTED)), loss="refuse_500", number=number)
        published = await trial.until_public()
        post, comment = stage.posts()
        assert (post["text"], comment["text"], comment["reply_to"]) == ("Above", "Below", post["id"])
        assert (published.parts, published.unsaid) == ((post["id"],), None)


@dataclass
class Later(Trial):
    """A trial that arms a fault before the n-th publishing call, when all that comes before it is written down."""

    loss: str | None = None
    number: int = 1
    sent: int = 0

    async def remember(self, resume: Any) -> None:
        """Count what is about to be sent."""
        await super().remember(resume)
        self.sent += any(state.get("looks") == 0 for state in (resume.get("now", {}), resume.get("comment", {})))
        if self.loss and self.sent == self.number:
            stage_sandbox(self).arm("threads", self.loss, path="*/threads_publish")
            self.loss = None


def stage_sandbox(trial: Trial) -> Sandbox:
    """Return the sandbox that a trial's pause belongs to."""
    sandbox = getattr(trial.pause, "__self__", None)
    assert isinstance(sandbox, Sandbox)
    return sandbox


def _parts(trial: Trial) -> dict[str, Any]:
    names = ("spec", "payload", "account", "http", "store", "pause")
    return {name: getattr(trial, name) for name in names}


async def test_a_comment_that_threads_will_not_take_is_told_beside_the_post(threads: Stage) -> None:
    too_long = threads.trial(COMMENTED)
    too_long.payload = too_long.payload.model_copy(update={"first_comment": "x" * 501})
    told = await too_long.until_public()
    assert "at most 500 characters" in (told.unsaid or "")
    threads.sandbox.control.put("/_quotas", json={"threads": {"replies_24h": 0}}).raise_for_status()
    told = await threads.trial(COMMENTED).until_public()
    assert "after 5 tries" in (told.unsaid or "")
    assert threads.public() == ["Above", "Above"]


# ---- being let in ----------------------------------------------------------------------------------------------------


def app_of(stage: Stage) -> App:
    """Return an application as the developer console has it."""
    return App("client", "client-secret", "https://carillon.example/connected", stage.account.base_url)


def test_the_owner_is_sent_to_the_site_and_asked_for_all_that_is_needed(threads: Stage) -> None:
    app = replace(app_of(threads), base_url="https://graph.threads.net")
    address = urlsplit(connect.start(app, "s", "v"))
    assert (address.netloc, address.path) == ("threads.net", "/oauth/authorize")
    assert parse_qs(address.query)["scope"][0].startswith("threads_basic,threads_content_publish,")


async def test_a_second_step_that_fails_costs_no_new_sign_in(threads: Stage) -> None:
    threads.sandbox.arm("threads", "refuse_500", path="/access_token", times=connect.TRIES)
    name = threads.account.handle.removeprefix("@")
    grant = await connect.exchange(app_of(threads), f"code-{name}#_", "v", threads.http)
    assert grant.account_id == threads.account.id
    assert grant.expires_at
    assert grant.expires_at < datetime.now(UTC) + timedelta(hours=2)
    longer = await connect.refresh(app_of(threads), grant, threads.http)
    assert longer.expires_at
    assert longer.expires_at > datetime.now(UTC) + timedelta(days=59)
    assert longer.refresh_token is None
    with pytest.raises(TryLater, match="24 hours old"):
        await connect.refresh(app_of(threads), longer, threads.http)
    threads.sandbox.pass_by(61 * DAY)
    with pytest.raises(Unauthorized):
        await connect.refresh(app_of(threads), longer, threads.http)


async def test_no_call_but_those_for_tokens_has_one_in_its_address(threads: Stage) -> None:
    await threads.trial(image(threads.store)).until_public()
    told = threads.sandbox.control.get("/_ledger/requests", params={"platform": "threads"}).json()["requests"]
    called = [one for one in told if one["path"].startswith("/v1.0/")]
    assert called
    assert not any("access_token" in one["query"] for one in called)


# ---- the pages' own examples -----------------------------------------------------------------------------------------

# developers.facebook.com/docs/threads: posts, troubleshooting, insights, retrieve-posts, posts/reposts.
EXAMPLES: Mapping[str, Any] = {
    "POST /v1.0/me/threads": {"id": "1234567"},
    "GET /v1.0/1234567": {"status": "FINISHED", "id": "17889615691921648"},
    "POST /v1.0/me/threads_publish": {"id": "7654321"},
    "GET /v1.0/7654321": {"permalink": "https://www.threads.net/@threadsapitestuser/post/abcdefg", "id": "7654321"},
    "GET /v1.0/7654321/insights": {
        "data": [
            {"name": "likes", "period": "lifetime", "values": [{"value": 100}], "title": "Likes"},
            {"name": "replies", "period": "lifetime", "values": [{"value": 10}], "title": "Replies"},
        ]
    },
    "GET /v1.0/me/threads_insights": {"data": [{"name": "followers_count", "total_value": {"value": 1}}]},
}


async def test_the_examples_of_the_pages_are_understood(threads: Stage) -> None:
    def answer(head: str, _body: bytes) -> bytes:
        method, target, _ = head.split(" ", 2)
        return reply(200, EXAMPLES[f"{method} {target.partition('?')[0]}"])

    async with scripted() as wire:
        wire.answer = answer
        account = replace(threads.account, base_url=wire.url, id="")
        trial = threads.trial(Content(text="Today Is Monday"))
        trial.account = account
        published = await trial.until_public()
        assert (published.external_id, published.permalink) == ("7654321", EXAMPLES["GET /v1.0/7654321"]["permalink"])
        (told,) = await measure.measure(["7654321"], account, threads.http)
        assert told.values == {"likes": 100, "comments": 10}
        assert await measure.followers(account, threads.http) == 1


@pytest.mark.parametrize(("empty", "remedy"), [("threads", TryLater), ("threads_publish", Uncertain)])
async def test_an_answer_without_an_id_is_no_success(threads: Stage, empty: str, remedy: type[Exception]) -> None:
    def answer(head: str, _body: bytes) -> bytes:
        method, target, _ = head.split(" ", 2)
        path = target.partition("?")[0]
        return reply(200, {} if path.endswith(f"/{empty}") else EXAMPLES[f"{method} {path}"])

    async with scripted() as wire:
        wire.answer = answer
        trial = threads.trial(Content(text="Today Is Monday"))
        trial.account = replace(threads.account, base_url=wire.url, id="")
        with pytest.raises(remedy, match="names no id"):
            await trial.once()


# ---- figures and voices ----------------------------------------------------------------------------------------------


async def test_a_repost_has_no_figures_for_they_are_the_originals(threads: Stage) -> None:
    _, address, _ = await other(threads)
    published = await threads.trial(Content(kind=Kind.REPOST, refers_to=address)).until_public()
    (told,) = await measure.measure([published.external_id], threads.account, threads.http)
    assert told.values == {}


async def test_who_follows_is_told_from_a_hundred_on(threads: Stage) -> None:
    name = threads.account.handle.removeprefix("@")
    for followers, told in ((99, False), (100, True)):
        threads.sandbox.control.put("/_followers", json={"threads": {name: followers}}).raise_for_status()
        people = await measure.people(threads.account, threads.http)
        assert (people != People()) is told
    assert (people.countries["BR"], people.ages["25-34"]) == (33, 33)


async def test_replies_are_heard_however_deep_and_our_own_are_not(threads: Stage) -> None:
    name = threads.account.handle.removeprefix("@")
    post = await threads.trial(COMMENTED).until_public()
    comment = threads.posts()[1]["id"]
    threads.sandbox.say("threads", name, kind="reply", text="Deep", author="ada", to=comment)
    threads.sandbox.say("threads", name, kind="reply", text="Direct", author="bo", to=post.external_id)
    threads.sandbox.say("threads", name, kind="mention", text="@you", author="cy")
    heard = await measure.heard(datetime.now(UTC) - timedelta(hours=1), threads.account, threads.http)
    assert sorted((one.kind, one.text, one.to) for one in heard) == [
        ("mention", "@you", None),
        ("reply", "Deep", comment),
        ("reply", "Direct", post.external_id),
    ]
