"""What is rendered is what is judged and sent: credit, link, warning and facets in their places, nothing cut."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapter.compose import NOTHING_YET
from shared.adapter.render import limits_broken, media_of, render
from shared.adapter.spec import VideoLimit
from shared.content import Content, Kind, Link, Media, Owner, Part, Poll, Rights
from shared.payload import Payload, Rendition
from tests.adapter.specs import COUNTED, IN_ALT, IN_COMMENT, SMALL

CHANNEL = "wikipedia/small"
CC = Rights(owner=Owner.COMMONS, author="NASA", license="cc-by-sa-4.0", license_name="CC BY-SA 4.0")
PICTURE = Media(commons="File:Eileen_Collins.jpg", alt="A woman")
LINE = "Eileen Collins, NASA, CC BY-SA 4.0, via Wikimedia Commons"


def rendition(number: int = 1, rights: Rights | None = CC) -> Rendition:
    return Rendition(sha256=f"{number:064x}", type="image/jpeg", size=10, width=4, height=3, rights=rights)


def test_the_credit_of_a_commons_file_stands_below_the_text_and_counts() -> None:
    content = Content(text="Hi", media=(PICTURE,))
    payload = render(content, CHANNEL, SMALL, [rendition()])
    assert payload.pieces[0].text == f"Hi\n\n{LINE}"
    assert payload.pieces[0].media[0].commons == "File:Eileen_Collins.jpg"
    assert payload.pieces[0].media[0].alt == "A woman"
    assert limits_broken(content, CHANNEL, SMALL) == []  # the credit is not known before the look-up
    (excess,) = limits_broken(content, CHANNEL, SMALL, [rendition()])
    assert (excess.limit, excess.most, excess.count, excess.unit) == ("text", 60, 4 + len(LINE), "graphemes")
    assert excess.place == "/text"
    assert excess.message.startswith(CHANNEL)
    assert "credit included" in excess.message


def test_a_credit_that_the_caller_wrote_is_taken_as_it_is_and_counts_at_the_door() -> None:
    content = Content(text="x" * 50, media=(Media(asset="a" * 64, alt="a", credit="Photo: Ada"),))
    assert [one.count for one in limits_broken(content, CHANNEL, SMALL)] == [62]
    assert render(content, CHANNEL, SMALL, [rendition()]).pieces[0].text.endswith("\n\nPhoto: Ada")


def test_the_same_credit_is_said_once() -> None:
    content = Content(text="Hi", media=(PICTURE, PICTURE))
    assert render(content, CHANNEL, SMALL, [rendition(1), rendition(2)]).pieces[0].text.count(LINE) == 1


def test_credit_in_alt_and_in_the_first_comment() -> None:
    content = Content(text="Hi", media=(PICTURE,))
    in_alt = render(content, CHANNEL, IN_ALT, [rendition()])
    assert in_alt.pieces[0].text == "Hi"
    assert in_alt.pieces[0].media[0].alt == f"A woman\n\n{LINE}"
    assert [one.limit for one in limits_broken(content, CHANNEL, IN_ALT, [rendition()])] == ["alt"]
    in_comment = render(content, CHANNEL, IN_COMMENT, [rendition()])
    assert (in_comment.pieces[0].text, in_comment.first_comment) == ("Hi", LINE)


def test_a_link_has_a_card_where_the_author_writes_it_and_stands_in_the_text_elsewhere() -> None:
    link = Link(url="https://w.wiki/3", title="Mercury", thumbnail=Media(asset="b" * 64, alt="", credit="Ada, CC0"))
    content = Content(text="Hi", link=link)
    assert [one.limit for one in media_of(content, SMALL)] == [SMALL.thumbnail]
    piece = render(content, CHANNEL, SMALL, [rendition()]).pieces[0]
    assert piece.text == "Hi\n\nAda, CC0"
    assert piece.card is not None
    assert (piece.card.url, piece.card.title) == ("https://w.wiki/3", "Mercury")
    assert media_of(content, COUNTED) == ()
    piece = render(content, CHANNEL, COUNTED).pieces[0]
    assert (piece.text, piece.card) == ("Hi\n\nhttps://w.wiki/3", None)
    assert [facet.kind for facet in piece.facets] == ["link"]


def test_a_link_beside_pictures_stands_in_the_text_once() -> None:
    content = Content(text="See https://w.wiki/3", link=Link(url="https://w.wiki/3"), media=(PICTURE,))
    piece = render(content, CHANNEL, SMALL, [rendition(rights=None)]).pieces[0]
    assert (piece.text, piece.card) == ("See https://w.wiki/3", None)


def test_a_warning_heads_the_text_or_has_its_field_and_counts_either_way() -> None:
    content = Content(text="x" * 55, content_warning="spiders")
    assert render(content, CHANNEL, SMALL).pieces[0].text.startswith("CW: spiders\n\nxxx")
    assert render(content, CHANNEL, SMALL).content_warning is None
    assert [one.count for one in limits_broken(content, CHANNEL, SMALL)] == [68]
    assert render(content, CHANNEL, COUNTED).content_warning == "spiders"
    assert [one.count for one in limits_broken(content, CHANNEL, COUNTED)] == [62]


def test_a_thread_has_its_parts_with_their_media_in_order() -> None:
    other = Media(asset="c" * 64, alt="other")
    content = Content(thread=(Part(text="one"), Part(text="two", media=(other,))), media=(PICTURE,))
    assert [one.place for one in media_of(content, SMALL)] == ["/media/0", "/thread/1/media/0"]
    payload = render(content, CHANNEL, SMALL, [rendition(1, None), rendition(2, None)])
    assert [piece.media[0].alt for piece in payload.pieces] == ["A woman", "other"]
    assert payload.kind == "thread"


def test_rendering_is_deterministic_and_survives_the_journey() -> None:
    content = Content(text="Hi #Wiki", media=(PICTURE,))
    payload = render(content, CHANNEL, SMALL, [rendition()])
    assert payload.digest() == render(content, CHANNEL, SMALL, [rendition()]).digest()
    assert Payload.model_validate_json(payload.model_dump_json()).digest() == payload.digest()


def test_as_many_renditions_as_media() -> None:
    with pytest.raises(ValueError, match="1 media need as many renditions, not 0"):
        render(Content(text="Hi", media=(PICTURE,)), CHANNEL, SMALL)


@pytest.mark.parametrize(
    ("content", "limit", "place"),
    [
        (Content(text="x" * 61), "text", "/text"),
        (Content(text="維" * 59 + "x", content_warning=None), None, ""),
        (Content(text="👩‍👩‍👧‍👦" * 9), "text", "/text"),
        (Content(thread=(Part(text="a"), Part(text="b" * 61))), "text", "/thread/1/text"),
        (Content(thread=tuple(Part(text="a") for _ in range(4))), "thread", "/thread"),
        (Content(text="#a1 #b1 #c1"), "tags", "/text"),
        (Content(text="#ninechars"), "tag", "/text"),
        (Content(media=(PICTURE, PICTURE, PICTURE)), "media", "/media"),
        (Content(media=(Media(asset="a" * 64, alt="x" * 21),)), "alt", "/media/0/alt"),
        (Content(text="?", poll=Poll(options=("a", "b", "c", "d"))), "poll options", "/poll/options"),
        (Content(text="?", poll=Poll(options=("a", "b" * 11))), "poll option", "/poll/options/1"),
        (Content(text="?", poll=Poll(options=("a", "b"), seconds=700_000)), "poll time", "/poll/seconds"),
        (Content.model_validate({"text": "a", "kind": "reel"}), "kind", "/kind"),
    ],
)
def test_each_limit_is_named_with_its_place(content: Content, limit: str | None, place: str) -> None:
    broken = limits_broken(content, CHANNEL, SMALL)
    if limit is None:
        assert broken == []
    else:
        assert (limit, place) in [(one.limit, one.place) for one in broken]
        assert all(one.channel == CHANNEL and one.count != one.most for one in broken)


def test_limits_of_an_instance_replace_those_of_the_platform() -> None:
    roomy = SMALL.adjusted({"text": 100, "alt": 5, "poll_options": 4, "poll_longest": 800_000})
    assert limits_broken(Content(text="x" * 100), CHANNEL, roomy) == []
    assert [one.limit for one in limits_broken(Content(media=(PICTURE,)), CHANNEL, roomy)] == ["alt"]
    assert limits_broken(Content(text="?", poll=Poll(options=("a", "b"), seconds=700_000)), CHANNEL, roomy) == []
    with pytest.raises(ValueError, match="small has no limit txt"):
        SMALL.adjusted({"txt": 1})


def test_a_poll_where_none_is_taken() -> None:
    from dataclasses import replace

    none = replace(SMALL, kinds=SMALL.kinds - {"poll"}, poll=None)
    (excess,) = limits_broken(Content(text="?", poll=Poll(options=("a", "b"))), CHANNEL, none)
    assert (excess.limit, excess.place) == ("kind", "/poll")


def test_a_medium_that_nobody_has_looked_at_may_be_the_video_that_a_platform_takes() -> None:
    film = VideoLimit(1_000, ("video/mp4",), timedelta(seconds=1), timedelta(minutes=15))
    spec = replace(SMALL, images=None, kinds=frozenset({Kind.VIDEO}), videos={Kind.VIDEO: film})
    content = Content(text="Hi", media=(PICTURE,))
    assert limits_broken(content, CHANNEL, spec) == limits_broken(content, CHANNEL, spec, [NOTHING_YET]) == []
    assert {one.limit for one in limits_broken(content, CHANNEL, spec, [rendition(1, None)])} == {"kind", "type"}
