"""What of a content breaks a platform's limits: asked at the door, before anything is fetched or stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.adapter.compose import NOTHING_YET, Draft, comment_of, drafts, kind_of
from shared.adapter.form import Field
from shared.adapter.limits_form import form_broken
from shared.adapter.limits_media import Found, media_broken
from shared.adapter.spec import Spec, TextLimit, WarningPlace
from shared.adapter.text import COUNTERS, facets, graphemes, length
from shared.content import Content, Kind
from shared.payload import Rendition


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that a content breaks on one channel."""

    channel: str
    limit: str
    """Which one: kind, refers_to, title, text, comment, warning, credit, thread, tags, tag, mentions, links, link,
    media, type, alt, captions, bytes, codec, rate, time, ratio, side, poll, poll options, poll option, poll answers or
    poll time."""
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
    kind = _supposed(kind_of(content, renditions or ()), content, spec, renditions)
    found = [*form_broken(kind, content, spec), *_thread(said, spec), *_titles(kind, content, spec)]
    for draft in said:
        found += [*_texts(kind, draft, content, spec), *_counted(draft, spec), *media_broken(kind, draft, spec)]
    found += [*_comments(kind, content, spec, said), *_poll(content, spec)]
    return [
        Excess(channel, one.limit, one.most, one.count, one.unit, one.place, f"{channel}: {one.message}")
        for one in found
    ]


def _supposed(kind: Kind, content: Content, spec: Spec, renditions: Sequence[Rendition] | None) -> Kind:
    """Take a medium that was not looked at for a video, where the platform takes no picture."""
    unseen = kind is Kind.IMAGE and content.kind is None and (not renditions or renditions[0] == NOTHING_YET)
    return Kind.VIDEO if unseen and kind not in spec.kinds and Kind.VIDEO in spec.kinds else kind


def _thread(said: Sequence[Draft], spec: Spec) -> Iterator[Found]:
    if len(said) > spec.thread:
        message = f"a thread has {spec.thread} posts at the most, this one has {len(said)}; join or drop some"
        yield Found("thread", spec.thread, len(said), "posts", "/thread", message)


def _titles(kind: Kind, content: Content, spec: Spec) -> Iterator[Found]:
    limit = spec.title
    if limit is None or not limit.holds(kind):
        return
    if content.title:
        yield from _long("title", content.title, limit, "/title")
    elif spec.title_needed:
        yield Found("title", 1, 0, "titles", "/title", f"{spec.name} shows a title; add 'title'")


def _comments(kind: Kind, content: Content, spec: Spec, said: Sequence[Draft]) -> Iterator[Found]:
    comment = comment_of(content, spec, said)
    if Field.COMMENT in spec.lacks.get(kind, ()):
        return  # `form_broken` says so
    if comment and spec.comment is None:
        message = f"{spec.name} takes no first comment; leave it out for this channel"
        yield Found("comment", 0, 1, "comments", "/first_comment", message)
    elif comment and spec.comment:
        yield from _long("comment", comment, spec.comment, "/first_comment")


def _texts(kind: Kind, draft: Draft, content: Content, spec: Spec) -> Iterator[Found]:
    warning = (content.content_warning or "") if spec.warning is WarningPlace.COUNTED else ""
    if not draft.media and kind is not Kind.REPOST and not draft.text.strip():
        message = "the post says nothing; write a text, or add a medium"
        yield Found("text", 1, 0, "characters", f"{draft.place}/text", message)
    for limit in spec.text:
        if limit.holds(kind):
            yield from _long("text", draft.text, limit, f"{draft.place}/text", warning, _added(draft, warning))


def _long(name: str, text: str, limit: TextLimit, place: str, beside: str = "", added: str = "") -> Iterator[Found]:
    """Give what a text breaks of its limit; `beside` counts with it."""
    count = length(text, limit) + (length(beside, limit) if beside else 0)
    if count > limit.most:
        message = f"the {name} may have {limit.most} {limit.unit}, and has {count}{added}; shorten it"
        yield Found(name, limit.most, count, limit.unit, place, message)
    if found := sorted(set(text) & set(limit.without)):
        message = f"the {name} may not have {' or '.join(found)}; write it without"
        yield Found(name, 0, len(found), "characters", place, message)


def _added(draft: Draft, warning: str) -> str:
    """Say what is in the count besides what the caller wrote as text."""
    added = ["the credit"] if any(line in draft.text for line in draft.thanks) else []
    added += ["the content warning"] if warning else []
    return f", {' and '.join(added)} included" if added else ""


def _counted(draft: Draft, spec: Spec) -> Iterator[Found]:
    """Give what there is too much of in a text: hashtags, mentions, addresses."""
    if spec.tags is None and spec.tag is None and spec.mentions is None and spec.links is None:
        return
    found = facets(draft.text)
    tags = [facet.value for facet in found if facet.kind == "tag"]
    links = {facet.value for facet in found if facet.kind == "link"} | ({draft.link.url} if draft.link else set())
    place = f"{draft.place}/text"
    for name, most, count, unit in (
        ("tags", spec.tags, len(tags), "hashtags"),
        ("mentions", spec.mentions, sum(facet.kind == "mention" for facet in found), "mentions"),
        ("links", spec.links, len(links), "addresses"),
    ):
        if most is not None and count > most:
            message = f"the text may have {most} {unit}, and has {count}; drop some"
            yield Found(name, most, count, unit, place, message)
    for tag in tags:
        if spec.tag is not None and (count := graphemes(tag)) > spec.tag:
            message = f"a hashtag may have {spec.tag} graphemes, and #{tag[:20]}… has {count}; shorten it"
            yield Found("tag", spec.tag, count, "graphemes", place, message)


def _poll(content: Content, spec: Spec) -> Iterator[Found]:
    poll, limit = content.poll, spec.poll
    if poll is None or limit is None:
        return
    if (count := len(poll.options)) > limit.options:
        message = f"a poll has {limit.options} options at the most, this one has {count}; drop some"
        yield Found("poll options", limit.options, count, "options", "/poll/options", message)
    for number, option in enumerate(poll.options):
        if (count := COUNTERS[limit.unit](option)) > limit.option:
            message = f"an option may have {limit.option} {limit.unit}, and this has {count}; shorten it"
            yield Found("poll option", limit.option, count, limit.unit, f"/poll/options/{number}", message)
        if option in poll.options[:number]:
            message = "an option is there once, this one is there before; change one of the two"
            yield Found("poll option", 1, 2, "options", f"/poll/options/{number}", message)
    if poll.multiple and not limit.multiple:
        message = "a poll takes one answer of each reader here; leave 'multiple' out"
        yield Found("poll answers", 1, len(poll.options), "answers", "/poll/multiple", message)
    shortest, longest = int(limit.shortest.total_seconds()), int(limit.longest.total_seconds())
    if not shortest <= poll.seconds <= longest:
        broken = shortest if poll.seconds < shortest else longest
        message = f"a poll is open for {shortest} to {longest} seconds, not {poll.seconds}; change 'seconds'"
        yield Found("poll time", broken, poll.seconds, "seconds", "/poll/seconds", message)
