"""How X counts a text, in short: an address 23, an emoji and most scripts 2, Latin and its neighbours 1."""

import re
import unicodedata

import regex

MOST = 280
ADDRESS = 23
_TOP = "org|com|net|edu|gov|wiki|info|int|museum|io|gr|br|uk|de|fr|jp|eu|us"
_ADDRESS = re.compile(
    rf"(?<![\w@#$/.-])(?:https?://)?(?:[a-z0-9-]+\.)+(?:{_TOP})\b(?![@-])(?::\d+)?(?:/[a-z0-9/_.~%()\-+=;,!*:@&\[\]|]*)?"
    r"(?:\?[a-z0-9/_.~%()\-+=;,!*:@&\[\]|?]*)?(?:#[a-z0-9/_.~%()\-]*)?(?<![.,;:!?)])",
    re.IGNORECASE,
)
_CLUSTER = regex.compile(r"\X")
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3")
_LIGHT = regex.compile(r"[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")


def weight(text: str) -> int:
    """Return the weighted length; of top-level domains only a few are known here."""
    text = unicodedata.normalize("NFC", text)
    places = _ADDRESS.findall(text)
    return ADDRESS * len(places) + sum(map(_of_one, _CLUSTER.findall(_ADDRESS.sub("", text))))


def links(text: str) -> list[tuple[int, int, str]]:
    """Return the addresses of a text with their places, in code points."""
    return [(found.start(), found.end(), found.group()) for found in _ADDRESS.finditer(text)]


def _of_one(cluster: str) -> int:
    if _EMOJI.search(cluster):
        return 2
    return sum(1 if _LIGHT.match(letter) else 2 for letter in cluster)
