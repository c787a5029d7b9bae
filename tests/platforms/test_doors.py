"""What a platform has no form for is told by its spec, and refused by its adapter and by what stands in for it."""

from collections.abc import AsyncIterator, Mapping

import pytest

from shared.adapter.errors import Rejected
from shared.adapter.form import Field
from shared.adapter.limits_form import ABOUT_ANOTHER
from shared.adapter.render import limits_broken
from shared.adapter.spec import Spec
from shared.content import Captions, Content, Kind, Link, Media, Poll
from shared.platforms import specs
from tests.platforms.conftest import Stage, stage_of
from tests.platforms.contents import image, picture, video
from tests.platforms.sandbox import Sandbox

FAMILY = "👩‍👩‍👧‍👦"
SUBJECTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bluesky": (
        (
            "https://bsky.app/profile/wikipedia.org/post/3k2akyxy2tk2s?ref=x",
            "https://bsky.app/profile/did:plc:abc/post/3k2akyxy2tk2s/",
        ),
        ("https://bsky.app/profile/wikipedia.org", "at://did:plc:abc/app.bsky.feed.post/3k"),
    ),
    "facebook": (
        ("https://m.facebook.com/wikipedia/posts/1", "https://fb.watch/abc/"),
        ("https://facebook.com.example.org/wikipedia/posts/1", "https://www.facebook.com/"),
    ),
    "linkedin": (
        (
            "https://www.linkedin.com/feed/update/urn%3Ali%3AugcPost%3A72",
            "https://br.linkedin.com/posts/wikimedia-foundation_free-share-74-AbC_?utm_source=x",
        ),
        (
            "https://www.linkedin.com/feed/update/urn:li:activity:71/",
            "https://evillinkedin.com/feed/update/urn:li:share:71/",
        ),
    ),
    "mastodon": (
        ("https://wikis.world/@ada/1", "https://pleroma.example/notice/Abc", "https://a.example/users/ada/statuses/1"),
        ("https://wikis.world", "https://wikis.world/", "https://bsky.app/profile/a.org/post/3k", "https://x.com/a/1"),
    ),
    "threads": (
        ("https://www.threads.net/@wikipedia/post/C8d-_x/?xmt=1", "https://threads.com/@a.b/post/c"),
        ("https://www.threads.net/@wikipedia", "https://threads.net.example.org/@a/post/b"),
    ),
    "x": (
        ("https://x.com/wikipedia/status/20?s=20", "http://mobile.twitter.com/i/web/status/20"),
        ("https://x.com/wikipedia", "https://x.com.example.org/wikipedia/status/20"),
    ),
}
"""Addresses that lead to a post, and such as do not."""
POLLED = sorted(name for name, spec in specs().items() if spec.poll)
OPTIONS: Mapping[str, str] = {"mastodon": FAMILY * 50, "threads": "😀" * 6 + "a", "x": "維" * 25}
"""An answer of a poll that is as long as it may be, in letters that tell the unit."""


@pytest.fixture
async def at(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Stage]:
    """The stage of the platform that a test names."""
    async for stage in stage_of(specs()[request.param], sandbox):
        yield stage


def broken(content: Content, spec: Spec) -> list[tuple[str, str]]:
    return [(one.limit, one.place) for one in limits_broken(content, "test/x", spec)]


# ---- about another post ----------------------------------------------------------------------------------------------


def test_what_may_be_about_another_post_says_what_its_address_looks_like(spec: Spec) -> None:
    assert (spec.subject is not None) is bool(spec.kinds & ABOUT_ANOTHER)
    if spec.subject is None:
        return
    leading, astray = SUBJECTS[spec.name]
    assert [one for one in (*leading, spec.subject.example) if not spec.subject.leads(one)] == []
    assert [one for one in (*astray, "ftp://w.wiki/3") if spec.subject.leads(one)] == []


def test_what_a_kind_lacks_is_named_for_kinds_that_there_are(spec: Spec) -> None:
    assert set(spec.lacks) | set(spec.ratios) <= spec.kinds


@pytest.mark.parametrize("at", sorted(specs()), indirect=True)
@pytest.mark.parametrize("field", [Field.TEXT, Field.MEDIA])
async def test_a_repost_with_more_than_a_repost_has_is_refused(at: Stage, field: Field) -> None:
    repost = Content(kind=Kind.REPOST, refers_to=at.spec.subject.example if at.spec.subject else "https://w.wiki/3")
    more = {"text": "Oh"} if field is Field.TEXT else {"media": image(at.store).media}
    found = broken(repost.model_copy(update=more), at.spec)
    if Kind.REPOST not in at.spec.kinds:
        assert found[0] == ("kind", "/kind")
    elif field in at.spec.lacks.get(Kind.REPOST, ()):
        assert (str(field), f"/{field}") in found
        with pytest.raises(Rejected):
            await at.trial(repost.model_copy(update=more)).until_settled()
        assert at.public() == []
    else:
        assert found == []  # it is a post with words about the other one


# ---- stories and captions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["instagram"], indirect=True)
async def test_a_story_shows_no_words_here_nor_there(at: Stage) -> None:
    shown = Media(asset=at.store.put(picture()), alt="A field")
    worded = Content(kind=Kind.STORY, text="Oh", media=(shown,))
    assert broken(worded, at.spec) == [("text", "/text")]
    with pytest.raises(Rejected, match="shows no text"):
        await at.trial(worded).once()
    url = f"{at.account.base_url}/{at.spec.version}/{at.account.id}/media"
    asked = {"media_type": "STORIES", "image_url": at.store.address(shown.asset or ""), "caption": "Oh"}
    headers = {"Authorization": f"Bearer {at.account.secrets['access_token']}"}
    with pytest.raises(Rejected):
        await at.http.call("POST", url, operation="story", mutates=False, json=asked, headers=headers)


@pytest.mark.parametrize("at", ["instagram"], indirect=True)
async def test_an_upright_picture_has_no_bars_in_a_story_and_has_them_in_the_feed(at: Stage) -> None:
    shown = Media(asset=at.store.put(picture(size=(540, 960))), alt="A field")
    await at.trial(Content(kind=Kind.STORY, media=(shown,))).until_public()
    await at.trial(Content(text="Upright", media=(shown,))).until_public()
    story, post = (one["media"][0] for one in at.posts())
    assert (story["width"], story["height"]) == (540, 960)
    assert (post["width"], post["height"]) == (768, 960)


def test_captions_are_taken_where_they_are_sent(spec: Spec) -> None:
    film = Media(asset="a" * 64, alt="a", captions=(Captions(language="en", asset="b" * 64),))
    found = broken(Content(kind=Kind.VIDEO, title="A", text="a", media=(film,)), spec)
    assert (("captions", "/media/0/captions") not in found) is (spec.name in {"bluesky", "youtube"})


# ---- what only some can show -----------------------------------------------------------------------------------------


def test_what_cannot_be_sent_is_told_with_its_place(spec: Spec) -> None:
    film = Media(asset="a" * 64, alt="a")
    for kind, count in ((Kind.CAROUSEL, 1), (Kind.STORY, 2), (Kind.REEL, 2)):
        content = Content(kind=kind, title="A", text="a", media=(film,) * count)
        wanted = ("media", "/media") if kind in spec.kinds else ("kind", "/kind")
        assert wanted in broken(content, spec)
    assert ("comment", "/first_comment") in broken(Content(text="a", first_comment="b"), spec) or spec.comment


@pytest.mark.parametrize("at", ["linkedin", "facebook", "x"], indirect=True)
async def test_a_quote_with_a_picture_is_refused_where_the_quote_takes_its_place(at: Stage) -> None:
    assert at.spec.subject is not None
    about = {"kind": Kind.QUOTE, "refers_to": at.spec.subject.example}
    quote = image(at.store).model_copy(update=about)
    assert broken(quote, at.spec) == [("media", "/media")]
    with pytest.raises(Rejected):
        await at.trial(quote).until_settled()
    linked = Content(text="a", link=Link(url="https://w.wiki/3"), **about)
    assert broken(linked, at.spec) == ([("link", "/link")] if at.spec.name == "linkedin" else [])


@pytest.mark.parametrize("name", POLLED)
def test_polls_are_as_the_platform_takes_them(name: str) -> None:
    spec = specs()[name]
    assert spec.poll is not None
    plain = Poll(options=("a", "b"), seconds=86_400)
    for field, value, limit, place in (
        ("multiple", True, "poll answers", "/poll/multiple"),
        ("options", tuple("abcde"), "poll options", "/poll/options"),
        ("options", ("a", "a"), "poll option", "/poll/options/1"),
        ("seconds", int(spec.poll.shortest.total_seconds()) - 1, "poll time", "/poll/seconds"),
        ("seconds", int(spec.poll.longest.total_seconds()) + 1, "poll time", "/poll/seconds"),
    ):
        found = broken(Content(text="?", poll=plain.model_copy(update={field: value})), spec)
        assert found == ([] if field == "multiple" and spec.poll.multiple else [(limit, place)])
    edges = {int(edge.total_seconds()) for edge in (spec.poll.shortest, spec.poll.longest)}
    for seconds in edges:
        assert broken(Content(text="?", poll=Poll(options=("a", "b"), seconds=seconds)), spec) == []


@pytest.mark.parametrize("at", POLLED, indirect=True)
async def test_an_answer_at_its_limit_passes_and_one_letter_more_is_refused_here_and_there(at: Stage) -> None:
    full, over = (
        Content(text=f"Which {more}?", poll=Poll(options=(OPTIONS[at.spec.name] + more, "b"))) for more in ("", "a")
    )
    assert broken(full, at.spec) == []
    await at.trial(full).until_public()
    (excess,) = limits_broken(over, "test/x", at.spec)
    assert at.spec.poll is not None
    assert (excess.limit, excess.count, excess.unit) == ("poll option", excess.most + 1, at.spec.poll.unit)
    with pytest.raises(Rejected):
        await at.trial(over).until_settled()
    assert at.public() == [full.text]


# ---- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["linkedin"], indirect=True)
async def test_linkedins_backslashes_do_not_count_and_do_not_show(at: Stage) -> None:
    full, over = (Content(text="(_)" * 1_000 + more) for more in ("", "*"))
    assert broken(full, at.spec) == []
    await at.trial(full).until_public()
    assert at.public() == [full.text]
    assert broken(over, at.spec) == [("text", "/text")]
    with pytest.raises(Rejected):
        await at.trial(over).until_settled()


EDGES: tuple[tuple[str, str], ...] = (
    ("x", "維" * 140),
    ("x", FAMILY * 140),
    ("x", f"{'a' * 256} https://en.wikipedia.org/wiki/{'A' * 100}"),
    ("threads", FAMILY * 20),
    ("threads", "🇬🇷" * 62 + "abcd"),
    ("threads", "é" * 500),
    ("bluesky", "e\u0301" * 300),
    ("bluesky", FAMILY * 120),
    ("mastodon", FAMILY * 500),
    ("mastodon", f"https://en.wikipedia.org/wiki/{'A' * 500} @ada@wikis.world {'a' * 471}"),
    ("linkedin", "😀" * 1_500),
)


@pytest.mark.parametrize(("at", "full"), EDGES, indirect=["at"])
async def test_a_text_is_counted_as_the_platform_counts_it(at: Stage, full: str) -> None:
    over = f"a{full}"
    assert broken(Content(text=full), at.spec) == []
    assert broken(Content(text=over), at.spec) == [("text", "/text")]
    await at.trial(Content(text=full)).until_public()
    with pytest.raises(Rejected):
        await at.trial(Content(text=over)).until_settled()
    assert len(at.public()) == 1


@pytest.mark.parametrize(
    ("at", "full"),
    [("youtube", "é" * 2_500), ("tiktok", "😀" * 1_100), ("instagram", "😀" * 1_100)],
    indirect=["at"],
)
async def test_the_text_of_a_film_is_counted_as_the_platform_counts_it(at: Stage, full: str) -> None:
    (film,) = video(at.store).media
    content = video(at.store).model_copy(
        update={"text": full, "kind": Kind.VIDEO, "media": (film.model_copy(update={"credit": None}),)}
    )
    over = content.model_copy(update={"text": f"a{full}"})
    assert broken(content, at.spec) == []
    assert broken(over, at.spec) == [("text", "/text")]
    await at.trial(content).until_public()
    with pytest.raises(Rejected):
        await at.trial(over).until_settled()
    assert at.public() == [full]
