"""X's weighted length, against `twitter-text-parser`: a port of twitter-text by others, which passes its conformance.

X documents the same rules (docs.x.com, Counting characters). The package knows emoji up to version 12 of their list.
"""

import importlib.resources
import sys
from functools import cache
from importlib import import_module
from time import process_time
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapter.domains import TOP_LEVEL
from shared.adapter.shortened import shortened
from shared.adapter.spec import TextLimit, Unit
from shared.adapter.text import length

X = TextLimit(280, Unit.WEIGHTED, per_url=23, bare_domains=True)
FAMILY = "👩‍👩‍👧‍👦"


@cache
def oracle(name: str) -> Any:
    """Import a module of the package; it reads a file of its own by a function that setuptools no longer has."""
    stand_in = ModuleType("pkg_resources")
    vars(stand_in)["resource_string"] = lambda module, file: (
        importlib.resources.files(module.rpartition(".")[0]).joinpath(file).read_bytes()
    )
    sys.modules.setdefault("pkg_resources", stand_in)
    return import_module(f"twitter_text.{name}")


def theirs(text: str) -> int:
    return int(oracle("parse_tweet").parse_tweet(text).weightedLength)


def emoji() -> list[str]:
    return sorted(oracle("regexp.emoji").emoji_dict)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Wikipedia", 9),
        ("維基百科", 8),
        ("ウィキペディア 위키백과", 14 + 1 + 8),
        ("Βικιπαίδεια Википедия ויקיפדיה ويكيبيديا", 40),
        ("cafe\u0301", 4),  # counted as composed
        ("x\u0301", 2),  # has no composed form
        (FAMILY, 2),
        ("🇬🇷🇧🇷", 4),
        ("1️⃣#️⃣", 4),
        ("👍🏽👍", 4),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 2),
        ("“quoted” – and so…", 18 + 1),
        ("© ™", 5),
        ("https://en.wikipedia.org/wiki/Eileen_Collins", 23),
        ("See wikipedia.org.", 4 + 23 + 1),
        ("wikipedia.org/wiki/Main_Page?action=history", 23),
        ("a.b.c and 3.14, e.g. this", 25),
        ("wikipedia.invalid", 17),
        ("https://wikipedia.invalid", 25),
        ("ada@wikipedia.org", 17),
        ("@wikipedia.org", 14),
        ("#wikipedia.org", 14),
        ("見るwikipedia.org猫", 4 + 23 + 2),
        (
            "https://ja.wikipedia.org/wiki/猫",
            23 + 2,
        ),  # a path ends at the first letter that is neither Latin nor Cyrillic
        ("https://ru.wikipedia.org/wiki/Кошка", 23),
        ("(https://en.wikipedia.org/wiki/Mercury_(planet))", 25),
        ("https://w.wiki/3!", 24),
        ("https://w.wiki/3 https://w.wiki/4", 47),
    ],
)
def test_what_a_text_weighs(text: str, count: int) -> None:
    assert length(text, X) == count
    assert theirs(text) == count


def test_every_emoji_of_the_list_weighs_two() -> None:
    assert {one: length(one, X) for one in emoji() if length(one, X) != 2} == {}
    assert {one: theirs(one) for one in emoji() if theirs(one) != 2} == {}


def test_the_top_level_domains_are_those_of_twitter_text() -> None:
    known: set[str] = set()
    for name in ("valid_gtld", "valid_cctld"):
        pattern = getattr(oracle(f"regexp.{name}"), name).pattern
        known |= set(pattern.removeprefix("(?:(?:").partition(")(?=")[0].split("|"))
    assert known == TOP_LEVEL


WORDS = st.sampled_from(
    [
        *("Wiki", "wikipedia.org", "en.wikipedia.org/wiki/A_(b)", "https://w.wiki/3", "HTTP://EXAMPLE.COM?a=b&c#d"),
        *("https://ja.wikipedia.org/wiki/猫", "維基百科", "見る", "é", "e\u0301", "e.g.", "3.14", "U.S.A.", "file.py"),
        *(
            "@ada",
            "#wiki",
            "ada@w.org",
            "foo_bar.com",
            "foo-bar.co.uk:80/x",
            "wiki.org.",
            "«",
            "»",
            "“",
            "”",
            "…",
            "。",
        ),
        *("(", ")", "/", ".", "-", "_", ",", "!", "?", "$", "\n", " ", "https://t.co/abc?d=e", "http://foo.nowhere/x"),
        *("한국.kr", "http://例え.jp/ä/ж/;a=1", "x.com+", "x.com@y", "org", "a.museum", "//x.org", "z.org/%E7%8C%AB/"),
    ]
)


@settings(max_examples=1_000, derandomize=True)
@given(st.lists(WORDS, max_size=8, unique=True).map("".join))  # the package miscounts what a path says again
def test_words_put_together_in_any_way_weigh_what_they_do_there(text: str) -> None:
    assert length(text, X) == theirs(text)


@given(st.lists(st.one_of(WORDS, st.deferred(lambda: st.sampled_from(emoji()))), max_size=8).map(" ".join))
def test_words_and_emoji_weigh_what_they_do_there(text: str) -> None:
    assert length(text, X) == theirs(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cn", "So", "Sk"])))
def test_any_letters_weigh_what_they_do_there(text: str) -> None:
    assert length(text, X) == theirs(text)


@pytest.mark.parametrize("unit", ["a.", "維", "維.", "(", "https://w.wiki/(", "a.b_", "-.", "/.", "w.wiki/?", "日a."])
def test_a_long_text_takes_no_longer_than_its_length(unit: str) -> None:
    began = process_time()
    list(shortened(unit * (40_000 // len(unit)) + "w.wiki"))
    assert process_time() - began < 2
