"""Texts are counted as each platform counts them, and their facets have exact byte offsets."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from shared.adapter.spec import TextLimit, Unit
from shared.adapter.text import facets, graphemes, length, utf8, utf16, weighted

FAMILY = "👩‍👩‍👧‍👦"
WORDS = st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="#＃@:/."), max_size=20)


@pytest.mark.parametrize(
    ("text", "grapheme", "code_units", "bytes_", "weight"),
    [
        ("", 0, 0, 0, 0),
        ("Wikipedia", 9, 9, 9, 9),
        ("e\u0301", 1, 2, 3, 1),
        (FAMILY, 1, 11, 25, 2),
        ("🇬🇷", 1, 4, 8, 2),
        ("維基百科", 4, 4, 12, 8),
        ("\r\n", 1, 2, 2, 2),
        ("1️⃣", 1, 3, 7, 2),
    ],
)
def test_one_text_in_every_unit(text: str, grapheme: int, code_units: int, bytes_: int, weight: int) -> None:
    assert (graphemes(text), utf16(text), utf8(text), weighted(text)) == (grapheme, code_units, bytes_, weight)


def test_an_address_counts_what_the_platform_makes_of_it() -> None:
    text = "Read https://en.wikipedia.org/wiki/Eileen_Collins, and https://w.wiki/3."
    assert length(text, TextLimit(500, Unit.GRAPHEMES)) == len(text)
    assert length(text, TextLimit(500, Unit.GRAPHEMES, per_url=23)) == len("Read , and .") + 2 * 23


def test_a_remote_mention_counts_without_its_domain_where_the_platform_says_so() -> None:
    text = "Thanks @ada@wikis.world and @bob.example.org"
    limit = TextLimit(500, Unit.GRAPHEMES, short_mentions=True)
    assert length(text, limit) == len("Thanks @ada and @bob.example.org")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://w.wiki/3.", [("link", "https://w.wiki/3", "https://w.wiki/3")]),
        (
            "(https://en.wikipedia.org/wiki/Mercury_(planet))",
            [("link", "https://en.wikipedia.org/wiki/Mercury_(planet)")],
        ),
        ("bare wikipedia.org stays text", []),
        ("mail me@example.org", []),
        ("#Wiki, #1 #2025 #維基 a#b", [("tag", "#Wiki", "Wiki"), ("tag", "#維基", "維基")]),
        ("hi @wikipedia.org!", [("mention", "@wikipedia.org", "wikipedia.org")]),
        ("hi @ada@wikis.world.", [("mention", "@ada@wikis.world", "ada@wikis.world")]),
        ("@alone and @a.b_c", []),
        (
            "https://example.org/#tag @x.example",
            [("link", "https://example.org/#tag"), ("mention", "@x.example", "x.example")],
        ),
        ("見る https://ja.wikipedia.org/wiki/猫。", [("link", "https://ja.wikipedia.org/wiki/猫")]),
        ("HTTPS://EXAMPLE.ORG", [("link", "HTTPS://EXAMPLE.ORG")]),
        ("http:// nothing https://x", []),
    ],
)
def test_links_tags_and_mentions(text: str, found: list[tuple[str, ...]]) -> None:
    told = [(facet.kind, text.encode()[facet.start : facet.end].decode(), facet.value) for facet in facets(text)]
    assert told == [(one[0], one[1], one[2] if len(one) > 2 else one[1]) for one in found]


@given(st.lists(st.one_of(WORDS, st.sampled_from([FAMILY, "e\u0301", "維基"])), max_size=5), WORDS)
def test_offsets_are_right_whatever_stands_before(before: list[str], after: str) -> None:
    text = f"{' '.join(before)} https://w.wiki/3 #Wiki @wikipedia.org {after}"
    told = [text.encode()[facet.start : facet.end].decode() for facet in facets(text)]
    assert told == ["https://w.wiki/3", "#Wiki", "@wikipedia.org"]


@given(st.text(st.characters(codec="utf-8")))
def test_facets_never_overlap_and_always_cut_at_characters(text: str) -> None:
    last = 0
    for facet in facets(text):
        assert last <= facet.start < facet.end <= len(text.encode())
        text.encode()[facet.start : facet.end].decode()
        last = facet.end


@given(st.text(st.characters(codec="utf-8")))
def test_graphemes_are_never_more_than_code_points(text: str) -> None:
    assert graphemes(text) <= len(text) <= utf16(text) <= utf8(text) * 2


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("ab\r\n\u0301\u200d\u0600👩🇬🇷️"))))
def test_counting_by_runs_is_counting_clusters(text: str) -> None:
    assert graphemes(text) == len(regex.findall(r"\X", text))
