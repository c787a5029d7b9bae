"""LinkedIn's little text: escaped, read back, and read by a stand-in that was written without ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.sandbox.platforms.linkedin.little import LittleError, read
from shared.platforms.linkedin.little import RESERVED, escape, unescape

PIECES = (
    *RESERVED,
    "\\\\",
    "word",
    "1",
    " ",
    "\n",
    "#tag",
    "#ta_g",
    "#été",
    "＃全角",
    "hashtag",
    "{hashtag|\\#|word}",
    "urn:li:organization:12",
    "@[Wikimedia Foundation](urn:li:organization:12)",
    "@[A (B) #c](urn:li:person:a-B_1)",
    "https://en.wikipedia.org/wiki/C_(language)#History",
    "@wikipedia.org",
    "👩‍🚀",
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert unescape(escape(text)) == text


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_every_text_is_read_by_the_other_side_and_told_again(text: str) -> None:
    little = read(escape(text))
    assert little.text == text
    assert unescape(little.told) == text


@pytest.mark.parametrize(
    ("text", "commentary"),
    [
        ("Hello, world!", "Hello, world!"),
        ("a_b *c* (d) [e] {f} <g> ~h | i \\", "a\\_b \\*c\\* \\(d\\) \\[e\\] \\{f\\} \\<g\\> \\~h \\| i \\\\"),
        ("Read #Wikipedia!", "Read #Wikipedia!"),
        ("#open_knowledge", "{hashtag|\\#|open\\_knowledge}"),
        ("We are #1, C# and a#b", "We are \\#1, C\\# and a\\#b"),
        ("https://w.wiki/a#b", "https://w.wiki/a\\#b"),
        ("thanks @wikipedia.org", "thanks \\@wikipedia.org"),
        ("By @[Wikimedia](urn:li:organization:12).", "By @[Wikimedia](urn:li:organization:12)."),
        ("By @[W (M)](urn:li:organization:12).", "By @[W \\(M\\)](urn:li:organization:12)."),
        ("By @[Wikimedia](https://w.wiki).", "By \\@\\[Wikimedia\\]\\(https://w.wiki\\)."),
    ],
)
def test_what_is_escaped_and_what_keeps_its_meaning(text: str, commentary: str) -> None:
    assert escape(text) == commentary


def test_hashtags_and_mentions_mean_something_to_the_other_side() -> None:
    little = read(escape("#One #two_three @[Wikimedia](urn:li:organization:12) #4 #été"))
    assert little.hashtags == ("One", "two_three", "été")
    assert little.mentions == ("urn:li:organization:12",)


def test_hashtags_come_back_as_templates() -> None:
    assert read("A #tag").told == "A {hashtag|\\#|tag}"
    assert unescape("A {hashtag|\\#|tag} and {hashtag|#|more}, \\(so\\)") == "A #tag and #more, (so)"


@pytest.mark.parametrize("sign", RESERVED)
def test_the_other_side_takes_no_reserved_character_without_its_backslash(sign: str) -> None:
    with pytest.raises(LittleError):
        read(f"a {sign} b")
    assert read(f"a \\{sign} b").text == f"a {sign} b"
