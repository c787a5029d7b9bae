r"""The form in which LinkedIn wants a commentary ("little text format"): pure, and it can be read back.

Backslashes stand before ``\ | { } @ [ ] ( ) < > # * _ ~``; whatever lacks them is refused, or the text ends there. What
keeps its meaning: a hashtag, and a mention that is written as LinkedIn writes it, `@[Name](urn:li:organization:123)`.

Source: learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

import re

from shared.adapter.text import facets

RESERVED = "\\|{}@[]()<>#*_~"
_RESERVED = re.compile(f"[{re.escape(RESERVED)}]")
_MENTION = re.compile(r"@\[([^\[\]\n]+)\]\((urn:li:(?:organization|person):[\w-]+)\)", re.ASCII)
_READ = re.compile(r"\\(.)|\{hashtag\|(?:\\?#|＃)\|((?:\\.|[^\\{}|])*)\}", re.DOTALL)


def escape(text: str) -> str:
    """Return a text as a commentary; `unescape` gives it back, whatever it is."""
    pieces, last = [], 0
    for start, end, meant in _meant(text):
        if start >= last:
            pieces += [_escaped(text[last:start]), meant]
            last = end
    return "".join([*pieces, _escaped(text[last:])])


def unescape(commentary: str) -> str:
    """Return the text of a commentary, also of one that LinkedIn tells: its hashtags are templates there."""
    return _READ.sub(lambda found: found[1] or f"#{unescape(found[2])}", commentary)


def _escaped(text: str) -> str:
    return _RESERVED.sub(r"\\\g<0>", text)


def _meant(text: str) -> list[tuple[int, int, str]]:
    """Return start, end and form of what is more than text, in its order."""
    mentions = [(one.start(), one.end(), f"@[{_escaped(one[1])}]({one[2]})") for one in _MENTION.finditer(text)]
    return sorted([*mentions, *_tags(text)])


def _tags(text: str) -> list[tuple[int, int, str]]:
    if "#" not in text:
        return []
    found, told = [], text.encode()
    for facet in facets(text):
        sign = told[facet.start : facet.end].decode()
        if facet.kind == "tag" and sign.startswith("#"):
            start = len(told[: facet.start].decode())
            found.append((start, start + len(sign), _tag(facet.value)))
    return found


def _tag(word: str) -> str:
    """Return a hashtag: as it is, or as a template where its word needs backslashes."""
    return f"{{hashtag|\\#|{_escaped(word)}}}" if _RESERVED.search(word) else f"#{word}"
