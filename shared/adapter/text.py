"""How long a text is, in each platform's own unit, and which stretches of it are more than text."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import regex

from shared.adapter.shortened import shortened
from shared.adapter.spec import TextLimit, Unit
from shared.payload import Facet

URL = regex.compile(r"(?<![\w@/])https?://[^\s<>\"\p{C}\u3000-\u303f\uff00-\uff65]+", regex.IGNORECASE)
TAG = regex.compile(r"(?<![\w&/#＃])[#＃](?!\ufe0f|\u20e3)([\w\u200d\u200c]*[\p{L}\p{M}][\w\u200d\u200c]*)")
"""A tag has a letter somewhere: #1 is a number, and a keycap sign is an emoji."""
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?"
MENTION = regex.compile(rf"(?<![\w@/.=])@((?>(?:[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_])?@)?{_DOMAIN}))(?![\w@])")
"""`@handle.domain` as Bluesky writes it (atproto.com/specs/handle), or `@user@domain` as the Fediverse does."""

_CLUSTER = regex.compile(r"\X")
_RUNS = regex.compile(r"[ -~]+(?=[ -~])|\X")
"""Clusters, but for plain letters that another plain letter follows: each of those is one, and taken by the run."""
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3")
_TINT = regex.compile(r"\p{Emoji_Modifier}")
_ONE_EMOJI = (
    r"(?:\p{Emoji_Modifier_Base}\p{Emoji_Modifier}|[\p{Extended_Pictographic}--\p{Emoji_Presentation}]\ufe0f"
    r"|\p{Extended_Pictographic})"
)
_SEQUENCE = regex.compile(
    rf"(?V1)[0-9#*]\ufe0f?\u20e3|\p{{Regional_Indicator}}{{2}}|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    rf"|{_ONE_EMOJI}(?:\u200d{_ONE_EMOJI})*"
)
"""A whole emoji as Unicode composes them (UTS #51): keycap, flag, flag of a region, one emoji or several joined."""
_HEAVY = regex.compile(r"[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
_CLOSING = {")": "(", "]": "[", "}": "{"}


# ---- counting --------------------------------------------------------------------------------------------------------


def length(text: str, limit: TextLimit) -> int:
    """Return how much of a limit a text uses: addresses and remote mentions at their reduced price."""
    count = COUNTERS[limit.unit]
    if limit.bare_domains:
        return _with_bare_domains(text, limit, count)
    if limit.short_mentions and "@" in text:
        text = MENTION.sub(_short, text)
    if limit.per_url is None or "://" not in text:
        return count(text)
    places = list(addresses(text))
    return count(_shortened(text, places)) + (limit.per_url - 1) * len(places)


def _with_bare_domains(text: str, limit: TextLimit, count: Callable[[str], int]) -> int:
    text = unicodedata.normalize("NFC", text)
    places = list(shortened(text))
    return count(_shortened(text, places)) + ((limit.per_url or 1) - 1) * len(places)


def _short(match: "regex.Match[str]") -> str:
    user, at, _domain = match[1].partition("@")
    return f"@{user}" if at else match[0]


def _shortened(text: str, places: list[tuple[int, int]]) -> str:
    """Put one letter, which is one of every unit, in the place of each address."""
    pieces, last = [], 0
    for start, end in places:
        pieces.append(text[last:start])
        last = end
    return "x".join([*pieces, text[last:]])


def graphemes(text: str) -> int:
    """Return the number of characters as a reader counts them (extended grapheme clusters, UAX #29)."""
    if text.isascii() and "\r" not in text:
        return len(text)
    return sum([len(run) if run.isascii() and run != "\r\n" else 1 for run in _runs(text)])


def utf16(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def utf8(text: str) -> int:
    """Return the number of UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode())


def weighted(text: str) -> int:
    """Return X's weighted length: an emoji 2, Latin and its neighbours 1, everything else 2 (twitter-text v3).

    X knows the emoji by a list; here, whatever is composed as one is one, also those that are newer than the list.
    """
    text = unicodedata.normalize("NFC", text)
    if text.isascii():
        return len(text)
    text = _SEQUENCE.sub("維", text)
    return len(text) + len(_HEAVY.findall(text))


def emoji_bytes(text: str) -> int:
    """Return Threads' length: an emoji as many as its UTF-8 bytes, any other code point 1 (Threads API, posts)."""
    if text.isascii():
        return len(text)
    # Runs of plain letters are taken at once; the keycap of a digit is a cluster by itself.
    emoji = [run for run in _runs(text) if not run.isascii() and _is_emoji(run)]
    return len(text) + sum([len(cluster.encode()) - len(cluster) for cluster in emoji])


@lru_cache(maxsize=64)  # one text goes to many channels
def _runs(text: str) -> list[str]:
    return _RUNS.findall(text)


@lru_cache(maxsize=4_096)  # a text has few letters, many times
def _is_emoji(cluster: str) -> bool:
    return bool(_EMOJI.search(cluster) or _TINT.search(cluster))


COUNTERS: Mapping[Unit, Callable[[str], int]] = {
    Unit.GRAPHEMES: graphemes,
    Unit.UTF16: utf16,
    Unit.UTF8: utf8,
    Unit.CODE_POINTS: len,
    Unit.WEIGHTED: weighted,
    Unit.EMOJI_BYTES: emoji_bytes,
}


# ---- finding ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=128)  # one text goes to many channels
def facets(text: str) -> tuple[Facet, ...]:
    """Return links, tags and mentions in the order of the text, offsets in UTF-8 bytes; they never overlap.

    Only addresses with `http://` or `https://` are links: `wikipedia.org` alone stays text. Punctuation that follows an
    address, a tag or a mention is not part of it.
    """
    found = sorted(_stretches(text))
    seen, free_from, byte, at = [], 0, 0, 0
    for start, end, kind, value in found:
        if start < free_from:
            continue
        byte += utf8(text[at:start])
        stop = byte + utf8(text[start:end])
        seen.append(Facet.model_validate({"start": byte, "end": stop, "kind": kind, "value": value}))
        free_from = at = end
        byte = stop
    return tuple(seen)


def _stretches(text: str) -> Iterator[tuple[int, int, str, str]]:
    if "://" in text:
        for start, end in addresses(text):
            yield start, end, "link", text[start:end]
    if "#" in text or "＃" in text:
        for match in TAG.finditer(text):
            yield match.start(), match.end(), "tag", match[1]
    if "@" in text:
        for match in MENTION.finditer(text):
            yield match.start(), match.end(), "mention", match[1]


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Give start and end, in code points, of each http(s) address in a text."""
    for match in URL.finditer(text):
        address = _trimmed(match[0])
        host = address.partition("://")[2].partition("/")[0]
        if "." in host or host.startswith("localhost"):
            yield match.start(), match.start() + len(address)


def _trimmed(address: str) -> str:
    """Take off punctuation that ends the sentence, and a bracket that was opened before the address."""
    while address:
        last = address[-1]
        opener = _CLOSING.get(last)
        unmatched = opener is not None and address.count(last) > address.count(opener)
        if not unmatched and last not in ".,;:!?'\"…”’»":
            break
        address = address[:-1]
    return address
