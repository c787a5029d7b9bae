"""What has no form on a platform is found in the content alone: fields that a kind lacks, and posts about others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapter.form import NOTHING_OF_ITS_OWN, Field, Permalink
from shared.adapter.render import limits_broken, media_of, render
from shared.adapter.spec import CaptionLimit, ImageLimit, Spec, TextLimit, Unit, VideoLimit
from shared.content import Captions, Content, Kind, Link, Media, Owner, Part, Poll, Rights
from shared.payload import Rendition
from tests.adapter.specs import SMALL

CHANNEL = "wikipedia/small"
FILM = VideoLimit(1_000, ("video/mp4",), timedelta(0), timedelta(minutes=1))
SPEC = replace(
    SMALL,
    kinds=frozenset(Kind) - {Kind.LIVESTREAM},
    images=ImageLimit(most=2, bytes=50_000, types=("image/jpeg",), ratio=(0.8, 1.91)),
    videos={Kind.VIDEO: FILM, Kind.REEL: FILM, Kind.STORY: FILM},
    comment=TextLimit(10, Unit.GRAPHEMES),
    subject=Permalink(r"https://small\.example/post/(\d+)", "https://small.example/post/1"),
    lacks={
        Kind.REPOST: NOTHING_OF_ITS_OWN,
        Kind.QUOTE: frozenset({Field.MEDIA, Field.POLL}),
        Kind.STORY: frozenset({Field.TEXT, Field.LINK, Field.WARNING, Field.COMMENT}),
    },
    ratios={Kind.STORY: (0.5, 1.91)},
)
POST = "https://small.example/post/7"
SHOWN = Media(asset="a" * 64, alt="a")
VTT = Captions(language="en", asset="b" * 64)


def rendition(type_: str = "image/jpeg", rights: Rights | None = None) -> Rendition:
    return Rendition(sha256="a" * 64, type=type_, size=10, width=4, height=3, seconds=9, rights=rights)


def told(content: Content, spec: Spec = SPEC, *renditions: Rendition) -> list[tuple[str, str]]:
    broken = limits_broken(content, CHANNEL, spec, renditions or None)
    assert all(one.count != one.most and "; " in one.message for one in broken)
    return [(one.limit, one.place) for one in broken]


@pytest.mark.parametrize(
    ("more", "limit", "place"),
    [
        ({"text": "Oh"}, "text", "/text"),
        ({"thread": (Part(text="a"), Part(text="b"))}, "text", "/thread"),
        ({"media": (SHOWN,)}, "media", "/media"),
        ({"link": Link(url="https://w.wiki/3")}, "link", "/link"),
        ({"poll": Poll(options=("a", "b"))}, "poll", "/poll"),
        ({"first_comment": "Oh"}, "comment", "/first_comment"),
        ({"content_warning": "Oh"}, "warning", "/content_warning"),
    ],
)
def test_a_repost_says_nothing_of_its_own(more: dict[str, object], limit: str, place: str) -> None:
    bare = Content(kind=Kind.REPOST, refers_to=POST)
    assert told(bare) == []
    (excess,) = limits_broken(bare.model_copy(update=more), CHANNEL, SPEC)
    assert (excess.limit, excess.most, excess.place) == (limit, 0, place)
    assert excess.message.endswith("; leave it out, or make it a quote")


def test_a_repost_may_be_one_with_words_where_the_platform_makes_a_post_of_it() -> None:
    roomy = replace(SPEC, lacks={Kind.REPOST: frozenset({Field.MEDIA})})
    assert told(Content(kind=Kind.REPOST, refers_to=POST, text="Oh"), roomy) == []


def test_a_quote_has_no_media_beside_it_where_the_platform_says_so() -> None:
    quote = Content(kind=Kind.QUOTE, refers_to=POST, text="Oh")
    assert told(quote) == []
    assert told(quote.model_copy(update={"media": (SHOWN,)})) == [("media", "/media")]
    parts = Content(kind=Kind.QUOTE, refers_to=POST, thread=(Part(text="a", media=(SHOWN,)), Part(text="b")))
    assert told(parts) == [("media", "/thread/0/media")]
    later = Content(kind=Kind.QUOTE, refers_to=POST, thread=(Part(text="a"), Part(text="b", media=(SHOWN,))))
    assert told(later) == []


@pytest.mark.parametrize("kind", [Kind.REPLY, Kind.REPOST, Kind.QUOTE])
def test_a_post_about_another_needs_its_address_on_this_platform(kind: Kind) -> None:
    text = None if kind is Kind.REPOST else "Oh"
    with_it = Content.model_validate({"kind": kind, "text": text, "refers_to": POST})
    assert told(with_it) == []
    assert told(with_it.model_copy(update={"refers_to": None})) == [("refers_to", "/refers_to")]
    elsewhere = with_it.model_copy(update={"refers_to": "https://w.wiki/3"})
    (excess,) = limits_broken(elsewhere, CHANNEL, SPEC)
    assert (excess.limit, excess.most, excess.count, excess.unit) == ("refers_to", 1, 0, "posts on small")
    assert "https://small.example/post/1" in excess.message


@pytest.mark.parametrize("kind", [None, Kind.POST, Kind.THREAD])
def test_an_address_that_the_kind_does_not_use_is_not_lost_without_a_word(kind: Kind | None) -> None:
    parts = (Part(text="a"), Part(text="b"))
    said = {"thread": parts} if kind is Kind.THREAD else {"text": "Oh"}
    (excess,) = limits_broken(Content.model_validate({"kind": kind, "refers_to": POST, **said}), CHANNEL, SPEC)
    assert (excess.limit, excess.most, excess.count, excess.place) == ("refers_to", 0, 1, "/refers_to")
    assert excess.message.endswith("; leave 'refers_to' out, or make the kind quote or reply or repost")


def test_what_stands_in_for_a_platform_has_posts_too() -> None:
    reply = Content(kind=Kind.REPLY, text="Oh", refers_to="http://127.0.0.1:8090/small/@ada/1")
    assert told(reply) == [("refers_to", "/refers_to")]
    assert told(reply, SPEC.stood_in("http://127.0.0.1:8090/small")) == []
    assert told(reply, SPEC.stood_in("http://127.0.0.1:8090/sma")) == [("refers_to", "/refers_to")]
    assert SMALL.stood_in("http://127.0.0.1:8090/small") is SMALL


@pytest.mark.parametrize(
    ("content", "limit", "most"),
    [
        (Content(kind=Kind.CAROUSEL, media=(SHOWN,)), "media", 2),
        (Content(kind=Kind.CAROUSEL, text="a"), "media", 1),
        (Content(kind=Kind.STORY, media=(SHOWN, SHOWN)), "media", 1),
        (Content(kind=Kind.REEL, media=(SHOWN, SHOWN)), "media", 1),
        (Content(kind=Kind.THREAD, text="a"), "thread", 2),
        (Content(kind=Kind.POLL, text="a"), "poll options", 2),
        (Content(text="\n "), "text", 1),
        (Content(text=" ", poll=Poll(options=("a", "b"))), "text", 1),
    ],
)
def test_what_a_kind_asks_for_by_its_nature(content: Content, limit: str, most: int) -> None:
    broken = limits_broken(content, CHANNEL, SPEC)
    assert [(one.limit, one.most) for one in broken] == [(limit, most)]


@pytest.mark.parametrize("kind", [Kind.VIDEO, Kind.REEL])
def test_a_film_is_no_picture_and_no_picture_is_a_film(kind: Kind) -> None:
    content = Content(kind=kind, media=(SHOWN,))
    assert told(content) == []  # nobody has looked at it
    assert told(content, SPEC, rendition("video/mp4")) == []
    assert told(content, SPEC, rendition()) == [("type", "/media/0")]
    (excess,) = limits_broken(Content(kind=Kind.IMAGE, media=(SHOWN,)), CHANNEL, SPEC, [rendition("video/mp4")])
    assert excess.message.endswith("leave it out, or make it one of reel, story, video")


# ---- stories ---------------------------------------------------------------------------------------------------------

CC = Rights(owner=Owner.COMMONS, author="NASA", license="cc-by-sa-4.0", license_name="CC BY-SA 4.0")
FREE = CC.model_copy(update={"license": "cc0", "license_name": "CC0"})
STORY = Content(kind=Kind.STORY, media=(Media(commons="File:Eileen Collins.jpg", alt="a"),))


def test_a_credit_that_a_story_cannot_show_is_refused_and_not_lost() -> None:
    assert told(STORY) == []  # what Commons asks for is not known before the look-up
    (excess,) = limits_broken(STORY, CHANNEL, SPEC, [rendition(rights=CC)])
    assert (excess.limit, excess.most, excess.count, excess.place) == ("credit", 0, 1, "/media/0")
    assert "Eileen Collins, NASA, CC BY-SA 4.0, via Wikimedia Commons" in excess.message
    own = Content(kind=Kind.STORY, media=(Media(asset="a" * 64, credit="Photo: Ada"),))
    assert told(own) == [("credit", "/media/0")]


@pytest.mark.parametrize("rights", [FREE, CC.model_copy(update={"attribution_required": False}), None])
def test_a_credit_that_nobody_is_owed_does_not_stand_in_a_storys_text(rights: Rights | None) -> None:
    shown = rendition(rights=rights)
    assert told(STORY, SPEC, shown) == []
    assert render(STORY, CHANNEL, SPEC, [shown]).pieces[0].text == ""
    image = STORY.model_copy(update={"kind": Kind.IMAGE})
    assert bool(render(image, CHANNEL, SPEC, [shown]).pieces[0].text) is (rights is not None)


def test_a_story_has_no_field_for_words() -> None:
    wordy = STORY.model_copy(
        update={"text": "a", "first_comment": "b", "content_warning": "c", "link": Link(url="https://w.wiki/3")}
    )
    assert {limit for limit, _ in told(wordy)} == {"text", "comment", "warning", "link"}
    assert render(wordy, CHANNEL, SPEC, [rendition()]).pieces[0].text == "a"  # nothing is added to it


def test_a_storys_pictures_have_a_shape_of_their_own() -> None:
    (needed,) = media_of(STORY, SPEC)
    (other,) = media_of(STORY.model_copy(update={"kind": Kind.IMAGE}), SPEC)
    assert needed.limit is not None
    assert other.limit is not None
    assert (needed.limit.ratio, other.limit.ratio) == ((0.5, 1.91), (0.8, 1.91))
    smaller = SPEC.adjusted({"image_bytes": 9}).pictures(Kind.STORY)
    assert smaller is not None
    assert (smaller.bytes, smaller.ratio) == (9, (0.5, 1.91))


# ---- captions, cards, polls ------------------------------------------------------------------------------------------


def captioned(*tracks: Captions) -> Content:
    return Content(kind=Kind.VIDEO, text="a", media=(Media(asset="a" * 64, alt="a", captions=tracks),))


def test_captions_are_refused_where_they_would_be_lost() -> None:
    takes = replace(SPEC, captions=CaptionLimit(most=2, bytes=100))
    film = rendition("video/mp4")
    pt, de = (VTT.model_copy(update={"language": language}) for language in ("pt", "de"))
    assert told(captioned(VTT, pt), takes, film) == []
    assert told(captioned(VTT, pt, de), takes, film) == [("captions", "/media/0/captions")]
    assert told(captioned(VTT, VTT), takes, film) == [("captions", "/media/0/captions/1/language")]
    (excess,) = limits_broken(captioned(VTT, pt), CHANNEL, SPEC, [film])
    assert (excess.most, excess.count, excess.unit) == (0, 2, "files")
    assert "leave them out for this channel" in excess.message
    picture = captioned(VTT).model_copy(update={"kind": Kind.IMAGE})
    assert told(picture, takes, rendition()) == [("captions", "/media/0/captions")]


def test_a_card_shows_no_film() -> None:
    content = Content(text="a", link=Link(url="https://w.wiki/3", thumbnail=SHOWN))
    assert told(content, SPEC, rendition()) == []
    assert told(content, SPEC, rendition("video/mp4")) == [("type", "/link/thumbnail")]


def test_a_polls_options_differ_and_one_answer_is_taken() -> None:
    assert SMALL.poll is not None
    assert told(Content(text="?", poll=Poll(options=("a", "b", "a")))) == [("poll option", "/poll/options/2")]
    several = Content(text="?", poll=Poll(options=("a", "b"), multiple=True))
    assert told(several) == [("poll answers", "/poll/multiple")]
    assert told(several, replace(SPEC, poll=replace(SMALL.poll, multiple=True))) == []
    bytes_ = replace(SPEC, poll=replace(SMALL.poll, unit=Unit.UTF8))
    assert told(Content(text="?", poll=Poll(options=("é" * 5, "b"))), bytes_) == []
    assert told(Content(text="?", poll=Poll(options=("é" * 5 + "a", "b"))), bytes_) == [
        ("poll option", "/poll/options/0")
    ]
