"""Which stretches of a text X puts a short link of its own for: twitter-text's rules for addresses, in linear time.

An address begins with `http://` or `https://`, or is a domain alone, such as `wikipedia.org`; it ends in a top-level
domain that X knows, and letters beyond Latin and Cyrillic end its path. Source: github.com/twitter/twitter-text,
`extractUrlsWithIndices`; the text must be normalized (NFC) before.
"""

from collections.abc import Iterator
from functools import cache

import regex

from shared.adapter.domains import TOP_LEVEL

LONGEST = 4_096
"""Characters of an address, its domain in punycode; a longer one stays text."""
_LABEL = 63
_SLUG = 40

_STOPS = (
    r"!'#%&()*+,\\/:;<=>?@\[\]\^{|}~$"  # punctuation but for . - _
    r"\x09-\x0d\x20\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # blanks
    r"\ufffe\ufeff\uffff"  # what is no character
    r"\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"  # marks of direction
)
_STOP = regex.compile(rf"[{_STOPS}]")
_LAST_STOP = regex.compile(rf"(?r)[{_STOPS}]")
_NOT_BEFORE = frozenset("@＠$#＃\ufffe\ufeff\uffff")
_TRIES = 8
"""In how many places of a run a domain is looked for, so that no text takes longer than its length."""
_SPOILING = frozenset("-_./")
"""What may stand before a domain with a scheme only."""
_LATIN = (
    r"\xc0-\xd6\xd8-\xf6\xf8-\xff\u0100-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289\u028b"
    r"\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_TOP = r"(?:\L<top>(?![0-9a-zA-Z@+\-])|xn--[\-0-9a-z]+)"
_IN = rf"[^{_STOPS}._\-]"
_SUBDOMAIN = rf"{_IN}(?:[^{_STOPS}.]*{_IN})?\."
_NAME = rf"{_IN}(?:[^{_STOPS}._]*{_IN})?\."
_AFTER_A_DOT = regex.compile(r"\.([a-zA-Z\-]*[^\x00-\x7f]?)")
_STEP = rf"[a-z\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_LATIN}]"
_BRACKETS = rf"\((?:{_STEP}++|{_STEP}*\({_STEP}++\){_STEP}*)\)"
_PATH = regex.compile(rf"(?::[0-9]+)?(/(?:{_STEP}|{_BRACKETS})*+)", regex.IGNORECASE)
_NOT_LAST_IN_PATH = "!*';:,.$%[]\u2013~@|&"
_QUERY = regex.compile(r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*", regex.IGNORECASE)
_NOT_LAST_IN_QUERY = "!?*'@();:+$%[].,~|"
_PORT = regex.compile(r":[0-9]+")
_DOT = regex.compile(r"[.\u3002\uff0e\uff61]")
"""What parts labels (RFC 3490)."""
_OWN = regex.compile(r"https?://t\.co/([a-z0-9]+)", regex.IGNORECASE)
"""X's own short links: nothing but a query may follow their slug."""


# Made when the first text with a domain is counted: that takes 40 ms each, and most processes count none.
@cache
def _domain() -> "regex.Pattern[str]":
    return regex.compile(rf"(?:{_SUBDOMAIN})*{_NAME}{_TOP}", regex.IGNORECASE, top=TOP_LEVEL)


@cache
def _plain_domain() -> "regex.Pattern[str]":
    return regex.compile(rf"(?:[\-a-z0-9{_LATIN}]+\.)+{_TOP}", regex.IGNORECASE, top=TOP_LEVEL)


def shortened(text: str) -> Iterator[tuple[int, int]]:
    """Give start and end, in code points, of each stretch that counts as an address on X."""
    done = looked = 0
    while (dot := text.find(".", looked)) != -1:
        before = _LAST_STOP.search(text, done, dot)
        after = _STOP.search(text, dot)
        start, looked = before.end() if before else done, after.start() if after else len(text)
        if dot + 1 < looked and _promising(text, dot, looked):  # else the dot ends a sentence, or is in a number
            places, done = _of_a_run(text, start, looked, done)
            yield from places
            looked = max(looked, done)


def _promising(text: str, dot: int, end: int) -> bool:
    """Say whether a top-level domain may follow one of the dots: to tell so is far quicker than to look closely."""
    labels = (match[1].lower() for match in _AFTER_A_DOT.finditer(text, dot, end))
    return any(one in TOP_LEVEL or not one.isascii() or one.startswith("xn--") for one in labels)


_Found = tuple[list[tuple[int, int]], int]
"""Addresses, and up to where the text is used up: what is like an address and is none is passed over as a whole."""


def _of_a_run(text: str, start: int, end: int, done: int) -> _Found:
    """Return the addresses whose domain stands in the run of letters, dots and hyphens that begins at `start`."""
    for scheme in ("https://", "http://"):
        head = start - len(scheme)
        if head >= done and text[head:start].lower() == scheme and _may_begin(text, head, done):
            places, passed = _with_scheme(text, head, start)
            return places, max(done, passed)
    tries = 0
    for at in range(start, end):
        if at == 0 and _may_begin(text, 1, 0) and _domain().match(text, 1):
            continue  # a text's first letter stands before its address, if it can
        if _may_begin(text, at, done) and text[at] not in ".-_":
            places, passed = _bare(text, at)
            if passed:
                return ([] if at and text[at - 1] in _SPOILING else places), max(done, passed)
            tries += 1
            if tries == _TRIES:
                break
    return [], done


def _may_begin(text: str, at: int, done: int) -> bool:
    if at == 0:
        return True
    last = text[at - 1]
    return at > done and last not in _NOT_BEFORE and not (last.isascii() and last.isalnum())


def _with_scheme(text: str, head: int, start: int) -> _Found:
    domain = _domain().match(text, start)
    if domain is None:
        return [], 0
    end = _rest(text, domain.end())
    if not _encodable(domain[0]) or _length(domain[0], end - head) + start - head > LONGEST:
        return [], end
    if own := _OWN.match(text, head):
        short = _query(text, own.end())
        return ([(head, short)] if len(own[1]) <= _SLUG else []), end
    return [(head, end)], end


def _bare(text: str, start: int) -> _Found:
    domain = _domain().match(text, start)
    if domain is None:
        return [], 0
    end = _rest(text, domain.end())
    if not _encodable(domain[0]) or _length(domain[0], end - start) + len("https://") > LONGEST:
        return [], end
    places = [match.span() for match in _plain_domain().finditer(text, start, domain.end())]
    if places and _PATH.match(text, domain.end()):
        begin, last = places[-1]
        places[-1] = begin, last + end - domain.end()  # as long as it is without what is left out of the domain
    return places, end


def _rest(text: str, at: int) -> int:
    """Return where an address ends whose domain ends at `at`: port, path and query follow."""
    if path := _PATH.match(text, at):
        at = path.start(1) + len(path[1].rstrip(_NOT_LAST_IN_PATH))
    elif port := _PORT.match(text, at):
        at = port.end()
    return _query(text, at)


def _query(text: str, at: int) -> int:
    query = _QUERY.match(text, at)
    return at + len(query[0].rstrip(_NOT_LAST_IN_QUERY)) if query else at


def _encodable(domain: str) -> bool:
    return all(0 < _label_length(label) <= _LABEL for label in _DOT.split(domain))


def _length(domain: str, whole: int) -> int:
    return whole if domain.isascii() else whole + sum(_label_length(one) - len(one) for one in _DOT.split(domain))


def _label_length(label: str) -> int:
    """Return how long a label is in the form that the domain name system takes (RFC 3492)."""
    if label.isascii() or len(label) > _LABEL:
        return len(label)
    return len("xn--") + len(label.encode("punycode"))
