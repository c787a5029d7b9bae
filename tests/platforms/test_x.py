"""What only X has: duplicates, films in segments, quotes and reposts, short links, two spellings, edits.

X's own description of its API (docs.x.com, openapi.json) is under a licence that keeps it out of this repository; what
is asked here follows it by hand. How texts are counted is asked in tests/adapter/test_weights.py.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapter.contract import (
    Account,
    Answer,
    App,
    Connector,
    Grant,
    Http,
    Measurer,
    NotFound,
    Pending,
    Published,
    Publisher,
)
from shared.adapter.errors import PlatformError, Rejected, TryLater, Unauthorized, Uncertain
from shared.adapter.oauth import challenge
from shared.adapter.render import limits_broken
from shared.content import Content, Kind, Link, Poll
from shared.platforms import specs
from shared.platforms.x import connect, measure, publish, upload
from shared.platforms.x.post import permalink_of, post_meant, words_of
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import film, image, poll, text, thread, video
from tests.platforms.sandbox import Sandbox
from tests.platforms.stage import Asked, Trial

FACES: tuple[Publisher, Connector, Measurer] = (publish, connect, measure)
"""What mypy checks: each module has the shape that its service calls."""
REAL = Account(channel="wikipedia/x", handle="@wikipedia", base_url="https://api.x.com", secrets={})
HOUR = 3_600


@pytest.fixture
async def x(sandbox: Sandbox) -> AsyncIterator[Stage]:
    async for stage in stage_of(specs()["x"], sandbox):
        yield stage


async def look(trial: Trial) -> Published | Pending | NotFound:
    return await publish.find(trial.payload, trial.account, trial.attempt, trial.http)


def asked_of(stage: Stage, path: str) -> list[dict[str, Any]]:
    """Return what was asked of the sandbox at addresses that end so, by this test's account or any other."""
    told = stage.sandbox.control.get("/_ledger/requests", params={"platform": "x"}).json()["requests"]
    return [request for request in told if request["path"].endswith(path)]


def name_of(stage: Stage) -> str:
    return stage.account.handle.removeprefix("@")


def self_serve(stage: Stage) -> Stage:
    """Return the stage with the account of an app that pays by use."""
    name = f"selfserve{name_of(stage)}"
    return replace(
        stage, account=replace(stage.account, handle=name, id="", secrets={"access_token": f"sandbox-{name}"})
    )


# ---- the text twice --------------------------------------------------------------------------------------------------


async def test_a_text_said_a_short_while_ago_is_refused_with_what_to_do(x: Stage) -> None:
    await x.trial(text()).until_public()
    with pytest.raises(Rejected, match="in other words"):
        await x.trial(text()).once()
    assert len(x.public()) == 1


async def test_a_duplicate_after_a_call_of_unknown_outcome_is_a_question(x: Stage) -> None:
    trial = x.trial(text())
    x.sandbox.arm("x", "accept_then_reset")
    with pytest.raises(Uncertain):
        await trial.once()
    with pytest.raises(Uncertain, match="an earlier try has made it"):
        await trial.once()
    assert isinstance(await look(trial), Published)
    assert len(x.public()) == 1


async def test_what_is_not_found_is_asked_of_a_person_and_not_sent_again(x: Stage) -> None:
    trial = x.trial(text())
    x.sandbox.arm("x", "refuse_500", method="POST", path="/2/tweets")
    with pytest.raises(Uncertain):
        await trial.once()
    assert isinstance(await look(trial), NotFound)
    assert isinstance(await trial.until_settled(uncertain=True), Asked)
    assert x.public() == []


async def test_two_posts_that_fit_are_for_a_person(x: Stage) -> None:
    for _ in range(2):
        await x.trial(text()).until_public()
        x.sandbox.pass_by(13 * HOUR)
    with pytest.raises(Uncertain, match="2 posts fit part 1"):
        await look(x.trial(text()))


async def test_only_what_the_attempt_may_have_made_is_found(x: Stage) -> None:
    first, second = x.trial(text()), x.trial(text())
    published = await first.until_public()
    second.attempt = replace(second.attempt, others=frozenset(published.parts))
    assert isinstance(await look(second), NotFound)
    later = second.attempt.created_at + timedelta(minutes=6)
    second.attempt = replace(second.attempt, others=frozenset(), created_at=later)
    x.sandbox.pass_by(HOUR)
    assert isinstance(await look(second), NotFound)


async def test_a_look_goes_through_several_pages(x: Stage) -> None:
    wanted = x.trial(text())
    published = await wanted.until_public()
    for number in range(101):
        await x.trial(Content(text=f"Post {number}")).until_public()
    found = await look(wanted)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id


# ---- how a text is known again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "Tea & biscuits <now> at wikipedia.org, see https://en.wikipedia.org/wiki/Tea?action=history#x.",
        "cafe\u0301 and  two blanks\n\nand a paragraph",
        "HTTPS://EXAMPLE.ORG shouted",
        "@ada, hello",
    ],
)
async def test_a_text_is_found_behind_short_links_and_entities(x: Stage, said: str) -> None:
    trial = x.trial(image(x.store).model_copy(update={"text": said}))
    published = await trial.until_public()
    found = await look(trial)
    assert isinstance(found, Published)
    assert found.external_id == published.external_id
    assert isinstance(await look(x.trial(Content(text=said))), NotFound)  # without the picture it is another post


def test_a_reply_is_known_without_the_names_it_answers() -> None:
    told = {"text": "@ada @bob Yes", "referenced_tweets": [{"type": "replied_to", "id": "20"}]}
    assert words_of(told) == "Yes"


def test_a_long_post_is_known_by_its_whole_text() -> None:
    link = {"url": "https://t.co/a", "expanded_url": "http://w.wiki"}
    note = {"text": "Long, https://t.co/a", "entities": {"urls": [link]}}
    for name in ("note_post", "note_tweet"):
        assert words_of({"text": "Lo…", name: note}) == "Long, w.wiki"


async def test_a_poll_is_found_by_its_options(x: Stage) -> None:
    trial = x.trial(poll(x.store))
    await trial.until_public()
    (post,) = x.posts()
    assert post["poll"] == {"options": ["This", "That"], "duration_minutes": 1440}
    assert isinstance(await look(trial), Published)
    other = x.trial(Content(text="Which?", poll=Poll(options=("These", "Those"), seconds=3_600)))
    assert isinstance(await look(other), NotFound)


@dataclass
class OldSpelling:
    """A door to an X that knows only the spelling of its older pages."""

    http: Http

    async def call(self, method: str, url: str, **parts: Any) -> Answer:
        params = parts.get("params") or {}
        if "post.fields" in params or "referenced_posts" in params.get("expansions", ""):
            return Answer(400, {"type": "https://api.twitter.com/2/problems/invalid-request"}, {})
        return await self.http.call(method, url, **parts)


async def test_either_spelling_of_the_fields_will_do(x: Stage) -> None:
    trial = x.trial(thread(x.store))
    published = await trial.until_public()
    x.sandbox.pass_by(100 * HOUR)  # figures grow slowly then
    x.sandbox.say("x", name_of(x), kind="quote", text="So it is", author="ada", to=published.external_id)
    old = OldSpelling(x.http)
    found = await publish.find(trial.payload, trial.account, trial.attempt, old)
    assert found == published
    measured = [await measure.measure(published.parts, x.account, door) for door in (x.http, old)]
    assert measured[0] == measured[1]
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert await measure.heard(since, x.account, old) == await measure.heard(since, x.account, x.http) != []


# ---- media -----------------------------------------------------------------------------------------------------------


async def test_a_film_goes_in_segments_and_a_new_try_goes_on_with_the_next(
    x: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(film())
    segment = size // 5 - 1
    monkeypatch.setattr(upload, "SEGMENT", segment)
    monkeypatch.setattr(publish, "SEGMENT", segment)
    monkeypatch.setattr(publish, "AT_ONCE", 2 * segment)
    before, trial = len(asked_of(x, "/append")), x.trial(video(x.store))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert outcome.after == 0
    assert trial.attempt.resume["media"]["0"][0]["sent"] == 2
    await trial.until_public()
    assert len(asked_of(x, "/append")) - before == 6
    (post,) = x.posts()
    assert [one["bytes"] for one in post["media"]] == [size]


async def test_a_film_in_process_is_waited_for_as_long_as_x_says(x: Stage) -> None:
    x.sandbox.arm("x", "slow_processing", method="POST", path="/2/media/upload/*/finalize")
    trial = x.trial(video(x.store))
    outcome = await trial.once()
    assert isinstance(outcome, Pending)
    assert 25 < outcome.after < 35
    again = await trial.once()
    assert isinstance(again, Pending)
    x.sandbox.pass_by(again.after)
    assert isinstance(await trial.once(), Published)


async def test_a_film_that_cannot_be_processed_is_refused_with_why(x: Stage) -> None:
    content = video(x.store)
    tiny = content.media[0].model_copy(update={"asset": x.store.put(film(size=(20, 20)))})
    with pytest.raises(Rejected, match="could not be processed: Invalid dimensions"):
        await x.trial(content.model_copy(update={"media": (tiny,)})).until_public()
    assert x.public() == []


async def test_an_upload_that_ends_soon_is_made_anew(x: Stage) -> None:
    trial = x.trial(image(x.store, 2))
    await trial.until_public()
    first, second = trial.attempt.resume["media"]["0"]
    ending = {**first, "until": datetime.now(UTC).timestamp() + 60}
    later = x.fresh().trial(image(x.store, 2))
    later.account = x.account
    later.payload = later.payload.model_copy(
        update={"pieces": (later.payload.pieces[0].model_copy(update={"text": "Another"}),)}
    )
    await later.remember({"parts": [], "media": {"0": [ending, second]}})
    await later.until_public()
    made = later.attempt.resume["media"]["0"]
    assert made[0]["id"] != first["id"]
    assert made[1]["id"] == second["id"]
    assert [one["alt"] for one in x.posts()[-1]["media"]] == ["A blue field, number 0", "A blue field, number 1"]


async def test_a_lost_answer_to_finalizing_is_settled_by_the_state(x: Stage) -> None:
    trial = x.trial(video(x.store))
    x.sandbox.arm("x", "accept_then_reset", path="/2/media/upload/*/finalize")
    with pytest.raises(TryLater):
        await trial.once()
    await trial.until_public()
    assert len(x.public()) == 1


@pytest.mark.parametrize("kind", [Kind.CAROUSEL, Kind.QUOTE])
async def test_what_x_could_not_take_is_refused_before_anything_is_sent(x: Stage, kind: Kind) -> None:
    both = image(x.store)
    mixed = video(x.store).media if kind is Kind.CAROUSEL else ()
    content = both.model_copy(
        update={"media": (*both.media, *mixed), "kind": kind, "refers_to": "https://x.com/wikipedia/status/20"}
    )
    before = len(asked_of(x, "/upload"))
    with pytest.raises(Rejected, match="drop"):
        await x.trial(content).once()
    with pytest.raises(Rejected, match="one answer only"):
        await x.trial(Content(text="?", poll=Poll(options=("a", "b"), multiple=True))).once()
    assert len(asked_of(x, "/upload")) == before


async def test_the_credit_stands_in_the_text_and_counts(x: Stage) -> None:
    content = image(x.store)
    assert x.trial(content).payload.pieces[0].text == "A picture\n\nAda, CC0"
    full = content.model_copy(update={"text": "a" * (280 - len("\n\nAda, CC0"))})
    assert limits_broken(full, "test/x", x.spec) == []
    over = full.model_copy(update={"text": f"{full.text}a"})
    assert [one.limit for one in limits_broken(over, "test/x", x.spec)] == ["text"]


async def test_a_bare_domain_is_an_address_here_and_there(x: Stage) -> None:
    full = Content(text=f"{'a' * 256} wikipedia.org")
    assert limits_broken(full, "test/x", x.spec) == []
    await x.trial(full).until_public()
    over = Content(text=f"{'a' * 257} wikipedia.org")
    (excess,) = limits_broken(over, "test/x", x.spec)
    assert (excess.count, len(over.text or "")) == (281, 271)
    with pytest.raises(Rejected):
        await x.trial(over).once()


# ---- about another post ----------------------------------------------------------------------------------------------


async def test_a_reply_to_somebody_and_a_quote_are_found_by_what_they_are_about(x: Stage) -> None:
    said = x.sandbox.say("x", name_of(x), kind="mention", text="Is it?", author="ada")
    for kind, field in ((Kind.REPLY, "reply_to"), (Kind.QUOTE, "quotes")):
        trial = x.trial(Content(text=f"It is, {kind}", kind=kind, refers_to=f"https://x.com/ada/status/{said}?s=20"))
        published = await trial.until_public()
        assert x.posts()[-1][field] == said
        found = await look(trial)
        assert isinstance(found, Published)
        assert found.external_id == published.external_id
        elsewhere = trial.payload.model_copy(update={"refers_to": "https://twitter.com/ada/status/20"})
        assert isinstance(await publish.find(elsewhere, x.account, trial.attempt, x.http), NotFound)


async def test_a_repost_is_below_the_original_and_taken_back(x: Stage) -> None:
    original = await x.trial(text()).until_public()
    trial = x.trial(Content(kind=Kind.REPOST, refers_to=original.permalink))
    settled = await trial.until_public()
    assert settled.permalink == original.permalink
    assert [post["kind"] for post in x.posts()] == ["post", "repost"]
    assert await measure.measure([settled.external_id], x.account, x.http) == []
    for _ in range(2):
        await publish.delete(settled.parts, x.account, x.http)
    assert [post["kind"] for post in x.posts()] == ["post"]
    assert isinstance(await look(trial), NotFound)


async def test_what_an_app_that_pays_by_use_may_not_do_is_refused_in_xs_words(x: Stage) -> None:
    original, own = await x.trial(text()).until_public(), self_serve(x)
    for kind, words in ((Kind.QUOTE, "Quoting a post is not permitted"), (Kind.REPLY, "you were not mentioned")):
        with pytest.raises(Rejected, match=words):
            await own.trial(Content(text="Indeed", kind=kind, refers_to=original.permalink)).once()
    mine = await own.trial(thread(x.store)).until_public()  # to oneself, one may
    with pytest.raises(Rejected, match="cannot be edited"):
        await publish.edit(mine.parts[0], own.trial(Content(text="Ones")).payload, own.account, x.http)


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("https://x.com/wikipedia/status/1346889436626259968", "1346889436626259968"),
        ("https://twitter.com/wikipedia/statuses/20/photo/1", "20"),
        ("https://mobile.twitter.com/i/web/status/20?s=46", "20"),
        ("https://www.x.com/i/status/20#m", "20"),
    ],
)
def test_addresses_of_posts(address: str, meant: str) -> None:
    assert post_meant(address, REAL) == meant


@pytest.mark.parametrize(
    "address", [None, "https://x.com/wikipedia", "https://x.com.evil.example/a/status/20", "https://w.wiki/status/20"]
)
def test_an_address_of_something_else_is_refused_with_what_to_write(address: str | None) -> None:
    with pytest.raises(Rejected, match=r"such as https://x\.com/wikipedia/status/20"):
        post_meant(address, REAL)


async def test_a_wrong_address_is_told_before_anything_is_uploaded(x: Stage) -> None:
    content = image(x.store).model_copy(update={"kind": Kind.REPLY, "refers_to": "https://w.wiki/3"})
    before = len(asked_of(x, "/upload"))
    with pytest.raises(Rejected, match="no post of X"):
        await x.trial(content).once()
    assert len(asked_of(x, "/upload")) == before


async def test_a_livestream_is_announced_with_its_link(x: Stage) -> None:
    link = Link(url="https://www.youtube.com/watch?v=abc")
    await x.trial(Content(text="Now live", kind=Kind.LIVESTREAM, link=link)).until_public()
    assert x.public() == ["Now live\n\nhttps://www.youtube.com/watch?v=abc"]


def test_a_permalink_leads_to_the_site_or_to_what_stands_in_for_it() -> None:
    assert permalink_of("20", REAL) == "https://x.com/wikipedia/status/20"
    rehearsal = replace(REAL, base_url="http://localhost:8090/x")
    assert post_meant(permalink_of("20", rehearsal), rehearsal) == "20"


# ---- taking back, and changing ---------------------------------------------------------------------------------------


async def test_a_thread_is_taken_down_whole_and_somebody_elses_post_is_not(x: Stage) -> None:
    published = await x.trial(thread(x.store)).until_public()
    with pytest.raises(Rejected, match="not authorized to delete"):
        await publish.delete(published.parts, x.fresh().account, x.http)
    await publish.delete(published.parts[::-1], x.account, x.http)
    assert x.public() == []


async def test_what_an_edit_might_lose_is_edited_by_hand(x: Stage) -> None:
    reply = Content(text="a", kind=Kind.REPLY, refers_to="https://x.com/a/status/2")
    for content in (image(x.store), poll(x.store), reply):
        with pytest.raises(Rejected, match="by hand"):
            await publish.edit("20", x.trial(content).payload, x.account, x.http)


async def test_an_edited_post_is_measured_under_either_id_and_deleted_with_the_first(x: Stage) -> None:
    published = await x.trial(Content(text="Befor")).until_public()
    edited = await publish.edit(published.external_id, x.trial(Content(text="Before")).payload, x.account, x.http)
    assert edited.external_id != published.external_id
    await publish.delete([published.external_id], x.account, x.http)
    assert x.public() == []


# ---- quotas ----------------------------------------------------------------------------------------------------------


async def test_a_used_up_quota_says_when_to_come_back(x: Stage) -> None:
    x.sandbox.control.put("/_quotas", json={"x": {"create_15min": 1}}).raise_for_status()
    try:
        await x.trial(text()).until_public()
        trial = x.trial(Content(text="Another"))
        with pytest.raises(TryLater) as caught:
            await trial.once()
        assert caught.value.after is not None
        assert 800 < caught.value.after <= 901
        trial.pause(caught.value.after + 1)
        await trial.until_public()
    finally:
        x.sandbox.control.put("/_quotas", json={"x": "open"}).raise_for_status()


# ---- measuring -------------------------------------------------------------------------------------------------------


async def test_clicks_and_the_unpaid_share_are_told_of_young_posts(x: Stage) -> None:
    published = await x.trial(text()).until_public()
    x.sandbox.pass_by(HOUR)
    (one,) = await measure.measure([published.external_id], x.account, x.http)
    assert set(one.values) == {"views", "likes", "comments", "shares", "quotes", "saves", "clicks"}
    assert set(one.organic) == {"views", "likes", "comments", "shares", "clicks"}
    assert one.values["views"] > one.values["likes"] > 0


async def test_posts_are_asked_for_by_the_hundred_and_old_ones_without_private_figures(x: Stage) -> None:
    young = [str(2_300_000_000_000_000_000 + number) for number in range(101)]
    before = len(asked_of(x, "/2/tweets"))
    assert await measure.measure([*young, "1346889436626259968"], x.account, x.http) == []
    asked = [parse_qs(one["query"]) for one in asked_of(x, "/2/tweets")[before:]]
    assert [len(one["ids"][0].split(",")) for one in asked] == [100, 1, 1]
    assert ["non_public_metrics" in one["post.fields"][0] for one in asked] == [True, True, False]


async def test_who_said_what_about_which_post(x: Stage) -> None:
    published = await x.trial(text()).until_public()
    since = datetime.now(UTC) - timedelta(minutes=5)
    for kind in ("reply", "mention", "quote"):
        to = {} if kind == "mention" else {"to": published.external_id}
        x.sandbox.say("x", name_of(x), kind=kind, text=f"A {kind}", author="ada", **to)
    heard = await measure.heard(since, x.account, x.http)
    assert [(one.kind, one.text, one.to) for one in heard] == [
        ("reply", "A reply", published.external_id),
        ("mention", "A mention", None),
        ("quote", "A quote", published.external_id),
    ]
    assert {one.author for one in heard} == {"ada"}


async def test_an_account_without_id_asks_for_it(x: Stage) -> None:
    nameless = replace(x.account, id="")
    assert await connect.own_id(nameless, x.http) == x.account.id


# ---- being let in ----------------------------------------------------------------------------------------------------


def app_of(account: Account, client_id: str = "client", client_secret: str = "secret") -> App:
    return App(client_id, client_secret, "https://carillon.example/connected", account.base_url)


def test_the_owner_is_asked_for_what_is_needed_with_a_challenge() -> None:
    address = urlsplit(connect.start(app_of(REAL), "a-state", "v" * 43))
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.netloc, address.path) == ("x.com", "/i/oauth2/authorize")
    assert asked["scope"].split() == ["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"]
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge("v" * 43), "S256")
    assert (asked["response_type"], asked["client_id"]) == ("code", "client")


async def test_a_refresh_token_is_good_once_and_the_new_one_is_kept(x: Stage) -> None:
    first = await connect.exchange(app_of(x.account), f"code-{name_of(x)}", "v" * 43, x.http)
    assert first.expires_at
    assert timedelta(minutes=119) < first.expires_at - datetime.now(UTC) <= timedelta(hours=2)
    second = await connect.refresh(app_of(x.account), first, x.http)
    assert second.refresh_token not in {None, first.refresh_token}
    with pytest.raises(Unauthorized, match="connected again"):
        await connect.refresh(app_of(x.account), first, x.http)
    third = await connect.refresh(app_of(x.account, client_secret=""), second, x.http)  # as a public client
    assert "offline.access" in third.scopes


@pytest.mark.parametrize("client_id", ["", "client"])
async def test_a_fault_of_the_app_costs_no_grant(x: Stage, client_id: str) -> None:
    grant = await connect.exchange(app_of(x.account), f"code-{name_of(x)}", "v" * 43, x.http)
    if client_id:
        x.sandbox.arm("x", "rate_limit", path="/2/oauth2/token")
    with pytest.raises(TryLater):
        await connect.refresh(app_of(x.account, client_id=client_id), grant, x.http)
    assert (await connect.refresh(app_of(x.account), grant, x.http)).access_token


async def test_without_a_refresh_token_the_owner_is_needed(x: Stage) -> None:
    with pytest.raises(Unauthorized, match=r"offline\.access"):
        await connect.refresh(app_of(x.account), Grant("token"), x.http)


async def test_no_secret_is_told(x: Stage) -> None:
    wrong = replace(x.account, secrets={"access_token": "a-token-that-nobody-may-read"})
    with pytest.raises(PlatformError) as caught:
        await connect.verify(wrong, x.http)
    assert "nobody-may-read" not in f"{caught.value!r}"
    assert isinstance(caught.value, Unauthorized)
