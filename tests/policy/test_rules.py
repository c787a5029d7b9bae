"""Each rule by its cases."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy.facts import CommonsFile, Facts
from services.policy.judge import Finding
from services.policy.rules import a11y_alt_missing, channel_audience, media_licence
from services.policy.rules.a11y_alt_missing import is_absent
from shared.content import Audience, Owner, Permission, Rights
from shared.payload import Card, Payload, Piece, Rendition
from tests.policy.conftest import FREE, PACK, PICTURE, payload, picture

PERMISSION = Permission(
    author="A. Author", scope="social media", granted_on=datetime(2026, 1, 1, tzinfo=UTC), evidence="T1"
)


@pytest.mark.parametrize(
    "alt",
    [
        *("", "   ", "\u200b\u200b", "\u00a0", "🖼️", "...", "-", "42", "“”"),
        *(
            "image",
            "Image.",
            "PHOTO",
            "a photo",
            "Bild",
            "ＩＭＡＧＥ",
            "im\u200bage",
            "foto",
            "εικόνα",
            "画像",
            "चित्र",
            "[image]",
        ),
        *(
            "Eileen Collins.jpg",
            "File:Eileen Collins.jpg",
            "IMG_1234",
            "DSC00012.JPG",
            "Screenshot 2026-01-01",
            "photo 1",
        ),
    ],
)
def test_what_tells_nothing_is_absent(alt: str) -> None:
    assert is_absent(alt)


@pytest.mark.parametrize(
    "alt",
    [
        "A bird",
        "Photo of Grace Hopper at a desk",
        "Portrait of Eileen Collins in 1998",
        "Un retrato",
        "Εικόνα ενός πουλιού",
        "一只猫",
        "猫",
        "صورة قطة",
        "बिल्ली का चित्र",
        "Logo: W",
        "The file extension .jpg, written in chalk",
        "A 1960s computer",
    ],
)
def test_what_says_what_is_shown_is_there(alt: str) -> None:
    assert not is_absent(alt)


@given(st.text())
def test_any_text_can_be_judged(alt: str) -> None:
    assert isinstance(is_absent(alt), bool)


def test_alt_texts_are_asked_of_every_picture_and_video_only() -> None:
    silent = picture(alt="").model_copy(update={"type": "audio/ogg"})
    film = picture(alt="video").model_copy(update={"type": "video/mp4"})
    what = payload("Hello", picture(), picture(alt=""), silent, film)
    found = list(a11y_alt_missing.check(what, Facts(), PACK))
    assert [one.objection.place for one in found] == ["/pieces/0/media/1/alt", "/pieces/0/media/3/alt"]
    assert {one.severity for one in found} == {"block"}


@pytest.mark.parametrize(
    ("channel", "audience", "asked"),
    [
        ("foundation/youtube", Audience.PUBLIC, True),
        ("foundation/youtube", Audience.INTERNAL, False),
        ("wikipedia/youtube", Audience.PUBLIC, False),
        ("wikipedia/youtube", Audience.INTERNAL, True),
        ("no/where", Audience.PUBLIC, False),
    ],
)
def test_what_is_for_another_audience_than_its_channel_goes_to_a_person(
    channel: str, audience: Audience, asked: bool
) -> None:
    found = _told(channel_audience.check(payload(channel=channel), Facts(audience=audience), PACK))
    assert found == ([("channel.audience", "review")] if asked else [])


def licence(medium: Rendition, *files: CommonsFile) -> list[tuple[str, str]]:
    facts = Facts(files={PICTURE: files[0]} if files else {})
    return _told(media_licence.check(payload("Hello", medium), facts, PACK))


def _told(findings: Any) -> list[tuple[str, str]]:
    found: list[Finding] = list(findings)
    return [(one.objection.rule, one.severity.value) for one in found]


@pytest.mark.parametrize(
    "id", ["cc0", "pd", "cc-pd", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-2.5-se", "cc-by-sa-2.5-scotland"]
)
def test_free_licences_pass(id: str) -> None:  # noqa: A002 - the field's own word
    assert licence(picture(), CommonsFile(license=id)) == []
    assert licence(picture(None, rights=Rights(license=id))) == []
    assert licence(picture(None, rights=Rights(license=id, owner=Owner.WMF))) == []


def test_a_licence_may_be_written_as_people_do() -> None:
    assert licence(picture(None, rights=Rights(license="CC BY-SA 4.0"))) == []


@pytest.mark.parametrize(
    "file",
    [
        CommonsFile(license="cc-by-nc-4.0"),
        CommonsFile(license="cc-by-nd-2.0"),
        CommonsFile(license_name="CC BY-NC-ND 2.0"),
        CommonsFile(license_name="All rights reserved"),
        CommonsFile(license_name="Fair use"),
        CommonsFile(license="cc-by-4.0", non_free=True),
        CommonsFile(),
    ],
)
def test_licences_that_are_not_free_block(file: CommonsFile) -> None:
    assert licence(picture(), file) == [("media.licence_denied", "block")]


@pytest.mark.parametrize("name", ["CC BY-SA 3.0 IGO", "PDM", "No restrictions", "GFDL", "FAL", "OGL 3", "Wandering"])
def test_licences_that_need_judgement_are_reviewed(name: str) -> None:
    assert licence(picture(), CommonsFile(license_name=name)) == [("media.licence_unknown", "review")]


def test_the_state_of_a_file_on_commons() -> None:
    gone, doomed = CommonsFile(found=False), FREE.model_copy(update={"deletion_pending": True})
    assert licence(picture(), gone) == [("media.deletion_pending", "block")]
    assert licence(picture(), doomed) == [("media.deletion_pending", "block")]
    restricted = FREE.model_copy(update={"restrictions": ("personality",)})
    assert licence(picture(), restricted) == [("media.restriction", "review")]
    assert licence(picture()) == [("media.lookup_failed", "review")]


def test_what_commons_says_outweighs_what_the_caller_says() -> None:
    medium = picture(rights=Rights(owner=Owner.COMMONS, license="cc0"))
    assert licence(medium, CommonsFile(license="cc-by-nc-2.0")) == [("media.licence_denied", "block")]


def test_by_the_callers_word() -> None:
    assert licence(picture(None)) == [("media.licence_denied", "block")]
    assert licence(picture(None, rights=Rights(owner=Owner.WMF))) == [("media.ownership", "review")]
    assert licence(picture(None, rights=Rights(owner=Owner.PERMISSION))) == [("media.permission", "block")]
    by_permission = Rights(owner=Owner.PERMISSION, license="all rights reserved", permission=PERMISSION)
    assert licence(picture(None, rights=by_permission)) == []
    doomed = Rights(license="cc0", deletion_pending=True, restrictions=("trademarked",))
    assert licence(picture(None, rights=doomed)) == [
        ("media.deletion_pending", "block"),
        ("media.restriction", "review"),
    ]


def test_the_picture_of_a_card_has_a_licence_too() -> None:
    card = Card(url="https://en.wikipedia.org", title="Home", thumbnail=picture(None))
    what = payload().model_copy(update={"pieces": (Piece(text="Hello", card=card),)})
    found = list(media_licence.check(Payload.model_validate(what.model_dump()), Facts(), PACK))
    assert [one.objection.place for one in found] == ["/pieces/0/card/thumbnail/rights/license"]
