r"""The little text format, read as a strict server would: every reserved character is escaped or means something.

Source: learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

from dataclasses import dataclass

import regex

_RESERVED = r"\\|{}@\[\]()<>\#*_~"
_INNER = rf"((?:[^{_RESERVED}]|\\[{_RESERVED}])+)"
_ESCAPED = regex.compile(rf"\\([{_RESERVED}])")
_TOKEN = regex.compile(
    rf"(?P<plain>[^{_RESERVED}]+)"
    rf"|\\(?P<escaped>[{_RESERVED}])"
    rf"|\{{hashtag\|\\\#\|(?P<template>{_INNER})\}}"
    rf"|@\[(?P<name>{_INNER})\]\((?P<urn>urn:li:(?:organization|person):[A-Za-z0-9_-]+)\)"
    r"|\#(?P<tag>(?=[^\s]*?[\p{L}\p{M}])(?:(?!_)[\w\u200c\u200d])+)"
)


class LittleError(ValueError):
    """A reserved character stands where it may not."""


@dataclass(frozen=True, slots=True)
class Little:
    """A commentary that was read: what readers see, and how LinkedIn tells it again."""

    text: str
    told: str
    hashtags: tuple[str, ...]
    mentions: tuple[str, ...]


def read(commentary: str) -> Little:
    """Read a commentary; raises LittleError."""
    text, told, hashtags, mentions, at = [], [], [], [], 0
    while at < len(commentary):
        found = _TOKEN.match(commentary, at)
        if found is None:
            raise LittleError(f"unescaped {commentary[at]!r} at {at}")
        form = found[0]
        if word := found["tag"] or found["template"]:
            hashtags.append(_plain(word))
            form = f"{{hashtag|\\#|{word}}}"
            text.append(f"#{_plain(word)}")
        elif name := found["name"]:
            mentions.append(found["urn"])
            text.append(f"@[{_plain(name)}]({found['urn']})")
        else:
            text.append(found["plain"] or found["escaped"])
        told.append(form)
        at = found.end()
    return Little("".join(text), "".join(told), tuple(hashtags), tuple(mentions))


def _plain(inner: str) -> str:
    return _ESCAPED.sub(r"\1", inner)
