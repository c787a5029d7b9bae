"""Counting characters as people see them."""

import regex

_CLUSTER = regex.compile(r"\X")


def graphemes(text: str) -> int:
    """Return the number of extended grapheme clusters (Unicode UAX 29)."""
    if text.isascii() and "\r" not in text:
        return len(text)
    return sum(1 for _ in _CLUSTER.finditer(text))
