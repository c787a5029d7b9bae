"""What of a content breaks a platform's limits: asked at the door, before anything is fetched or stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.adapter.compose import Draft, Shown, drafts, kind_of
from shared.adapter.spec import Spec, WarningPlace
from shared.adapter.text import facets, graphemes, length
from shared.content import Content, Kind
from shared.payload import Rendition

_WITH_MEDIA = {Kind.IMAGE, Kind.CAROUSEL, Kind.VIDEO, Kind.REEL, Kind.STORY}


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that a content breaks on one channel."""

    channel: str
    limit: str
    """Which one: text, thread, kind, media, type, alt, poll options, poll option, poll time, tags or tag."""
    most: int
    count: int
    unit: str
    place: str
    """A JSON pointer into the content, such as `/thread/2/text`."""
    message: str


def limits_broken(
    content: Content,
    channel: str,
    spec: Spec,
    renditions: Sequence[Rendition] | None = None,
    said: Sequence[Draft] | None = None,
) -> list[Excess]:
    """Return every limit that a content breaks on a channel; empty where all is well.

    Ask at the door without `renditions`, and again with them: only then is the credit of a Commons file known. Limits
    of the channel's own account are in `spec` already (`Spec.adjusted`). `said` are the `drafts` of just these, where
    the caller has them already.
    """
    said = drafts(content, spec, renditions) if said is None else said
    found = [*_kinds(content, spec, renditions or ()), *_thread(said, spec)]
    for draft in said:
        found += [*_texts(draft, content, spec), *_tags(draft, spec), *_media(draft, spec)]
    found += _poll(content, spec)
    return [
        Excess(channel, one.limit, one.most, one.count, one.unit, one.place, f"{channel}: {one.message}")
        for one in found
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    limit: str
    most: int
    count: int
    unit: str
    place: str
    message: str


def _kinds(content: Content, spec: Spec, renditions: Sequence[Rendition]) -> Iterator[_Found]:
    kind = kind_of(content, renditions)
    if kind not in spec.kinds:
        place = "/poll" if content.poll and not content.kind else "/kind"
        taken = ", ".join(sorted(spec.kinds))
        yield _Found("kind", 0, 1, "posts", place, f"{spec.name} takes no {kind}; it takes {taken}")
    elif content.poll and Kind.POLL not in spec.kinds:
        yield _Found("kind", 0, 1, "polls", "/poll", f"{spec.name} takes no poll; leave it out for this channel")
    if kind in _WITH_MEDIA and not content.media:
        yield _Found("media", 1, 0, "media", "/media", f"a post of kind {kind} needs a medium; add one")
    if kind is Kind.POLL and not content.poll:
        yield _Found("poll options", 2, 0, "options", "/poll", "a post of kind poll needs 'poll'; add it")


def _thread(said: Sequence[Draft], spec: Spec) -> Iterator[_Found]:
    if len(said) > spec.thread:
        message = f"a thread has {spec.thread} posts at the most, this one has {len(said)}; join or drop some"
        yield _Found("thread", spec.thread, len(said), "posts", "/thread", message)


def _texts(draft: Draft, content: Content, spec: Spec) -> Iterator[_Found]:
    warning = (content.content_warning or "") if spec.warning is WarningPlace.COUNTED else ""
    for limit in spec.text:
        count = length(draft.text, limit) + (length(warning, limit) if warning else 0)
        if count > limit.most:
            message = (
                f"the text may have {limit.most} {limit.unit}, and has {count}{_added(draft, warning)}; shorten it"
            )
            yield _Found("text", limit.most, count, limit.unit, f"{draft.place}/text", message)


def _added(draft: Draft, warning: str) -> str:
    """Say what is in the count besides what the caller wrote as text."""
    added = ["the credit"] if any(line in draft.text for line in draft.thanks) else []
    added += ["the content warning"] if warning else []
    return f", {' and '.join(added)} included" if added else ""


def _tags(draft: Draft, spec: Spec) -> Iterator[_Found]:
    if spec.tags is None and spec.tag is None:
        return
    tags = [facet.value for facet in facets(draft.text) if facet.kind == "tag"]
    place = f"{draft.place}/text"
    if spec.tags is not None and len(tags) > spec.tags:
        message = f"the text may have {spec.tags} hashtags, and has {len(tags)}; drop some"
        yield _Found("tags", spec.tags, len(tags), "hashtags", place, message)
    for tag in tags:
        if spec.tag is not None and (count := graphemes(tag)) > spec.tag:
            message = f"a hashtag may have {spec.tag} graphemes, and #{tag[:20]}… has {count}; shorten it"
            yield _Found("tag", spec.tag, count, "graphemes", place, message)


def _media(draft: Draft, spec: Spec) -> Iterator[_Found]:
    most = spec.images.most if spec.images else 0
    count = len(draft.media)
    if count > most:
        place = draft.media[0].needed.place.rpartition("/")[0]
        message = f"a post takes {most} images at the most, this one has {count}; drop some"
        yield _Found("media", most, count, "images", place, message)
    if count and draft.poll and Kind.POLL in spec.kinds:
        yield _Found("media", 0, count, "images", "/poll", "a poll takes no media beside it; drop one of the two")
    for shown in draft.media:
        yield from _medium(shown, spec)


def _medium(shown: Shown, spec: Spec) -> Iterator[_Found]:
    place, kind = shown.needed.place, shown.rendition.type
    if not kind.startswith("image/"):
        yield _Found("type", 0, 1, "media", place, f"{spec.name} takes images only, this is {kind}; leave it out")
    if spec.images and (count := graphemes(shown.alt)) > spec.images.alt:
        most = spec.images.alt
        message = f"an alternative text may have {most} graphemes, and this has {count}; shorten it"
        yield _Found("alt", most, count, "graphemes", f"{place}/alt", message)


def _poll(content: Content, spec: Spec) -> Iterator[_Found]:
    poll, limit = content.poll, spec.poll
    if poll is None or limit is None:
        return
    if (count := len(poll.options)) > limit.options:
        message = f"a poll has {limit.options} options at the most, this one has {count}; drop some"
        yield _Found("poll options", limit.options, count, "options", "/poll/options", message)
    for number, option in enumerate(poll.options):
        if (count := graphemes(option)) > limit.option:
            message = f"an option may have {limit.option} graphemes, and this has {count}; shorten it"
            yield _Found("poll option", limit.option, count, "graphemes", f"/poll/options/{number}", message)
    shortest, longest = int(limit.shortest.total_seconds()), int(limit.longest.total_seconds())
    if not shortest <= poll.seconds <= longest:
        broken = shortest if poll.seconds < shortest else longest
        message = f"a poll is open for {shortest} to {longest} seconds, not {poll.seconds}; change 'seconds'"
        yield _Found("poll time", broken, poll.seconds, "seconds", "/poll/seconds", message)
