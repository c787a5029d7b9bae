"""What of a content has no form on a platform: a kind that it does not take, a field that the kind has no room for."""

from collections.abc import Iterator

from shared.adapter.form import Field
from shared.adapter.limits_media import Found
from shared.adapter.spec import Spec
from shared.adapter.text import graphemes
from shared.content import Content, Kind

ABOUT_ANOTHER = frozenset({Kind.REPLY, Kind.REPOST, Kind.QUOTE})
"""Kinds that are about a post which is there already."""
_WITH_MEDIA = {Kind.IMAGE, Kind.CAROUSEL, Kind.VIDEO, Kind.REEL, Kind.STORY}
_WITH_ONE = {Kind.VIDEO, Kind.REEL, Kind.STORY}


def form_broken(kind: Kind, content: Content, spec: Spec) -> Iterator[Found]:
    """Give what a post of this kind cannot be, or cannot have, or lacks."""
    yield from _taken(kind, content, spec)
    yield from _needed(kind, content)
    yield from _subject(kind, content, spec)
    yield from _lacking(kind, content, spec)


def _taken(kind: Kind, content: Content, spec: Spec) -> Iterator[Found]:
    if kind not in spec.kinds:
        place = "/poll" if content.poll and not content.kind else "/kind"
        taken = ", ".join(sorted(spec.kinds))
        yield Found("kind", 0, 1, "posts", place, f"{spec.name} takes no {kind}; it takes {taken}")
    elif content.poll and Kind.POLL not in spec.kinds:
        yield Found("kind", 0, 1, "polls", "/poll", f"{spec.name} takes no poll; leave it out for this channel")


def _needed(kind: Kind, content: Content) -> Iterator[Found]:
    """Give what the kind asks for by its nature, on every platform."""
    count = len(content.media)
    if kind in _WITH_MEDIA and not count:
        yield Found("media", 1, 0, "media", "/media", f"a post of kind {kind} needs a medium; add one")
    if kind is Kind.CAROUSEL and count == 1:
        message = "a carousel has two media at the least, this one has 1; add one, or leave 'kind' out"
        yield Found("media", 2, 1, "media", "/media", message)
    if kind in _WITH_ONE and count > 1:
        yield Found("media", 1, count, "media", "/media", f"a {kind} has one medium, this one has {count}; drop some")
    if kind is Kind.THREAD and not content.thread:
        message = "a thread has two posts at the least; give 'thread', or leave 'kind' out"
        yield Found("thread", 2, 1, "posts", "/kind", message)
    if kind is Kind.POLL and not content.poll:
        yield Found("poll options", 2, 0, "options", "/poll", "a post of kind poll needs 'poll'; add it")


def _subject(kind: Kind, content: Content, spec: Spec) -> Iterator[Found]:
    """Give what is wrong with the address of the post that this one is about."""
    address = content.refers_to
    if kind in ABOUT_ANOTHER and not address:
        message = f"a {kind} needs the post that it is about; give its address as 'refers_to'"
        yield Found("refers_to", 1, 0, "addresses", "/refers_to", message)
    elif kind in ABOUT_ANOTHER and address and spec.subject and not spec.subject.leads(address):
        form = f"{spec.subject.example} ({spec.subject.note})" if spec.subject.note else spec.subject.example
        message = f"'refers_to' is no post on {spec.name}; give the address of one, such as {form}"
        yield Found("refers_to", 1, 0, f"posts on {spec.name}", "/refers_to", message)
    elif kind not in ABOUT_ANOTHER and address:
        kinds = " or ".join(sorted(ABOUT_ANOTHER & spec.kinds))
        otherwise = f", or make the kind {kinds}" if kinds else " for this channel"
        message = f"a post of kind {kind} is about no other post, and this names one; leave 'refers_to' out{otherwise}"
        yield Found("refers_to", 0, 1, "addresses", "/refers_to", message)


def _lacking(kind: Kind, content: Content, spec: Spec) -> Iterator[Found]:
    """Give every field that posts of this kind do not have here: it would be lost."""
    for field in sorted(spec.lacks.get(kind, ())):
        name, count, unit, place = _given(field, content)
        if count:
            otherwise = ", or make it a quote" if kind is Kind.REPOST and Kind.QUOTE in spec.kinds else ""
            message = f"a {kind} on {spec.name} has no {name}; leave it out{otherwise}"
            yield Found(name, 0, count, unit, place, message)


def _given(field: Field, content: Content) -> tuple[str, int, str, str]:
    """Return what the limit is called, how much of the field there is, in which unit, and where."""
    match field:
        case Field.TEXT if content.thread:
            return "text", len(content.thread), "posts", "/thread"
        case Field.TEXT:
            return "text", graphemes(content.text or ""), "graphemes", "/text"
        case Field.MEDIA if content.thread and content.thread[0].media:
            return "media", len(content.thread[0].media), "media", "/thread/0/media"
        case Field.MEDIA:
            return "media", len(content.media), "media", "/media"
        case Field.LINK:
            return "link", int(content.link is not None), "links", "/link"
        case Field.POLL:
            return "poll", int(content.poll is not None), "polls", "/poll"
        case Field.COMMENT:
            return "comment", int(content.first_comment is not None), "comments", "/first_comment"
        case Field.WARNING:
            return "warning", int(content.content_warning is not None), "warnings", "/content_warning"
